/* One-hot vectors (chapter 2). One point: a one-hot vector times a matrix takes out a row of it.
   The reader types two rows of letters; X (B, T), its transpose (T, B) and the planes (T, B, V) stand in the
   order of the chapter, with the book's vocabulary (V = 28) and the chapter's matrix by hand: 1, 2, 3, ... */
(function (Kit) {
  "use strict";
  const VOCAB = ["<unk>", ...Array.from(" etainoshrdlmucfwgypbvkxzjq")];
  const V = VOCAB.length, H = 3, B = 2, LONGEST = 8;
  const W = Array.from({ length: V }, (_, j) => Array.from({ length: H }, (_, k) => H * j + k + 1));

  /* ---------- the numbers, without drawing ---------- */
  const indexOf = (c) => Math.max(0, VOCAB.indexOf(c));
  const tidy = (string) => string.toLowerCase().replace(/\s/g, " ");
  const within = (v, n) => Math.max(0, Math.min(n - 1, Math.round(v) || 0));
  /* Two rows of the same length: the shorter one is filled up with spaces. `typed`: how many are the reader's. */
  function rowsOf({ row0, row1 }) {
    const rows = [row0, row1].map((row) => Array.from(tidy(row)).slice(0, LONGEST));
    const T = Math.max(1, ...rows.map((row) => row.length));
    const filled = rows.map((row) => Array.from({ length: T }, (_, t) => row[t] || " "));
    return { rows: filled, typed: rows.map((row) => row.length) };
  }
  const transposed = (X) => X[0].map((_, t) => X.map((row) => row[t]));
  const oneHot = (i) => Array.from({ length: V }, (_, j) => (j === i ? 1 : 0));
  /* The product as it is defined: every row of W times its entry, and all of them added up. */
  const product = (x) => W[0].map((_, k) => x.reduce((sum, xj, j) => sum + xj * W[j][k], 0));

  const spoken = (c) => (c === " " ? ["空格", "space"] : [c, c]);
  const span = (name, ...inside) => Kit.el("span", { class: name }, ...inside);
  const symbol = (letter) => Kit.el("i", { class: "fig-symbol" }, letter);
  const percent = (j) => (100 * j) / V + "%";

  /* ---------- X (B, T): two films, a letter above its number ---------- */
  function films(pick) {
    const grid = Kit.el("div", { class: "fig-onehot__films", role: "radiogroup",
      "aria-label": ["选一个字符", "Choose a character"] });
    let cells = [], T = 1, now = [0, 0], lengths = [];
    const focus = () => cells.find((node) => node.tabIndex === 0).focus({ preventScroll: true });
    grid.addEventListener("keydown", (event) => {
      const [t, b] = now, go = { ArrowRight: [t + 1, b], ArrowLeft: [t - 1, b], ArrowDown: [t, b + 1],
        ArrowUp: [t, b - 1], Home: [0, b], End: [T - 1, b] }[event.key];
      if (!go || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      pick(within(go[0], T), within(go[1], B));
      focus();
    });
    function frame(c, i, t, b) {
      const on = t === now[0] && b === now[1], fill = t >= lengths[b];
      const [zh, en] = fill ? ["补的空格", "a space filled in"] : spoken(c);
      return Kit.el("button", { class: "fig-onehot__cell" + (fill ? " is-filled" : ""), type: "button",
        role: "radio", "data-at": `${t},${b}`, "aria-checked": String(on), tabindex: on ? 0 : -1,
        "aria-label": [`第 ${b} 行第 ${t} 步：${zh}，编号 ${i}`, `row ${b}, step ${t}: ${en}, number ${i}`] },
      Kit.el("b", {}, Kit.shown(c)), String(i));
    }
    return { el: grid, draw({ rows, typed }, X, t, b) {
      const held = grid.contains(document.activeElement);
      T = rows[0].length;
      lengths = typed;
      now = [t, b];
      cells = rows.flatMap((row, r) => row.map((c, s) => frame(c, X[r][s], s, r)));
      const above = (s) => Kit.el("small", { "aria-hidden": "true" }, s ? String(s) : "t = 0");
      const steps = rows[0].map((_, s) => above(s));
      grid.style.setProperty("--steps", T);
      grid.replaceChildren(...steps, ...cells);
      if (held) focus();
    } };
  }

  /* ---------- (T, B) and, beside each of its rows, the plane (B, V) of that step ---------- */
  function planes() {
    const ends = [0, V - 1].map((j) => Kit.el("small", { class: j ? "is-last" : "", style: { left: percent(j) } },
      String(j)));
    const here = Kit.el("small", { class: "is-at" }), rows = Kit.el("div");
    const names = Array.from({ length: B }, (_, b) => Kit.el("small", {}, `b = ${b}`));
    const line = (name, left, pair, right) => Kit.el("div", { class: "fig-onehot__step" + name },
      span("fig-onehot__t", left), Kit.el("div", { class: "fig-onehot__pair" }, ...pair), right);
    const el = Kit.el("div", { class: "fig-onehot__planes", role: "img", style: { "--v": V } },
      line(" fig-onehot__axis", "t", names, Kit.el("div", { class: "fig-onehot__scale" }, ...ends, here)),
      rows);

    function step(indices, s, t, b) {
      const on = (r) => (s === t && r === b ? " is-at" : "");
      const named = (name, r) => ({ class: name + on(r), "data-at": `${s},${r}` });
      const pair = indices.map((i, r) => Kit.el("span", named("fig-onehot__cell", r), String(i)));
      const ones = indices.map((i, r) =>
        Kit.el("div", named("fig-onehot__line", r), Kit.el("i", { style: { left: percent(i) } }, "1")));
      return line("", String(s), pair, Kit.el("div", { class: "fig-onehot__plane" }, ...ones));
    }
    return { el, draw(X, t, b) {
      const at = X[b][t], shape = `(${X[0].length}, ${B}, ${V})`;
      here.textContent = at;
      here.style.left = percent(at);
      here.classList.toggle("is-last", at > V - 3);
      ends[0].hidden = at < 2;
      ends[1].hidden = at > V - 3;
      rows.replaceChildren(...transposed(X).map((indices, s) => step(indices, s, t, b)));
      Kit.attr(el, "aria-label", [`独热张量，形状 ${shape}：每一步一层，每行只有一个 1`,
        `The one-hot tensor, shape ${shape}: a plane for each step, a single 1 in every row`]);
    } };
  }

  /* ---------- the product, written out: V lines, of which one is left ---------- */
  function lookup() {
    const term = (name, parts, ...w) => Kit.el("div", { class: "fig-onehot__term" + name },
      span("is-name" + (parts[0] === " " ? " is-space" : ""), Kit.shown(parts[0])), span("", parts[1]),
      span("is-plus", parts[4] || ""), span("is-x", parts[2]), span("is-times", parts[3]), ...w);
    const numbers = (row) => row.map((w) => span("", String(w)));
    const lines = W.map((row, j) => term("", [VOCAB[j], String(j), "0", "×", j ? "+" : ""], ...numbers(row)));
    const head = term(" is-head", ["", "j", symbol("x"), ""],
      span("is-title", symbol("W"), Kit.el("sub", {}, "xh")));
    const sums = numbers(W[0]), sum = term(" is-sum", ["", "", "", "="], ...sums);
    const frame = Kit.el("i", { class: "fig-onehot__frame" });
    const el = Kit.el("div", { class: "fig-onehot__product", role: "img" }, head,
      Kit.el("div", { class: "fig-onehot__terms" }, ...lines, frame), sum);
    /* A letter that was typed can be picked here as well, where it comes first. */
    function typed(line, j, X) {
      const b = X.findIndex((row) => row.includes(j));
      line.classList.toggle("is-typed", b >= 0);
      if (b >= 0) line.dataset.at = `${X[b].indexOf(j)},${b}`;
      else delete line.dataset.at;
    }
    return { el, draw(i, X) {
      const x = oneHot(i), total = product(x), [zh, en] = spoken(VOCAB[i]);
      lines.forEach((line, j) => {
        line.classList.toggle("is-on", x[j] === 1);
        line.querySelector(".is-x").textContent = x[j];
        typed(line, j, X);
      });
      frame.style.setProperty("--j", i);
      sums.forEach((node, k) => { node.textContent = total[k]; });
      Kit.attr(el, "aria-label", [
        `${zh} 的独热向量乘 W_xh：${V - 1} 个 0，第 ${i} 个是 1；加起来是 ${total.join("、")}，正是 W_xh 的第 ${i} 行`,
        `The one-hot vector of ${en} times W_xh: ${V - 1} zeros and a 1 at number ${i}; ` +
        `the sum is ${total.join(", ")}, which is row ${i}`]);
      return total;
    } };
  }

  /* ---------- the figure ---------- */
  /* Any cell that stands for a character can be pointed at; with a mouse also by dragging over several. */
  function pointing(area, pick) {
    let held = false;
    function at(event) {
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const node = under && under.closest("[data-at]");
      if (node && area.contains(node)) pick(...node.dataset.at.split(",").map(Number));
    }
    area.addEventListener("pointerdown", (event) => {
      held = event.pointerType === "mouse" && !event.button && Boolean(event.target.closest("[data-at]"));
    });
    area.addEventListener("pointermove", (event) => { if (held) at(event); });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      area.addEventListener(end, () => { held = false; });
    }
    area.addEventListener("click", (event) => {
      const node = event.target.closest("[data-at]");
      if (node) pick(...node.dataset.at.split(",").map(Number));
    });
  }
  const CAPTION = [
    `打几个字母，点其中一个。它的独热向量 *x* 写成一列，与 *W*_{xh} 的乘法逐行写全：${V - 1} 行乘 0，一行乘 1，` +
    `加起来就是那一行。*W*_{xh} 里是 1 到 ${V * H}，好认。编号是这本书的词表；大写算小写，表里没有的字符编号是 0。`,
    "Type some letters and pick one. Its one-hot vector *x*, written as a column, times *W*_{xh}, written out in " +
    `full: ${V - 1} rows times 0 and one row times 1, so the sum is that row. *W*_{xh} holds 1 to ${V * H}, easy ` +
    "to recognize. The numbers are those of the book's vocabulary; capitals count as small letters, and any other " +
    "character is number 0.",
  ];

  function make(host, fig) {
    const pick = (t, b) => fig.set({ t, b }), table = films(pick), tensor = planes(), by = lookup();
    const fields = ["row0", "row1"].map((key, b) =>
      Kit.field([`第 ${b} 行`, `row ${b}`], { max: LONGEST, clean: tidy },
        (value) => fig.set({ [key]: value })));
    /* What a field has to say stands below both rows, with the number of its row. */
    const notes = Kit.el("div", { class: "fig-onehot__notes" }, ...fields.map((field, b) => Kit.el("p", {},
      [`第 ${b} 行：`, `row ${b}: `], field.el.querySelector(".fig-field__note"))));
    const filled = Kit.el("p", { class: "fig-muted" });
    notes.append(filled);
    const shapes = [0, 1, 2].map(() => span("fig-number"));
    const heading = (words, shape) => span("", Kit.el("b", {}, words), " ", shape);
    const which = Kit.el("p", { class: "fig-onehot__which" });
    const found = Kit.el("p", { class: "fig-onehot__found" }), all = Kit.el("p", { class: "fig-onehot__all" });
    const left = Kit.el("div", { class: "fig-onehot__left" },
      Kit.el("div", { class: "fig-head" }, heading(["编号", "Numbers"], shapes[0])),
      Kit.el("div", { class: "fig-onehot__typed" },
        Kit.el("div", { class: "fig-onehot__fields" }, ...fields.map((field) => field.el)), table.el), notes,
      Kit.el("div", { class: "fig-head fig-onehot__heads" }, heading(["转置", "Transposed"], shapes[1]),
        heading(["独热：一步一层", "One-hot: a plane for each step"], shapes[2])),
      tensor.el);
    host.append(
      Kit.el("p", { class: "fig-onehot__question" },
        ["独热向量乘一个矩阵，得到什么？", "What is a one-hot vector times a matrix?"]),
      Kit.el("div", { class: "fig-onehot__two" }, left,
        Kit.el("div", { class: "fig-onehot__right" }, which, by.el, found, all)),
      Kit.el("figcaption", { class: "fig-note" }, CAPTION));
    pointing(left, pick);
    pointing(by.el, pick);

    function draw(values, keys) {
      const given = rowsOf(values), { rows, typed } = given, X = rows.map((row) => row.map(indexOf)), T = rows[0].length;
      const t = within(values.t, T), b = within(values.b, B), i = X[b][t], [zh, en] = spoken(rows[b][t]);
      fields.forEach((field, r) => field.draw(values["row" + r]));
      [[B, T], [T, B], [T, B, V]].forEach((shape, n) => { shapes[n].textContent = `(${shape.join(", ")})`; });
      table.draw(given, X, t, b);
      tensor.draw(X, t, b);
      const total = by.draw(i, X);
      filled.hidden = typed[0] === typed[1];
      const short = typed[0] < typed[1] ? 0 : 1;
      if (!filled.hidden) Kit.say(filled, [`第 ${short} 行短，补上空格（虚线框）`,
        `Row ${short} is shorter: filled with spaces (dashed)`]);
      Kit.say(which, [`第 ${t} 步第 ${b} 行的 _${zh}_，编号 _${i}_`,
        `Step ${t}, row ${b}: _${en}_ is number _${i}_`]);
      Kit.say(found, [`正是 *W*_{xh} 的第 ${i} 行`, `which is row ${i} of *W*_{xh}`]);
      Kit.say(all, [`${B * T} 个向量都这样各取一行：`, `All ${B * T} vectors take out a row each: `]);
      Kit.fill(all, span("fig-keep", `(${T}, ${B}, ${V}) @ (${V}, ${H})`), " ",
        span("fig-keep", `= (${T}, ${B}, ${H})`));
      const written = (table) => table.map((row) => row.join(" ")).join("|");
      Object.assign(host.dataset, { letter: rows[b][t], index: i, shape: [T, B, V].join(","),
        indices: written(X), transposed: written(transposed(X)), product: total.join(","),
        row: W[i].join(",") });
      if (keys) fig.say([`${zh} 的编号是 ${i}；乘积是 ${total.join("、")}，W_xh 的第 ${i} 行`,
        `${en} is number ${i}; the product is ${total.join(", ")}, row ${i} of W_xh`]);
    }
    return { draw };
  }

  Kit.figure("onehot", {
    title: ["独热向量乘矩阵，取出一行", "A one-hot vector times a matrix takes out a row"],
    defaults: { row0: "time", row1: "watch", t: 3, b: 0 },
    packs: [],
    make,
  });
})(globalThis.Kit);
