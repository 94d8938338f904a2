/* One-hot vectors (chapter 2). One point: a one-hot vector times a matrix takes out a row of it.
   The reader types two rows of letters; X (B, T), its transpose (T, B) and the planes (T, B, V) stand in the order of
   the chapter, with its vocabulary (V = 28) and its matrix by hand: W[j] = 3j + 1, 3j + 2, 3j + 3. */
(function (Kit) {
  "use strict";
  const VOCAB = ["<unk>", ...Array.from(" etainoshrdlmucfwgypbvkxzjq")];
  const V = VOCAB.length, H = 3, B = 2, LONGEST = 8;
  const W = Array.from({ length: V }, (_, j) => Array.from({ length: H }, (_, k) => H * j + k + 1));

  /* ---------- the numbers, without drawing ---------- */
  const indexOf = (c) => Math.max(0, VOCAB.indexOf(c));
  const tidy = (string) => string.toLowerCase().replace(/\s/g, " ");
  /* Two rows of the same length: the shorter one is filled up with spaces. */
  function rowsOf(values) {
    const rows = [values.row0, values.row1].map((row) => Array.from(tidy(row)).slice(0, LONGEST));
    const T = Math.max(1, ...rows.map((row) => row.length));
    return rows.map((row) => Array.from({ length: T }, (_, t) => row[t] || " "));
  }
  const indices = (rows) => rows.map((row) => row.map(indexOf));
  const transposed = (X) => X[0].map((_, t) => X.map((row) => row[t]));
  const oneHot = (i) => Array.from({ length: V }, (_, j) => (j === i ? 1 : 0));
  /* The product as it is defined: every row times its entry, all added up. */
  const product = (x) => W[0].map((_, k) => x.reduce((sum, xj, j) => sum + xj * W[j][k], 0));

  const letter = (c) => (VOCAB.includes(c) ? Kit.shown(c) : c);
  const spoken = (c) => (c === " " ? ["空格", "space"] : [c, c]);

  /* ---------- (B, T) and (T, B): tables of indices ---------- */
  function cell(t, b, i, c) {
    return Kit.el("span", { class: "fig-onehot__cell", "data-at": `${t},${b}` }, Kit.el("b", {}, c === undefined ? null : letter(c)), String(i));
  }
  function films(pick) {
    const grid = Kit.el("div", { class: "fig-onehot__films", role: "radiogroup", "aria-label": ["选一个字符", "Choose a character"] });
    let cells = [], T = 1, now = [0, 0];
    grid.addEventListener("keydown", (event) => {
      const [t, b] = now, go = { ArrowRight: [t + 1, b], ArrowLeft: [t - 1, b], ArrowDown: [t, b + 1], ArrowUp: [t, b - 1],
        Home: [0, b], End: [T - 1, b] }[event.key];
      if (!go || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      pick(Math.max(0, Math.min(T - 1, go[0])), Math.max(0, Math.min(B - 1, go[1])));
      cells.find((node) => node.tabIndex === 0).focus({ preventScroll: true });
    });
    return { el: grid, draw(rows, X, t, b) {
      const held = grid.contains(document.activeElement);
      T = rows[0].length;
      now = [t, b];
      cells = rows.flatMap((row, i) => row.map((c, s) => {
        const on = s === t && i === b, [zh, en] = spoken(c);
        return Kit.el("button", { class: "fig-onehot__cell", type: "button", role: "radio", "data-at": `${s},${i}`, "aria-checked": String(on),
          tabindex: on ? 0 : -1, "aria-label": [`第 ${i} 行第 ${s} 步：${zh}，${X[i][s]} 号`, `row ${i}, step ${s}: ${en}, number ${X[i][s]}`] },
        Kit.el("b", {}, letter(c)), String(X[i][s]));
      }));
      grid.style.setProperty("--steps", T);
      grid.replaceChildren(...rows[0].map((_, s) => Kit.el("small", { "aria-hidden": "true" }, s === 0 ? "t = 0" : String(s))), ...cells);
      if (held) cells.find((node) => node.tabIndex === 0).focus({ preventScroll: true });
    } };
  }

  /* ---------- (T, B) and, beside each of its rows, the plane (B, V) of that step ---------- */
  function planes() {
    const rows = Kit.el("div"), ends = [Kit.el("small", {}, "0"), Kit.el("small", { style: { left: (100 * (V - 1)) / V + "%" } }, String(V - 1))];
    const here = Kit.el("small", { class: "is-at" });
    const axis = Kit.el("div", { class: "fig-onehot__step fig-onehot__axis" }, Kit.el("span", { class: "fig-onehot__t" }, "t"),
      Kit.el("div", { class: "fig-onehot__pair" }, ...Array.from({ length: B }, (_, b) => Kit.el("small", {}, `b = ${b}`))),
      Kit.el("div", { class: "fig-onehot__scale" }, ...ends, here));
    const el = Kit.el("div", { class: "fig-onehot__planes", role: "img", style: { "--v": V } }, axis, rows);
    return { el, draw(X, t, b) {
      const at = X[b][t];
      here.textContent = at;
      here.style.left = (100 * at) / V + "%";
      ends[0].hidden = at < 2;
      ends[1].hidden = at > V - 3;
      Kit.attr(el, "aria-label", [`独热张量，形状 (${X[0].length}, ${B}, ${V})：每一步一层，每行只有一个 1`,
        `The one-hot tensor, shape (${X[0].length}, ${B}, ${V}): a plane for each step, a single 1 in every row`]);
      rows.replaceChildren(...transposed(X).map((step, s) => {
        const lines = step.map((i, r) => Kit.el("div", { class: "fig-onehot__line" + (s === t && r === b ? " is-at" : ""), "data-at": `${s},${r}` },
          Kit.el("i", { style: { left: (100 * i) / V + "%" } }, "1")));
        return Kit.el("div", { class: "fig-onehot__step" + (s === t ? " is-at" : "") }, Kit.el("span", { class: "fig-onehot__t" }, String(s)),
          Kit.el("div", { class: "fig-onehot__pair" }, ...step.map((i, r) => {
            const node = cell(s, r, i);
            node.classList.toggle("is-at", s === t && r === b);
            return node;
          })), Kit.el("div", { class: "fig-onehot__plane" }, ...lines));
      }));
    } };
  }

  /* ---------- the product, written out: V lines, of which one is left ---------- */
  function lookup() {
    const lines = W.map((row, j) => Kit.el("div", { class: "fig-onehot__term" }, Kit.el("span", { class: j === 1 ? "is-name is-space" : "is-name" }, Kit.shown(VOCAB[j])),
      Kit.el("span", { class: "is-j" }, String(j)), Kit.el("span", { class: "is-x" }, "0"), Kit.el("span", {}, "×"),
      ...row.map((w) => Kit.el("span", { class: "is-w" }, String(w)))));
    const frame = Kit.el("i", { class: "fig-onehot__frame" });
    const sums = Array.from({ length: H }, () => Kit.el("span", { class: "is-w" }));
    const sum = Kit.el("div", { class: "fig-onehot__term is-sum" }, Kit.el("span", { class: "is-name" }), Kit.el("span", { class: "is-j" }),
      Kit.el("span", { class: "is-x" }), Kit.el("span", {}, "="), ...sums);
    const head = Kit.el("div", { class: "fig-onehot__term is-head" }, Kit.el("span", { class: "is-name" }), Kit.el("span", { class: "is-j" }, "j"),
      Kit.el("span", { class: "is-x" }, Kit.el("i", { class: "fig-symbol" }, "x")), Kit.el("span", {}),
      Kit.el("span", { class: "is-title" }, Kit.el("i", { class: "fig-symbol" }, "W"), Kit.el("sub", {}, "xh")));
    const list = Kit.el("div", { class: "fig-onehot__terms" }, ...lines, frame);
    const el = Kit.el("div", { class: "fig-onehot__product", role: "img" }, head, list, sum);
    return { el, lines, draw(i) {
      const x = oneHot(i), total = product(x);
      lines.forEach((line, j) => {
        line.classList.toggle("is-on", x[j] === 1);
        line.children[2].textContent = x[j];
      });
      frame.style.setProperty("--j", i);
      sums.forEach((node, k) => { node.textContent = total[k]; });
      const [zh, en] = spoken(VOCAB[i]);
      Kit.attr(el, "aria-label", [`${zh} 的独热向量乘 W_xh：${V - 1} 个 0，第 ${i} 个是 1；加起来是 ${total.join("、")}，正是第 ${i} 行`,
        `The one-hot vector of ${en} times W_xh: ${V - 1} zeros and a 1 at number ${i}; the sum is ${total.join(", ")}, which is row ${i}`]);
      return total;
    } };
  }

  /* ---------- the figure ---------- */
  /* Any cell that stands for a character can be pointed at, also by dragging over several. */
  function pointing(area, pick) {
    let held = false;
    function at(event) {
      const under = document.elementFromPoint(event.clientX, event.clientY), node = under && under.closest("[data-at]");
      if (node && area.contains(node)) pick(...node.dataset.at.split(",").map(Number));
    }
    area.addEventListener("pointerdown", (event) => {
      if (event.button || !event.target.closest("[data-at]")) return;
      held = true;
      if (event.pointerType === "mouse") at(event);
    });
    area.addEventListener("pointermove", (event) => { if (held && event.pointerType === "mouse") at(event); });
    area.addEventListener("click", (event) => { if (event.detail) at(event); });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) area.addEventListener(end, () => { held = false; });
  }

  function make(host, fig) {
    const pick = (t, b) => fig.set({ t, b });
    const fields = [0, 1].map((b) => Kit.field([`第 ${b} 行`, `row ${b}`], { max: LONGEST, clean: tidy },
      (value) => fig.set({ ["row" + b]: value })));
    const table = films(pick), tensor = planes(), by = lookup();
    const shapes = [0, 1, 2].map(() => Kit.el("span", { class: "fig-number" }));
    const heading = (words, shape) => Kit.el("span", {}, Kit.el("b", {}, words), " ", shape);
    const which = Kit.el("p", { class: "fig-onehot__which" }), found = Kit.el("p", { class: "fig-onehot__found" });
    const left = Kit.el("div", { class: "fig-onehot__left" },
      Kit.el("div", { class: "fig-head" }, heading(["下标", "Indices"], shapes[0])),
      Kit.el("div", { class: "fig-onehot__typed" }, Kit.el("div", { class: "fig-onehot__fields" }, ...fields.map((field) => field.el)), table.el),
      Kit.el("div", { class: "fig-head fig-onehot__heads" }, heading(["转置", "Transpose"], shapes[1]), heading(["独热", "One-hot"], shapes[2])),
      tensor.el);
    host.append(
      Kit.el("p", { class: "fig-onehot__question" }, ["独热向量乘一个矩阵，得到什么？", "What is a one-hot vector times a matrix?"]),
      Kit.el("div", { class: "fig-onehot__two" }, left, Kit.el("div", { class: "fig-onehot__right" }, which, by.el, found)),
      Kit.el("figcaption", { class: "fig-note" }, [
        `打几个字母，点其中一个。它的独热向量 *x* 竖起来，与 *W* 的乘法写全：${V - 1} 行乘 0，一行乘 1，加起来就是那一行。*W* 里是 1 到 ${V * H}，好认；编号是这本书的词表，表里没有的字符算 0 号。`,
        `Type some letters and point at one. Its one-hot vector *x*, stood upright, times *W*, written out in full: ${V - 1} rows times 0 and one row times 1, so the sum is that row. *W* holds 1 to ${V * H}, easy to recognize. The numbers are those of the book's vocabulary; any other character is number 0.`]));
    pointing(left, pick);

    function draw(values, keys) {
      const rows = rowsOf(values), X = indices(rows), T = X[0].length;
      const t = within(values.t, T), b = within(values.b, B), i = X[b][t];
      fields.forEach((field, r) => field.draw(values["row" + r]));
      [`(${B}, ${T})`, `(${T}, ${B})`, `(${T}, ${B}, ${V})`].forEach((shape, n) => { shapes[n].textContent = shape; });
      table.draw(rows, X, t, b);
      tensor.draw(X, t, b);
      const total = by.draw(i), [zh, en] = spoken(rows[b][t]);
      Kit.say(which, [`第 ${t} 步第 ${b} 行的 _${zh}_ 是 _${i}_ 号`, `Step ${t}, row ${b}: _${en}_ is number _${i}_`]);
      Kit.say(found, [`正是 *W* 的第 ${i} 行`, `which is row ${i} of *W*`]);
      Object.assign(host.dataset, { letter: rows[b][t], index: i, shape: [T, B, V].join(","), indices: X.map((row) => row.join(" ")).join("|"),
        transposed: transposed(X).map((row) => row.join(" ")).join("|"), product: total.join(","), row: W[i].join(",") });
      if (keys) fig.say([`${zh} 是 ${i} 号；乘积是 ${total.join("、")}，W 的第 ${i} 行`, `${en} is number ${i}; the product is ${total.join(", ")}, row ${i} of W`]);
    }
    return { draw };
  }
  const within = (v, n) => Math.max(0, Math.min(n - 1, Math.round(v) || 0));

  Kit.figure("onehot", {
    title: ["独热向量乘矩阵，取出一行", "A one-hot vector times a matrix takes out a row"],
    defaults: { row0: "time", row1: "watch", t: 3, b: 0 },
    packs: [],
    make,
    product,
    oneHot,
    W,
  });
})(globalThis.Kit);
