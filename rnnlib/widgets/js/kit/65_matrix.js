/* A matrix as a heat map, with numbers where there is room for them.

   const matrix = Kit.matrix(label, {map, cell, height, numbers, format, point, read})
     map       "signed", "gate" or "amount" ("signed")
     cell      the widest cell in pixels (38)           height   of a row, in pixels (by itself)
     numbers   true, false or "auto" (where a cell has 30 pixels)
     format    value -> string (two places)
     point(i, j, how)   the reader points at a cell: how is "pointer", "key", or "leave" (i and j are null)
     read(i, j, value)  a pair, the line under the matrix; read: false: for ears only
   matrix.el
   matrix.draw({data, rows, cols, rowNames, colNames, rowTitle, colTitle, row, col, at, max, stride})
     data[i * stride + j]; stride: cols                 max      what the full colour stands for (1)
     row, col  a row or column to frame                 at       [i, j]: a cell to frame (the one pointed at)
   const planes = Kit.planes(label, {..., point(k, i, j, how)})     a stack of matrices as small multiples
   planes.el, planes.draw({planes: [{title, data, at, row, col}], rows, cols, rowNames, colNames, ...})
   Keyboard: arrows move from cell to cell, Home and End along the row, Escape leaves. */
(function (Kit) {
  "use strict";
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const two = (v) =>
    v
      .toFixed(2)
      .replace("-", "\u2212")
      .replace(/^\u22120\.00$/, "0.00");
  const name = (names, i) => (names && names[i] !== undefined ? names[i] : String(i));
  const half = (words, k) => (Array.isArray(words) ? words[k] : Kit.shown(words));

  const HINT = ["指着一格看它的数", "Point at a cell to read it"];
  const letters = (s) => Array.from(String(s)).reduce((sum, c) => sum + (Kit.wide(c) ? 1.8 : 1), 0);
  const wordLength = (n) => Math.max(...(Array.isArray(n) ? n : [n]).map(letters));
  function reading({ rowNames, colNames }, i, j, v, format) {
    const words = [0, 1].map((k) => [half(name(rowNames, i), k), half(name(colNames, j), k)]);
    return [`${words[0].join("，")}：${format(v)}`, `${words[1].join(", ")}: ${format(v)}`];
  }

  function matrix(label, options = {}) {
    const { map = "signed", cell = 38, numbers = "auto", format = two, point, read } = options;
    const canvas = Kit.el("canvas", { width: 1, height: 1 }),
      digits = Kit.el("div", { class: "fig-matrix__digits", "aria-hidden": "true" });
    const frames = { row: frame("row"), col: frame("col"), at: frame("at") };
    const body = Kit.el(
      "div",
      { class: "fig-matrix__body" },
      canvas,
      digits,
      frames.row,
      frames.col,
      frames.at,
    );
    const rowNames = Kit.el("div", { class: "fig-matrix__rows", "aria-hidden": "true" });
    const colNames = Kit.el("div", { class: "fig-matrix__cols", "aria-hidden": "true" });
    const rowTitle = Kit.el("div", { class: "fig-matrix__rowtitle", "aria-hidden": "true" }),
      colTitle = Kit.el("div", { class: "fig-matrix__coltitle", "aria-hidden": "true" });
    const line = Kit.el("p", {
      class: read === false ? "fig-hidden" : "fig-matrix__read",
      "aria-live": "polite",
    });
    const grid = Kit.el(
      "div",
      {
        class: "fig-matrix__grid",
        role: point ? "group" : "img",
        tabindex: point ? "0" : null,
        "aria-label": label,
        "aria-roledescription": point ? ["矩阵，用箭头键移动", "matrix, move with the arrow keys"] : null,
      },
      colTitle,
      colNames,
      rowTitle,
      rowNames,
      body,
    );
    const el = Kit.el("div", { class: "fig-matrix" + (point ? "" : " is-still") }, grid, point ? line : null);
    let model = null,
      pointed = null,
      size = { w: 1, h: 1 };

    function frame(kind) {
      return Kit.el("i", { class: "fig-matrix__frame is-" + kind, hidden: true });
    }
    const value = (i, j) => model.data[i * model.stride + j];

    /* ----- sizes: as wide as there is room, never wider than `cell` ----- */
    function measure() {
      const { rows, cols } = model,
        longest = Math.max(0, ...(model.rowNames || []).map((n) => wordLength(n)));
      const side = (model.rowNames ? 8 + 7.5 * longest : 0) + (model.rowTitle ? 20 : 0),
        room = (el.clientWidth || 300) - side;
      const w = clamp(room / cols, 1, cell),
        h = options.height || clamp(numbers !== false && w >= 30 ? 24 : w, 3, 26);
      size = { w, h };
      body.style.width = w * cols + "px";
      body.style.height = h * rows + "px";
      colNames.style.width = w * cols + "px";
    }

    function paint() {
      const { rows, cols, max } = model,
        colours = Kit.palette(el, map);
      if (canvas.width !== cols || canvas.height !== rows)
        Object.assign(canvas, { width: cols, height: rows });
      const image = new ImageData(cols, rows),
        out = new Uint32Array(image.data.buffer);
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < cols; j++) out[i * cols + j] = colours[Kit.level(map, value(i, j) / max)];
      canvas.getContext("2d").putImageData(image, 0, 0);
    }
    function write() {
      const { rows, cols, max } = model,
        room = numbers === true || (numbers === "auto" && size.w >= 30 && size.h >= 16);
      digits.replaceChildren();
      if (!room || rows * cols > 600) return;
      digits.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / repeat(${cols}, minmax(0, 1fr))`;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          digits.append(
            Kit.el(
              "span",
              { style: { color: Kit.readable(el, map, value(i, j) / max) } },
              format(value(i, j)),
            ),
          );
        }
      }
    }
    /* Names only where there is room to read them; otherwise every second one, every fourth, ... */
    function names(host, list, count, step, need, across) {
      host.replaceChildren();
      if (!list) return;
      let every = 1;
      while (every * step < need) every *= 2;
      for (let i = 0; i < count; i += every) {
        const part = Kit.el("span", {
          style: { [across ? "left" : "top"]: (100 * (i + 0.5)) / count + "%" },
        });
        const words = name(list, i);
        host.append(Kit.fill(part, Array.isArray(words) ? words : Kit.shown(words)));
      }
    }
    function put(node, top, left, height, width) {
      node.hidden = false;
      Object.assign(node.style, {
        top: 100 * top + "%",
        left: 100 * left + "%",
        height: 100 * height + "%",
        width: 100 * width + "%",
      });
    }
    function mark() {
      const { rows, cols, row, col } = model,
        at = model.at || pointed;
      for (const node of Object.values(frames)) node.hidden = true;
      if (row !== undefined && row !== null) put(frames.row, row / rows, 0, 1 / rows, 1);
      if (col !== undefined && col !== null) put(frames.col, 0, col / cols, 1, 1 / cols);
      if (at) put(frames.at, at[0] / rows, at[1] / cols, 1 / rows, 1 / cols);
      if (at) el.dataset.at = at.join(",");
      else delete el.dataset.at;
      tell(at);
    }
    function tell(at) {
      if (!point) return;
      const v = at && value(...at);
      Kit.say(line, !at ? HINT : read ? read(...at, v) : reading(model, ...at, v, format));
    }
    function render() {
      if (!model) return;
      measure();
      paint();
      write();
      const wide = Math.max(0, ...(model.colNames || []).map(wordLength));
      names(colNames, model.colNames, model.cols, size.w, Math.max(12, 7.5 * wide + 4), true);
      names(rowNames, model.rowNames, model.rows, size.h, 12, false);
      rowNames.style.width = model.rowNames
        ? 8 + 7.5 * Math.max(...model.rowNames.map(wordLength)) + "px"
        : "0";
      for (const [node, words] of [
        [rowTitle, model.rowTitle],
        [colTitle, model.colTitle],
      ]) {
        node.hidden = !words;
        if (words) Kit.say(node, words);
      }
      colNames.hidden = !model.colNames;
      mark();
    }

    /* ----- pointing ----- */
    function go(i, j, how) {
      if (pointed && pointed[0] === i && pointed[1] === j) return;
      pointed = i === null ? null : [i, j];
      mark();
      point(i, j, how);
    }
    function cellOf(event) {
      const box = canvas.getBoundingClientRect();
      return [
        clamp(Math.floor(((event.clientY - box.top) / box.height) * model.rows), 0, model.rows - 1),
        clamp(Math.floor(((event.clientX - box.left) / box.width) * model.cols), 0, model.cols - 1),
      ];
    }
    if (point) {
      body.addEventListener("pointerdown", (event) => {
        if (!event.button && model) go(...cellOf(event), "pointer");
      });
      body.addEventListener("pointermove", (event) => {
        if (model && (event.pointerType === "mouse" || event.buttons)) go(...cellOf(event), "pointer");
      });
      body.addEventListener("pointerleave", (event) => {
        if (event.pointerType === "mouse") go(null, null, "leave");
      });
      grid.addEventListener("keydown", (event) => {
        if (!model || event.altKey || event.ctrlKey || event.metaKey) return;
        const [i, j] = model.at || pointed || [0, -1];
        if (event.key === "Escape" && pointed) {
          go(null, null, "leave");
          return;
        }
        const to = {
          ArrowLeft: [i, j - 1],
          ArrowRight: [i, j + 1],
          ArrowUp: [i - 1, Math.max(0, j)],
          ArrowDown: [i + 1, Math.max(0, j)],
          Home: [i, 0],
          End: [i, model.cols - 1],
        }[event.key];
        if (!to) return;
        event.preventDefault();
        go(clamp(to[0], 0, model.rows - 1), clamp(to[1], 0, model.cols - 1), "key");
      });
    }
    let width = 0;
    new ResizeObserver(() => {
      if (el.clientWidth === width) return; // its own height is none of its business
      width = el.clientWidth;
      render();
    }).observe(el);
    Kit.onTheme(
      Object.assign(
        () => {
          if (model) {
            paint();
            write();
          }
        },
        { node: el },
      ),
    );
    return {
      el,
      draw(next) {
        model = { max: 1, stride: next.cols, ...next };
        if (pointed && (pointed[0] >= model.rows || pointed[1] >= model.cols)) pointed = null;
        render();
      },
    };
  }

  function planes(label, options = {}) {
    const el = Kit.el("div", { class: "fig-planes", role: "group", "aria-label": label });
    const line = Kit.el("p", { class: "fig-matrix__read", "aria-hidden": "true" }),
      parts = [];
    let model = null;

    /* One line for all planes; each keeps its own for ears. */
    function tell(k, i, j) {
      if (i === null) {
        Kit.say(line, HINT);
        return;
      }
      const plane = model.planes[k],
        v = plane.data[i * (plane.stride || model.stride || model.cols) + j];
      const title = plane.title || ["", ""],
        words = options.read
          ? options.read(i, j, v, k)
          : reading({ ...model, ...plane }, i, j, v, options.format || two);
      Kit.say(
        line,
        [0, 1].map((n) => (title[n] ? title[n] + (n ? ", " : "，") : "") + words[n]),
      );
    }
    function part(k) {
      const title = Kit.el("p", { class: "fig-planes__title" });
      const point =
        options.point &&
        ((i, j, how) => {
          tell(k, i, j);
          options.point(k, i, j, how);
        });
      const one = matrix([`${label[0]} ${k + 1}`, `${label[1]} ${k + 1}`], {
        cell: 18,
        numbers: false,
        ...options,
        point,
        read: false,
      });
      const box = Kit.el("div", { class: "fig-planes__one" }, title, one.el);
      if (options.point) line.before(box);
      else el.append(box);
      return { title, one, box };
    }
    if (options.point) {
      el.append(line);
      Kit.say(line, HINT);
    }
    return {
      el,
      draw(next) {
        const { planes: list, ...shared } = (model = next);
        while (parts.length < list.length) parts.push(part(parts.length));
        const side = shared.rowNames ? 8 + 7.5 * Math.max(...shared.rowNames.map(wordLength)) : 0;
        el.style.setProperty(
          "--fig-plane",
          Math.ceil((options.cell || 18) * shared.cols + side + (shared.rowTitle ? 20 : 0)) + "px",
        );
        parts.forEach(({ title, one, box }, k) => {
          box.hidden = k >= list.length;
          if (box.hidden) return;
          Kit.say(title, list[k].title || ["", ""]);
          one.draw({ ...shared, ...list[k] });
        });
      },
    };
  }

  Object.assign(Kit, { matrix, planes });
})(globalThis.Kit);
