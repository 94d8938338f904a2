/* One time axis for a figure: rows of columns that share ONE cursor.

   const track = Kit.track(host, move, {veil, toggle, least})
     move(t, "pointer" | "key")   the reader wants the cursor at column t; it answers with track.cursor(t)
     veil     true: bands are veiled to the right of the cursor (not read yet)
     toggle   called when the space bar is pressed on the strip (start or stop a player)
     least    least width in pixels of a narrow letter (8); a longer text scrolls inside its own box
   track.n, track.t                 columns, and where the cursor stands
   track.resize(n, characters)      so many columns; with the characters, Chinese ones get two columns' width
   track.cursor(t)                  put the cursor there
   track.strip(label, speak) -> {el, write(characters)}
     the text, role slider; speak(t) gives the words for it; write() resizes the track
   track.plain(label) -> {el, write(parts)}
     a node or character for each column, no slider
   track.memory(label) -> {el, write(characters), draw(t, left, was)}
     letters faded by what is left of them, left(i) from 0 to 1, with hanging bars;
     was(i) or null: thin marks for how it was before
   track.band(map, label, {pick}) -> {el, draw(data, T, H, {stride, squash, range}), mark(j)}
     heat map of data[t * stride + j]; squash: through tanh; range: [low, high] instead of the map's own;
     pick(j, t): the reader points at row j; mark(j or null): a frame around row j
   Each el goes into Kit.row(label, el, side).
   Keyboard on the strip: arrows by letters, Page Up / Down by words, Home, End, space (toggle).

   A text that scrolls: host[data-scrolls], and [data-before], [data-after] where there is more of it.

   The cursor is one small element in each row: moving it repaints no canvas and restyles nothing else. (One
   inherited variable on the host looked neater, and cost 10 ms a step.) */
(function (Kit) {
  "use strict";
  const EDGE = 28; // pixels from the edge of a scrolled text where it begins to move along under a hand
  const AHEAD = 0.3; // without a hand: this share of what can be seen is kept free around the cursor
  const wide = (c) =>
    /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]/.test(c) ||
    (c.codePointAt(0) >= 0x20000 && c.codePointAt(0) < 0x40000);
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

  /* Where each column starts, in units of a narrow letter, and which column a unit belongs to. */
  function layout(n, characters) {
    const weights = Array.from({ length: n }, (_, i) => (characters && wide(characters[i] || "") ? 2 : 1));
    const starts = [0],
      columns = [];
    weights.forEach((w, i) => {
      starts.push(starts[i] + w);
      for (let k = 0; k < w; k++) columns.push(i);
    });
    const even = weights.every((w) => w === weights[0]);
    const template = even
      ? `repeat(${n}, minmax(0, 1fr))`
      : weights.map((w) => `minmax(0, ${w}fr)`).join(" ");
    return { weights, starts, columns, total: starts[n], template };
  }

  /* The next end of a word: there the network has just read it. A text without spaces goes by fives. */
  function wordEnd(sentence, from, by) {
    if (!sentence.includes(" ")) return from + 5 * by;
    let t = from + by;
    while (t > 0 && t < sentence.length - 1 && !(sentence[t] !== " " && sentence[t + 1] === " ")) t += by;
    return t;
  }

  function track(host, move, options = {}) {
    const least = options.least || 8,
      rows = [],
      strips = [],
      bands = [];
    let plan = layout(1),
      scrolled = false,
      offset = 0;
    const self = { n: 1, t: 0 };

    function columns(kind, attributes, ...inside) {
      const veil = kind === "band" && options.veil ? Kit.el("i", { class: "fig-veil" }) : null;
      const cursor = Kit.el("i", { class: "fig-cursor" }),
        inner = Kit.el("div", { class: "fig-inner" }, ...inside, veil, cursor);
      const el = Kit.el("div", { class: "fig-cols fig-" + kind, ...attributes }, inner),
        row = { el, inner, cursor, veil };
      rows.push(row);
      el.addEventListener("scroll", () => scroll(el.scrollLeft), { passive: true });
      place(row);
      return el;
    }

    /* ----- the cursor ----- */
    function place({ cursor, veil }) {
      cursor.style.left = (100 * plan.starts[self.t]) / plan.total + "%";
      cursor.style.width = (100 * plan.weights[self.t]) / plan.total + "%";
      if (veil) veil.style.left = (100 * plan.starts[self.t + 1]) / plan.total + "%";
    }
    self.cursor = (t) => {
      self.t = clamp(Math.round(t) || 0, 0, self.n - 1);
      host.dataset.t = self.t;
      rows.forEach(place);
      for (const draw of strips) draw();
      keep();
    };
    self.resize = (n, characters) => {
      self.n = Math.max(1, n);
      self.t = Math.min(self.t, self.n - 1);
      plan = layout(self.n, characters);
      host.style.setProperty("--fig-columns", plan.template);
      host.style.setProperty("--fig-least", plan.total * least + "px");
      rows.forEach(place);
      fit();
    };

    /* ----- width: the size of the letters, and scrolling where they would get too small ----- */
    /* Container units would do it without a script, but with a container in every row each movement of the
       cursor cost 40 ms of style and layout. */
    function fit() {
      const row = rows.find(({ el }) => el.clientWidth);
      if (!row) return;
      const width = Math.max(row.el.clientWidth, plan.total * least);
      scrolled = width > row.el.clientWidth + 1;
      host.style.setProperty("--fig-col", (width / plan.total).toFixed(2) + "px");
      host.toggleAttribute("data-scrolls", scrolled);
      hint();
      keep();
    }
    function scroll(to) {
      offset = to;
      for (const { el } of rows) if (Math.abs(el.scrollLeft - to) > 1) el.scrollLeft = to;
      hint();
    }
    /* Whether there is more at the left and at the right, for the style sheet. */
    function hint() {
      const row = rows.find(({ el }) => el.clientWidth);
      const rest = row ? row.inner.clientWidth - row.el.clientWidth - offset : 0;
      host.toggleAttribute("data-before", scrolled && offset > 1);
      host.toggleAttribute("data-after", scrolled && rest > 1);
    }
    function keep() {
      if (!scrolled) return;
      const row = rows.find(({ el }) => el.clientWidth);
      if (!row) return;
      const unit = row.inner.clientWidth / plan.total,
        room = row.el.clientWidth;
      const edge = held ? EDGE : AHEAD * room,
        from = plan.starts[self.t] * unit - edge,
        to = plan.starts[self.t + 1] * unit + edge;
      if (from < offset) scroll(Math.max(0, from));
      else if (to > offset + room) scroll(Math.min(row.inner.clientWidth - room, to - room));
    }
    new ResizeObserver(fit).observe(host);

    /* ----- the hand ----- */
    let held = null,
      last = null,
      edging = 0;
    function at(event) {
      const box = held.inner.getBoundingClientRect();
      const unit = Math.floor(((event.clientX - box.left) / box.width) * plan.total);
      return plan.columns[clamp(unit, 0, plan.total - 1)];
    }
    function drag(event) {
      last = event;
      const t = at(event);
      if (t !== self.t) move(t, "pointer");
    }
    function drop() {
      held = last = null;
      clearInterval(edging);
    }
    host.addEventListener("pointerdown", (event) => {
      const el = event.target.closest(".fig-cols"),
        row = rows.find((r) => r.el === el);
      if (!row || event.button) return;
      const bar = el.getBoundingClientRect().top + el.clientTop + el.clientHeight;
      if (scrolled && event.clientY > bar) return; // the scroll bar
      held = row;
      try {
        el.setPointerCapture(event.pointerId);
      } catch (gone) {
        /* the pointer has already left */
      }
      if (event.pointerType === "mouse") {
        event.preventDefault();
        if (el.tabIndex === 0) el.focus({ preventScroll: true });
      }
      last = event;
      move(at(event), "pointer");
      const band = bands.find((b) => b.el === el);
      if (band) band.point(event, at(event));
      if (scrolled) edging = setInterval(() => last && drag(last), 60);
    });
    host.addEventListener("pointermove", (event) => {
      if (held) drag(event);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) host.addEventListener(end, drop);

    /* ----- rows ----- */
    self.strip = (label, speak) => {
      const letters = Kit.el("div", { class: "fig-letters", "aria-hidden": "true" });
      const el = columns(
        "strip",
        {
          role: "slider",
          tabindex: "0",
          "aria-label": label,
          "aria-orientation": "horizontal",
          "aria-valuemin": "1",
          "aria-valuemax": "1",
          "aria-valuenow": "1",
        },
        letters,
      );
      let sentence = [];
      const say = () => {
        el.setAttribute("aria-valuemax", self.n);
        el.setAttribute("aria-valuenow", self.t + 1);
        const words = speak && speak(self.t);
        if (words) el.setAttribute("aria-valuetext", Array.isArray(words) ? Kit.text(words) : words);
      };
      el.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (event.key === " " && options.toggle) {
          event.preventDefault();
          options.toggle();
          return;
        }
        const to = {
          ArrowLeft: self.t - 1,
          ArrowRight: self.t + 1,
          ArrowDown: self.t - 1,
          ArrowUp: self.t + 1,
          Home: 0,
          End: self.n - 1,
          PageDown: wordEnd(sentence, self.t, 1),
          PageUp: wordEnd(sentence, self.t, -1),
        }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        move(clamp(to, 0, self.n - 1), "key");
      });
      const draw = () => {
        Array.from(letters.children).forEach((span, i) => {
          const name = i > self.t ? "is-ahead" : i === self.t ? "is-here" : "";
          if (span.className !== name) span.className = name;
        });
        if (sentence.length) say();
      };
      strips.push(draw);
      Kit.onLang(
        Object.assign(
          () => {
            if (sentence.length) say();
          },
          { node: el },
        ),
      );
      return {
        el,
        write(characters) {
          sentence = Array.from(characters);
          letters.replaceChildren(...sentence.map((c) => Kit.el("span", {}, c)));
          self.resize(sentence.length, sentence);
          draw();
        },
      };
    };

    self.plain = (label) => {
      const letters = Kit.el("div", { class: "fig-letters", "aria-hidden": "true" });
      const el = columns("plain", { role: "img", "aria-label": label }, letters);
      const node = (part) => (part instanceof Node ? part : Kit.el("span", {}, part));
      return {
        el,
        write(parts) {
          letters.replaceChildren(...Array.from(parts, node));
        },
      };
    };

    self.memory = (label) => {
      const letters = Kit.el("div", { class: "fig-letters", "aria-hidden": "true" });
      const el = columns("memory", { role: "img", "aria-label": label }, letters);
      let spans = [];
      return {
        el,
        write(characters) {
          spans = Array.from(characters, (c) => Kit.el("span", {}, c));
          letters.replaceChildren(...spans);
        },
        draw(t, left, was) {
          spans.forEach((span, i) => {
            const style =
              i > t
                ? ""
                : `--left:${left(i).toFixed(2)}` + (was ? `;--ghost:.85;--was:${was(i).toFixed(2)}` : "");
            if (span.dataset.now === style) return;
            span.dataset.now = style;
            span.className = style ? "" : "is-ahead";
            span.style.cssText = style;
          });
        },
      };
    };

    /* Time across, units down, a canvas pixel each (two for a Chinese character); the browser enlarges it. */
    self.band = (map, label, { pick } = {}) => {
      const canvas = Kit.el("canvas", { width: 1, height: 1 }),
        frame = Kit.el("i", { class: "fig-band__row", hidden: true });
      const el = columns("band", { role: "img", "aria-label": label }, canvas, frame);
      let shown = null;
      function paint() {
        if (!shown || !shown.T) return;
        const { data, T, H, stride, squash, range } = shown,
          colours = Kit.palette(host, map);
        const starts = T === self.n ? plan.starts : Array.from({ length: T + 1 }, (_, i) => i),
          W = starts[T];
        if (canvas.width !== W || canvas.height !== H) Object.assign(canvas, { width: W, height: H });
        const image = new ImageData(W, H),
          out = new Uint32Array(image.data.buffer);
        const low = map === "signed" ? -1 : 0;
        for (let t = 0; t < T; t++) {
          for (let j = 0; j < H; j++) {
            let v = data[t * stride + j];
            if (squash) v = Math.tanh(v);
            if (range) v = low + ((1 - low) * (v - range[0])) / (range[1] - range[0]);
            out.fill(colours[Kit.level(map, v)], j * W + starts[t], j * W + starts[t + 1]);
          }
        }
        canvas.getContext("2d").putImageData(image, 0, 0);
      }
      Kit.onTheme(Object.assign(paint, { node: el }));
      bands.push({
        el,
        point(event, t) {
          if (!pick || !shown) return;
          const box = canvas.getBoundingClientRect();
          pick(clamp(Math.floor(((event.clientY - box.top) / box.height) * shown.H), 0, shown.H - 1), t);
        },
      });
      return {
        el,
        draw(data, T, H, more) {
          shown = { data, T, H, stride: H, squash: false, range: null, ...more };
          paint();
        },
        mark(j) {
          frame.hidden = j === null || j === undefined || !shown;
          if (frame.hidden) return;
          frame.style.top = (100 * j) / shown.H + "%";
          frame.style.height = 100 / shown.H + "%";
        },
      };
    };
    return self;
  }

  Object.assign(Kit, { track, wide });
})(globalThis.Kit);
