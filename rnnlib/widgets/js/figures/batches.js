/* Text to minibatches (chapter 1). One point: in sequential partitioning every row goes on where it stopped.
   The cuts are those of rnnlib.data.batches, number by number: tests/site/test_figure_batches.py compares them. */
(function (Kit) {
  "use strict";
  const EN = "a time traveller never asks what time is it now";
  const ZH = "时间旅行者从来不问现在几点，他推开门先问今年是哪一年，再问门外的河还在不在，最后才问有没有早饭。";
  const LONGEST = 160;
  const SCHEMES = [
    { value: "sequential", words: ["顺序分区", "sequential partitioning"] },
    { value: "random", words: ["随机采样", "random sampling"] },
  ];

  /* ---------- the cuts, without drawing ---------- */
  /* Where each row of each minibatch starts: batches[k][b]. `most` is the largest offset that can be had. */
  function cut(N, { scheme, B, T, offset, seed }) {
    const needed = B * T + 1;
    if (N < needed) return { needed, batches: [] };
    const random = scheme === "random", wanted = random ? T - 1 : T;
    const most = Math.min(wanted, N - needed), from = Math.max(0, Math.min(offset, most));
    const order = random ? shuffled(Math.floor((N - 1 - from) / T), T, seed) : null;
    return { needed, most, offset: from, order, batches: random ? grouped(order, B, T, from) : sliding(N, B, T, from) };
  }
  /* The loader draws the offset first, then the order; so the order is the same for any offset of that length. */
  function shuffled(count, T, seed) {
    const rng = Kit.random(seed);
    rng.randint(0, T - 1);
    return rng.shuffle(Array.from({ length: count }, (_, i) => i));
  }
  function grouped(order, B, T, from) {
    const full = Math.floor(order.length / B);
    return Array.from({ length: full }, (_, k) => order.slice(k * B, (k + 1) * B).map((piece) => from + piece * T));
  }
  function sliding(N, B, T, from) {
    const length = Math.floor((N - from - 1) / B), full = Math.floor(length / T);
    return Array.from({ length: full }, (_, k) => Array.from({ length: B }, (_, b) => from + b * length + k * T));
  }
  const drawn = ({ scheme, T, seed }) => Kit.random(seed).randint(0, scheme === "random" ? T - 1 : T);

  /* How many rows of minibatch k go on in the next one; and at how many seams all rows do. */
  const going = ({ batches }, T, k) => batches[k].filter((start, b) => batches[k + 1][b] === start + T).length;
  function seams(plan, B, T) {
    const all = plan.batches.length - 1;
    return { all, joined: Array.from({ length: all }, (_, k) => going(plan, T, k)).filter((rows) => rows === B).length };
  }
  const textOf = ({ text, own }) => (text === "own" ? own : text === "zh" ? ZH : EN);
  const tidy = (string) => string.replace(/\s+/g, " ").replace(/^ /, "");

  /* ---------- words ---------- */
  const number = (n) => ({ value: n, words: [String(n), String(n)] });
  const numbers = (low, high) => Array.from({ length: high - low + 1 }, (_, i) => number(low + i));
  const few = (n, one, many) => `${n} ${n === 1 ? one : many}`;

  function counted(plan, N, B, T) {
    const read = plan.batches.length * B * T, left = N - plan.offset - read;
    return [`跳过 ${plan.offset} + 读到 _${read}_ + 剩下 ${left} = ${N} 个字符`,
      `${plan.offset} skipped + _${read}_ read + ${left} left over = ${few(N, "character", "characters")}`];
  }
  function verdict({ scheme, B, T, k }, plan) {
    const n = plan.batches.length, read = scheme === "random" ? T : k * T;
    const now = [`读完第 ${k} 批，一行的状态连着读了`, `After minibatch ${k}, the state of a row has read`];
    const unit = ["个字符", read === 1 ? "character" : "characters"];
    if (k === n) return { read, now, unit, why: ["这是最后一批，一个迭代周期到此结束。", "That was the last minibatch: the epoch ends here."] };
    const on = going(plan, T, k - 1);
    const rows = B === 1 ? "row goes" : "rows go";
    const why = scheme === "random"
      ? [`到下一批，${on ? "碰巧有" : ""} _${on}/${B}_ 行接着读。文字从哪里来，要看洗牌，旧状态用不上：*H* 清零。`.replace("， ", "，"),
        `In the next minibatch _${on} of ${B}_ ${rows} on${on ? ", by luck" : ""}. It could be text from anywhere, so the state is reset: *H* = 0.`]
      : [`到下一批，_${on}/${B}_ 行接着读：最后一个标签就是下一批的第一个输入，*H* 带过去。`,
        `In the next minibatch _${on} of ${B}_ ${rows} on: the last label is the next first input, and *H* is carried over.`];
    return { read, now, unit, why, on };
  }

  /* ---------- the ribbon: the whole text, and which row of which minibatch takes what ---------- */
  function ribbon(choose) {
    const el = Kit.el("div", { class: "fig-batches__ribbon", role: "img",
      onclick: (event) => { const cell = event.target.closest("[data-k]"); if (cell) choose(Number(cell.dataset.k)); } });
    let cells = [];
    return { el, draw(characters, plan, T, k) {
      const owner = new Map();
      plan.batches.forEach((rows, i) => rows.forEach((start, b) => {
        for (let t = 0; t < T; t++) owner.set(start + t, { k: i + 1, b, t });
      }));
      const labels = new Set(plan.batches[k - 1].flatMap((start) => Array.from({ length: T }, (_, t) => start + 1 + t)));
      const ends = new Set(plan.batches[k - 1].map((start) => start + T)), begins = new Set(plan.batches[k - 1].map((s) => s + 1));
      cells = characters.map((c, i) => {
        const own = owner.get(i), name = ["fig-batches__cell"];
        if (!own) name.push("is-unused");
        else {
          if (own.k === k) name.push("is-x");
          if (own.t === 0) name.push("is-first");
          if (own.t === T - 1) name.push("is-last");
        }
        if (labels.has(i)) name.push("is-y");
        if (begins.has(i)) name.push("is-y-first");
        if (ends.has(i)) name.push("is-y-last");
        const tag = own && own.t === 0 ? Kit.el("small", {}, `${own.k}.${own.b}`) : null;
        return Kit.el("span", { class: name.join(" "), "data-k": own && own.k }, tag, Kit.el("b", {}, c));
      });
      el.replaceChildren(...cells);
    } };
  }

  /* ---------- the rows: what each one reads, minibatch after minibatch, on the thread of its state ---------- */
  function film(choose) {
    const grid = Kit.el("div", { class: "fig-batches__grid", role: "radiogroup", "aria-label": ["小批量", "Minibatch"] });
    const el = Kit.el("div", { class: "fig-batches__film" }, grid);
    let shown = "", heads = [], frame = null, n = 0, now = 1, count = 1;
    grid.addEventListener("keydown", (event) => {
      const to = { ArrowRight: now + 1, ArrowLeft: now - 1, ArrowDown: now + 1, ArrowUp: now - 1, Home: 1, End: n }[event.key];
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      choose(Math.max(1, Math.min(n, to)));
      heads[now - 1].focus({ preventScroll: true });
    });
    grid.addEventListener("click", (event) => {
      const piece = event.target.closest("[data-k]");
      if (piece) choose(Number(piece.dataset.k));
    });
    const at = (column, row, node) => { node.style.gridArea = `${row} / ${column}`; return node; };

    function build(characters, plan, { B, T, scheme }) {
      n = plan.batches.length;
      count = B;
      const carried = scheme === "sequential", parts = [];
      heads = plan.batches.map((_, i) => at(2 * i + 3, 1, Kit.el("button", { class: "fig-batches__head", type: "button",
        role: "radio", "data-k": i + 1, "aria-label": [`第 ${i + 1} 批`, `Minibatch ${i + 1}`] }, String(i + 1))));
      for (let b = 0; b < B; b++) {
        parts.push(at(1, b + 2, Kit.el("span", { class: "fig-batches__row" }, [`第 ${b} 行`, `row ${b}`])));
        plan.batches.forEach((rows, i) => {
          const zero = i === 0 || !carried;
          parts.push(at(2 * i + 2, b + 2, Kit.el("span", { class: "fig-batches__seam" + (zero ? " is-zero" : ""), "data-k": i + 1,
            "aria-hidden": "true" }, zero ? "0" : null)));
          const letters = characters.slice(rows[b], rows[b] + T).map((c) => Kit.el("span", {}, Kit.shown(c)));
          parts.push(at(2 * i + 3, b + 2, Kit.el("span", { class: "fig-batches__piece", "data-k": i + 1, "aria-hidden": "true" }, ...letters)));
        });
      }
      frame = Kit.el("i", { class: "fig-batches__frame" });
      grid.style.gridTemplateColumns = `auto repeat(${n}, var(--seam) auto)`;
      grid.replaceChildren(...heads, ...parts, frame);
    }
    function mark(carried) {
      for (const node of grid.querySelectorAll("[data-k]")) {
        const i = Number(node.dataset.k);
        node.classList.toggle("is-read", i === now || (carried && i < now));
        node.classList.toggle("is-now", i === now);
        node.classList.toggle("is-next", i === now + 1);
      }
      heads.forEach((head, i) => {
        head.setAttribute("aria-checked", String(i + 1 === now));
        head.tabIndex = i + 1 === now ? 0 : -1;
      });
      frame.style.gridArea = `1 / ${2 * now + 1} / ${count + 2} / ${2 * now + 2}`;
    }
    function keep() {
      const head = heads[now - 1];
      if (el.scrollWidth <= el.clientWidth + 1) return;
      const left = head.offsetLeft - 70, right = head.offsetLeft + head.offsetWidth + 24;
      if (left < el.scrollLeft) el.scrollLeft = left;
      else if (right > el.scrollLeft + el.clientWidth) el.scrollLeft = right - el.clientWidth;
    }
    return { el, draw(characters, plan, values) {
      const { B, T, scheme, k } = values, key = JSON.stringify([characters, plan.batches, T, scheme]);
      now = k;
      if (key !== shown) build(characters, plan, values);
      shown = key;
      mark(scheme === "sequential");
      keep();
    } };
  }

  /* ---------- X and Y of one minibatch ---------- */
  function tensor(name) {
    const shape = Kit.el("span", { class: "fig-muted" }), body = Kit.el("tbody"), table = Kit.el("table", {}, body);
    const el = Kit.el("div", { class: `fig-batches__tensor is-${name.toLowerCase()}` },
      Kit.el("p", {}, Kit.el("b", {}, Kit.el("span", {}, name)), " ", shape), table);
    return { el, draw(characters, starts, T, shift) {
      shape.textContent = `(${starts.length}, ${T})`;
      Kit.attr(table, "aria-label", [`${name}，${starts.length} 行 ${T} 列`, `${name}, ${starts.length} rows, ${T} columns`]);
      body.replaceChildren(...starts.map((start, b) => Kit.el("tr", {}, Kit.el("th", { scope: "row" }, String(b)),
        ...Array.from({ length: T }, (_, t) => Kit.el("td", {}, Kit.shown(characters[start + t + shift]))))));
    } };
  }

  /* ---------- the figure ---------- */
  function settings(fig) {
    const set = (key) => (value) => fig.set({ [key]: value, k: 1 });
    const texts = [
      { value: "en", words: ["一句英文", "an English sentence"] },
      { value: "zh", words: ["一句中文", "a Chinese sentence"] },
      { value: "own", words: ["我自己的话", "my own words"] },
    ];
    const text = Kit.word(["文字", "Text"], texts, set("text"), { after: ["，", ""] });
    const B = Kit.word(["B，行数", "B, rows"], numbers(1, 4), set("B"));
    const T = Kit.word(["T，时间步数", "T, time steps"], numbers(2, 10), set("T"), { after: [" ", ","] });
    const offset = Kit.word(["偏移", "Offset"], numbers(0, 10), set("offset"));
    const keep = (...parts) => Kit.el("span", { class: "fig-keep" }, ...parts);
    const el = Kit.el("p", { class: "fig-sentence" }, ["切", "Cut "], text.el, ["每批 ", " into "], keep(["*B* = ", "*B* = "], B.el),
      [" 行，每行 ", " rows of "], keep(["*T* = ", "*T* = "], T.el), ["个字符，开头跳过 ", " skipping "],
      keep(offset.el, [" 个。", " characters."]));
    return { el, draw(values, N, plan) {
      text.draw(values.text);
      B.draw(values.B, numbers(1, 4).map((o) => ({ ...o, off: N < o.value * values.T + 1 })));
      T.draw(values.T, numbers(2, 10).map((o) => ({ ...o, off: N < o.value * values.B + 1 })));
      offset.draw(plan.offset || 0, numbers(0, plan.most || 0));
    } };
  }

  function shuffleWords({ scheme, seed, B }, plan) {
    if (scheme !== "random") return null;
    const pieces = plan.order.length, first = plan.order.slice(0, Math.min(8, pieces)).map((p) => p + 1).join(", ");
    const more = pieces > 8 ? " …" : "";
    return [`${pieces} 段文字用种子 ${seed} 洗了一次牌，次序成了 ${first}${more}；依次每 ${B} 段一批。`,
      `${few(pieces, "piece", "pieces")}, shuffled once with seed ${seed}: ${first}${more}. In that order, ${B} to a minibatch.`];
  }

  function make(host, fig) {
    const scheme = Kit.choice(["切法", "Way to cut"], SCHEMES, (value) => fig.set({ scheme: value }), { hide: true });
    const options = settings(fig);
    const field = Kit.field(["你的文字", "Your words"], { max: LONGEST, clean: tidy, hide: true,
      placeholder: ["写一句话，至少二三十个字", "Write a sentence or two"] }, (value) => fig.set({ own: value, k: 1 }));
    const epoch = Kit.el("button", { class: "fig-link", type: "button", onclick: () => {
      const seed = fig.values.seed + 1;
      fig.set({ seed, k: 1, offset: drawn({ ...fig.values, seed }) });
    } }, ["换一个迭代周期：重新抽签", "another epoch: draw again"]);
    const short = Kit.el("p", { class: "fig-message", role: "status", hidden: true });
    const sums = Kit.el("span"), joined = Kit.el("span"), luck = Kit.el("p", { class: "fig-batches__luck" });
    const choose = (k) => fig.set({ k });
    const strip = ribbon(choose), rows = film(choose), X = tensor("X"), Y = tensor("Y");
    let plan = null;
    const step = (by) => {
      const k = clamped(fig.values) + by;
      if (!plan || k < 1 || k > plan.batches.length) return false;
      choose(k);
      return true;
    };
    const player = Kit.player(step, () => choose(1), { every: 1100, speeds: null, label: ["逐批播放", "Play the minibatches"],
      back: ["上一批", "Previous minibatch"], on: ["下一批", "Next minibatch"] });
    const big = Kit.el("p", { class: "fig-batches__big" }), why = Kit.el("p");
    const body = Kit.el("div", { class: "fig-batches__body" },
      Kit.el("div", { class: "fig-head" }, Kit.el("b", {}, ["文字怎么切", "Where the text is cut"]), sums),
      strip.el, luck,
      Kit.el("div", { class: "fig-head fig-batches__headline" }, Kit.el("b", {}, ["每一行读到什么", "What each row reads"]), joined, player.el),
      rows.el,
      Kit.el("div", { class: "fig-batches__now" }, X.el, Y.el, Kit.el("div", { class: "fig-batches__verdict" }, big, why)));
    host.append(
      Kit.el("p", { class: "fig-batches__question" }, ["换了一批，同一行接着读哪里？", "A new minibatch comes. Where does each row go on?"]),
      Kit.el("div", { class: "fig-controls" }, scheme.el, epoch), options.el, field.el, short, body,
      Kit.el("figcaption", { class: "fig-note" }, [
        "2.0 是第 2 批第 0 行，斜纹是没用上的字符；蓝底是这一批的输入 *X*，虚线是标签 *Y*，错开一位。横着念一行，线是这一行的隐状态 *H*：从 0 出发，线不断，记忆就不断。",
        "2.0 is minibatch 2, row 0; hatched characters aren't used. Solid blue is the input *X* of this minibatch, the dashed line its labels *Y*, shifted by one. Read a row across: the line is its hidden state *H*. It starts at 0, and as long as the line holds, so does the memory."]));

    const clamped = ({ k }) => Math.max(1, Math.min(plan.batches.length, Math.round(k) || 1));
    function tooShort(N, { B, T }) {
      Kit.say(short, [`*B* = ${B}、*T* = ${T} 至少要 ${plan.needed} 个字符，现在只有 ${N} 个。多写一点，或者把 *B*、*T* 调小。`,
        `*B* = ${B} and *T* = ${T} need at least ${plan.needed} characters; there are ${N}. Write more, or make *B* or *T* smaller.`]);
      for (const key of Object.keys(host.dataset)) if (RESULTS.includes(key)) delete host.dataset[key];
      host.dataset.needed = plan.needed;
    }
    function draw(values, keys) {
      const characters = Array.from(textOf(values)), N = characters.length, B = bounded(values.B, 1, 4), T = bounded(values.T, 2, 10);
      plan = cut(N, { ...values, B, T });
      options.draw({ ...values, B, T }, N, plan);
      scheme.draw(values.scheme);
      field.draw(values.own);
      field.el.hidden = values.text !== "own";
      short.hidden = plan.batches.length > 0;
      body.hidden = !short.hidden;
      if (body.hidden) return tooShort(N, { B, T });
      const k = clamped(values), now = { ...values, B, T, k };
      host.toggleAttribute("data-wide", characters.some(Kit.wide));
      show(characters, now);
      if (keys) speak(characters, now);
    }
    function show(characters, now) {
      const { B, T, k } = now, starts = plan.batches[k - 1], all = seams(plan, B, T), said = verdict(now, plan);
      const luckily = shuffleWords(now, plan);
      strip.draw(characters, plan, T, k);
      Kit.attr(strip.el, "aria-label", [`${characters.join("")}；第 ${k} 批的各行从第 ${starts.join("、")} 个字符开始（从 0 数起）`,
        `${characters.join("")}; the rows of minibatch ${k} start at characters ${starts.join(", ")}, counted from 0`]);
      rows.draw(characters, plan, now);
      X.draw(characters, starts, T, 0);
      Y.draw(characters, starts, T, 1);
      Kit.say(sums, counted(plan, characters.length, B, T));
      Kit.say(joined, all.all ? [`_${all.joined}/${all.all}_ 个接缝接上了`, `_${all.joined} of ${all.all}_ ${all.all === 1 ? "seam joins" : "seams join"}`]
        : ["只有一批，没有接缝", "just one minibatch, no seam"]);
      luck.hidden = !luckily;
      if (luckily) Kit.say(luck, luckily);
      Kit.say(big, said.now);
      Kit.fill(big, " ", Kit.el("b", {}, String(said.read)), " ", said.unit);
      Kit.say(why, said.why);
      const piece = (shift) => starts.map((s) => characters.slice(s + shift, s + shift + T).join("")).join("|");
      Object.assign(host.dataset, { k, n: plan.batches.length, offset: plan.offset, starts: starts.join(","), x: piece(0), y: piece(1),
        seams: `${all.joined}/${all.all}`, read: said.read, left: characters.length - plan.offset - plan.batches.length * B * T });
      delete host.dataset.needed;
    }
    function speak(characters, { T, k }) {
      const texts = plan.batches[k - 1].map((s) => characters.slice(s, s + T).join(""));
      fig.say([`第 ${k} 批，共 ${plan.batches.length} 批：${texts.map((x, b) => `第 ${b} 行“${x}”`).join("，")}`,
        `Minibatch ${k} of ${plan.batches.length}: ${texts.map((x, b) => `row ${b} "${x}"`).join(", ")}`]);
    }
    return { draw };
  }
  const RESULTS = ["k", "n", "offset", "starts", "x", "y", "seams", "read", "left"];
  const bounded = (v, low, high) => Math.max(low, Math.min(high, Math.round(v) || low));

  Kit.figure("batches", {
    title: ["文字怎样切成小批量", "How text becomes minibatches"],
    defaults: { text: "en", own: "", scheme: "sequential", B: 2, T: 5, offset: 2, seed: 0, k: 2 },
    packs: [],
    make,
    cut,
    drawn,
  });
})(globalThis.Kit);
