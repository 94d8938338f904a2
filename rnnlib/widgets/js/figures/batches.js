/* Text to minibatches (chapter 1). One point: in sequential partitioning every row goes on where it stopped.
   The cuts are those of rnnlib.data.batches, number by number (tests/site/test_figure_batches.py). */
(function (Kit) {
  "use strict";
  const EN = "a time traveller never asks what time is it now";
  const ZH = "时间旅行者从来不问现在几点，他推开门先问今年是哪一年，" +
    "再问门外的河还在不在，最后才问有没有早饭。";
  /* What stands in the field before the reader has written anything: an empty figure shows nothing. */
  const SAMPLE = ["我把钟拨慢了一小时，车还是准时开走了，站台上只剩下我和一只猫。",
    "i set the clock back an hour and the train still left on time"];
  const LONGEST = 160, MOST_ROWS = 4, MOST_STEPS = 10;
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
    const batches = random ? grouped(order, B, T, from) : sliding(N, B, T, from);
    const spare = random ? order.slice(batches.length * B).map((piece) => from + piece * T) : [];
    return { needed, most, offset: from, order, batches, spare };
  }
  /* The loader draws the offset first and then the order, also where the reader has set the offset. */
  function shuffled(count, T, seed) {
    const rng = Kit.random(seed);
    rng.randint(0, T - 1);
    return rng.shuffle(Array.from({ length: count }, (_, i) => i));
  }
  function grouped(order, B, T, from) {
    const full = Math.floor(order.length / B);
    const rows = (k) => order.slice(k * B, (k + 1) * B).map((piece) => from + piece * T);
    return Array.from({ length: full }, (_, k) => rows(k));
  }
  function sliding(N, B, T, from) {
    const length = Math.floor((N - from - 1) / B), full = Math.floor(length / T);
    const rows = (k) => Array.from({ length: B }, (_, b) => from + b * length + k * T);
    return Array.from({ length: full }, (_, k) => rows(k));
  }
  const drawn = ({ scheme, T, seed }) => Kit.random(seed).randint(0, scheme === "random" ? T - 1 : T);

  /* The next seed that shows: in sequential partitioning only the offset is drawn, so it must be another one. */
  function reseeded(N, given) {
    const drawing = (seed) => ({ ...given, seed, offset: drawn({ ...given, seed }) });
    const now = cut(N, given).offset, again = ({ seed, offset }) => ({ seed, offset });
    for (let seed = given.seed + 1; seed < given.seed + 50; seed++) {
      if (given.scheme === "random" || cut(N, drawing(seed)).offset !== now) return again(drawing(seed));
    }
    return again(drawing(given.seed + 1)); // a text so short that nothing can be skipped
  }

  /* How many rows of minibatch k go on in the next one; and at how many seams all rows do. */
  const going = ({ batches }, T, k) =>
    batches[k].filter((start, b) => batches[k + 1][b] === start + T).length;
  function seams(plan, B, T) {
    const all = plan.batches.length - 1, rows = Array.from({ length: all }, (_, k) => going(plan, T, k));
    return { all, joined: rows.filter((on) => on === B).length };
  }

  /* What the reader, or a link, asked for, within bounds. */
  const bounded = (v, low, high) => Math.max(low, Math.min(high, Math.round(v) || low));
  const tidy = (string) => string.replace(/\s+/g, " ").replace(/^ /, "");
  function settled(values) {
    const text = ["zh", "own"].includes(values.text) ? values.text : "en";
    const written = { en: EN, zh: ZH, own: tidy(values.own) }[text];
    return { ...values, text, scheme: values.scheme === "random" ? "random" : "sequential",
      B: bounded(values.B, 1, MOST_ROWS), T: bounded(values.T, 2, MOST_STEPS),
      characters: Array.from(written).slice(0, LONGEST) };
  }

  /* ---------- words ---------- */
  const number = (n) => ({ value: n, words: [String(n), String(n)] });
  const numbers = (low, high) => Array.from({ length: high - low + 1 }, (_, i) => number(low + i));
  const few = (n, one, many) => `${n} ${n === 1 ? one : many}`;

  /* Characters that are no input of any minibatch, but the last label of a row. */
  function justLabels({ batches }, T) {
    const starts = batches.flat(), steps = Array.from({ length: T }, (_, t) => t);
    const read = new Set(starts.flatMap((start) => steps.map((t) => start + t)));
    return new Set(starts.map((start) => start + T).filter((i) => !read.has(i))).size;
  }
  function counted(plan, N, B, T) {
    const read = plan.batches.length * B * T, left = N - plan.offset - read, labels = justLabels(plan, T);
    return [`跳过 ${plan.offset} + 输入 _${read}_ + 剩下 ${left} = ${N} 个字符（剩下的有 ${labels} 个只作标签）`,
      `${plan.offset} skipped + _${read}_ read + ${left} left over = ${few(N, "character", "characters")} ` +
      `(${labels} of those left over: just a label)`];
  }
  function verdict({ scheme, B, T, k }, plan) {
    const n = plan.batches.length, random = scheme === "random", read = random ? T : k * T;
    const now = [`读完第 ${k} 批，一行的状态连着读了`, `After minibatch ${k}, a row's state has read`];
    const unit = ["个字符", read === 1 ? "character" : "characters"];
    if (k === n) {
      const why = ["这是最后一批，一个迭代周期到此结束。", "That was the last minibatch: the epoch ends here."];
      return { read, now, unit, why };
    }
    const on = going(plan, T, k - 1), rows = B === 1 ? "row goes" : "rows go";
    const why = random
      ? [`到下一批，${on ? "碰巧有" : ""}_${on}/${B}_ 行接着读。文字从哪里来，要看洗牌，旧状态用不上：*H* 清零。`,
        `In the next minibatch _${on} of ${B}_ ${rows} on${on ? ", by luck" : ""}. ` +
        "It could be text from anywhere, so the state is reset: *H* = 0."]
      : [`到下一批，_${on}/${B}_ 行接着读：最后一个标签就是下一批的第一个输入，*H* 带过去。`,
        `In the next minibatch _${on} of ${B}_ ${rows} on: ` +
        "the last label is the next first input, and *H* is carried over."];
    return { read, now, unit, why };
  }

  /* ---------- the ribbon: the whole text, and which row of which minibatch takes what ---------- */
  /* The classes and the tag of every character. */
  function taken(N, plan, T, k, width) {
    const cells = Array.from({ length: N }, () => ({ classes: ["is-unused"], k: null, tag: null }));
    plan.batches.forEach((rows, i) => rows.forEach((start, b) => {
      for (let t = 0; t < T; t++) {
        const own = cells[start + t];
        own.k = i + 1;
        own.classes = t === 0 ? ["is-first"] : t === T - 1 ? ["is-last"] : [];
        if (own.k === k) own.classes.push("is-x");
      }
      cells[start].tag = `${i + 1}.${b}`;
    }));
    for (const start of plan.spare) {
      for (let t = 0; t < T; t++) cells[start + t].classes.push("is-spare");
      cells[start].classes.push("is-first");
      cells[start + T - 1].classes.push("is-last");
    }
    for (const start of plan.batches[k - 1]) {
      for (let t = 1; t <= T; t++) cells[start + t].classes.push("is-y");
      cells[start + 1].classes.push("is-y-first");
      cells[start + T].classes.push("is-y-last");
    }
    thin(cells, k, width);
    return cells;
  }
  /* Where pieces are too short for a tag each, some go without; those of minibatch k never do. */
  function thin(cells, k, width) {
    const clear = (cell) => Math.ceil((6.7 * cell.tag.length + 5) / width);
    let free = 0;
    cells.forEach((cell, i) => {
      if (!cell.tag) return;
      const ahead = cells.slice(i + 1, i + clear(cell)).some((next) => next.tag && next.k === k);
      if (cell.k !== k && (i < free || ahead)) cell.tag = null;
      else free = i + clear(cell);
    });
  }
  function ribbon(choose) {
    const el = Kit.el("div", { class: "fig-batches__ribbon", role: "img", onclick: (event) => {
      const cell = event.target.closest("[data-k]");
      if (cell) choose(Number(cell.dataset.k));
    } });
    return { el, draw(characters, plan, T, k) {
      const starts = plan.batches[k - 1], sentence = characters.join(""), wide = characters.some(Kit.wide);
      el.replaceChildren(...taken(characters.length, plan, T, k, wide ? 19 : 14).map((cell, i) =>
        Kit.el("span", { class: ["fig-batches__cell", ...cell.classes].join(" "), "data-k": cell.k },
          cell.tag && Kit.el("small", {}, cell.tag), Kit.el("b", {}, characters[i]))));
      Kit.attr(el, "aria-label", [`${sentence}；第 ${k} 批的各行从第 ${starts.join("、")} 个字符开始（从 0 数起）`,
        `${sentence}; the rows of minibatch ${k} start at characters ${starts.join(", ")}, counted from 0`]);
    } };
  }

  /* ---------- the rows: what each one reads, on the thread of its state ---------- */
  function film(choose) {
    const grid = Kit.el("div", { class: "fig-batches__grid", role: "radiogroup",
      "aria-label": ["小批量", "Minibatch"] });
    const el = Kit.el("div", { class: "fig-batches__film" }, grid);
    const frame = Kit.el("i", { class: "fig-batches__frame" });
    let shown = "", heads = [], now = 1;
    /* Where more minibatches follow on the right, they fade out. */
    const more = () => el.toggleAttribute("data-more", el.scrollLeft + el.clientWidth < el.scrollWidth - 2);
    el.addEventListener("scroll", more, { passive: true });
    new ResizeObserver(more).observe(el);
    grid.addEventListener("keydown", (event) => {
      const to = { ArrowRight: now + 1, ArrowLeft: now - 1, ArrowDown: now + 1, ArrowUp: now - 1,
        Home: 1, End: heads.length }[event.key];
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      choose(bounded(to, 1, heads.length));
      heads[now - 1].focus({ preventScroll: true });
    });
    grid.addEventListener("click", (event) => {
      const piece = event.target.closest("[data-k]");
      if (piece) choose(Number(piece.dataset.k));
    });

    /* Columns: the row's name, then for each minibatch a seam and a piece. */
    const at = (row, column, node) => { node.style.gridArea = `${row} / ${column}`; return node; };
    const span = (name, k, ...inside) =>
      Kit.el("span", { class: "fig-batches__" + name, "data-k": k, "aria-hidden": "true" }, ...inside);
    const head = (k) => Kit.el("button", { class: "fig-batches__head", type: "button", role: "radio",
      "data-k": k, "aria-label": [`第 ${k} 批`, `Minibatch ${k}`] }, String(k));
    const seam = (k, zero) => span("seam" + (zero ? " is-zero" : ""), k, zero && "0");
    const piece = (k, letters) => span("piece", k, ...letters.map((c) => Kit.el("span", {}, Kit.shown(c))));
    function build({ characters, B, T, scheme }, { batches }) {
      const parts = [];
      heads = batches.map((_, i) => at(1, 2 * i + 3, head(i + 1)));
      for (let b = 0; b < B; b++) {
        parts.push(at(b + 2, 1, Kit.el("span", { class: "fig-batches__row" }, [`第 ${b} 行`, `row ${b}`])));
        batches.forEach((rows, i) => parts.push(
          at(b + 2, 2 * i + 2, seam(i + 1, i === 0 || scheme === "random")),
          at(b + 2, 2 * i + 3, piece(i + 1, characters.slice(rows[b], rows[b] + T)))));
      }
      grid.style.gridTemplateColumns = `auto repeat(${batches.length}, var(--seam) auto)`;
      grid.replaceChildren(...heads, ...parts, frame);
    }
    function mark(carried, B) {
      for (const node of grid.querySelectorAll("[data-k]")) {
        const k = Number(node.dataset.k);
        node.classList.toggle("is-read", k === now || (carried && k < now));
        node.classList.toggle("is-now", k === now);
        node.classList.toggle("is-next", k === now + 1);
      }
      heads.forEach((node, i) => {
        node.setAttribute("aria-checked", String(i + 1 === now));
        node.tabIndex = i + 1 === now ? 0 : -1;
      });
      frame.style.gridArea = `1 / ${2 * now + 1} / ${B + 2} / ${2 * now + 2}`;
    }
    /* The present minibatch stays in sight where there are too many for the width. */
    function keep() {
      const node = heads[now - 1], left = node.offsetLeft - 70, right = left + node.offsetWidth + 94;
      if (left < el.scrollLeft) el.scrollLeft = left;
      else if (right > el.scrollLeft + el.clientWidth) el.scrollLeft = right - el.clientWidth;
    }
    return { el, draw(given, plan) {
      const key = JSON.stringify([given.characters, plan.batches, given.T, given.scheme]);
      now = given.k;
      if (key !== shown) build(given, plan);
      shown = key;
      mark(given.scheme === "sequential", given.B);
      keep();
      more();
    } };
  }

  /* ---------- X and Y of one minibatch ---------- */
  function tensor(name, shift) {
    const shape = Kit.el("span", { class: "fig-muted" }), body = Kit.el("tbody");
    const table = Kit.el("table", {}, body);
    const el = Kit.el("div", { class: `fig-batches__tensor is-${name.toLowerCase()}` },
      Kit.el("p", {}, Kit.el("b", {}, name), " ", shape), table);
    return { el, draw(characters, starts, T) {
      const letters = (start) => characters.slice(start + shift, start + shift + T);
      const B = starts.length;
      shape.textContent = `(${B}, ${T})`;
      Kit.attr(table, "aria-label", [`${name}，${B} 行 ${T} 列`, `${name}, ${B} rows, ${T} columns`]);
      body.replaceChildren(...starts.map((start, b) => Kit.el("tr", {},
        Kit.el("th", { scope: "row" }, String(b)),
        ...letters(start).map((c) => Kit.el("td", {}, Kit.shown(c))))));
    } };
  }

  /* ---------- the figure ---------- */
  /* The settings as a sentence. */
  function settings(fig) {
    const set = (key) => (value) => fig.set({ [key]: value });
    const keep = (...parts) => Kit.el("span", { class: "fig-keep" }, ...parts);
    const texts = [
      { value: "en", words: ["一句英文", "an English sentence"] },
      { value: "zh", words: ["一句中文", "a Chinese sentence"] },
      { value: "own", words: ["你自己的话", "your own words"] },
    ];
    const own = () => (fig.values.own ? {} : { own: SAMPLE[Kit.lang() === "en" ? 1 : 0] });
    const text = Kit.word(["文字", "Text"], texts, (value) => fig.set({ text: value,
      ...(value === "own" ? own() : {}) }), { after: ["，", ""] });
    const B = Kit.word(["B，行数", "B, rows"], numbers(1, MOST_ROWS), set("B"));
    const T = Kit.word(["T，时间步数", "T, time steps"], numbers(2, MOST_STEPS), set("T"), { after: [" ", ","] });
    const offset = Kit.word(["偏移", "Offset"], numbers(0, MOST_STEPS), set("offset"));
    const el = Kit.el("p", { class: "fig-sentence" }, ["切", "Cut "], text.el, ["每批 ", " into "],
      keep(["*B* = ", "*B* = "], B.el), [" 行，每行 ", " rows of "], keep(["*T* = ", "*T* = "], T.el),
      ["个字符，开头跳过 ", " skipping "], keep(offset.el, [" 个。", " characters."]));
    const possible = (list, other, N) => list.map((one) => ({ ...one, off: N < one.value * other + 1 }));
    return { el, draw(given, plan) {
      const N = given.characters.length;
      text.draw(given.text);
      B.draw(given.B, possible(numbers(1, MOST_ROWS), given.T, N));
      T.draw(given.T, possible(numbers(2, MOST_STEPS), given.B, N));
      offset.draw(plan.offset || 0, numbers(0, plan.most || 0));
    } };
  }

  function shuffle({ seed, B }, { order, spare }) {
    const left = spare.length, rest = left
      ? [`最后 ${left} 段凑不满 ${B} 行，不用。`, ` The last ${left === 1 ? "one isn't" : `${left} aren't`} used: ` +
        `${left === 1 ? "it doesn't" : "they don't"} fill ${B} rows.`] : ["", ""];
    const pieces = few(order.length, "piece", "pieces");
    return [`${order.length} 段文字用种子 ${seed} 洗了一次牌，再照新次序每 ${B} 段发一批：` +
      `头一段成了 1.0，标签就是发到的地方。${rest[0]}`,
    `${pieces}, shuffled once with seed ${seed}, then dealt out ${B} to a minibatch: ` +
      `the first became 1.0, and so on.${rest[1]}`];
  }
  function seamWords({ all, joined }) {
    if (!all) return ["只有一批，没有接缝", "just one minibatch, no seam"];
    return [`换批 ${all} 次，_${joined}_ 次各行都接着读`,
      `${few(all, "change", "changes")} of minibatch; at _${joined}_ all rows read on`];
  }
  const CAPTION = [
    "2.0 是第 2 批第 0 行，斜纹是不作输入的字符；蓝底是这一批的输入 *X*，虚线是标签 *Y*，错开一位。" +
    "横着念一行，线是这一行的隐状态 *H*：从 0 出发，线不断，记忆就不断；点线还没读到。" +
    "开头跳过几个，每个迭代周期重抽，切口就落在别处。",
    "2.0 is minibatch 2, row 0; hatched characters are no input. Solid blue is the input *X* of this " +
    "minibatch, the dashed line its labels *Y*, shifted by one. Read a row across: the line is its hidden " +
    "state *H*. It starts at 0, and as long as it holds, so does the memory; where it's dotted, nothing has " +
    "been read yet. How many characters are skipped is drawn anew for each epoch, so the cuts fall elsewhere.",
  ];

  function make(host, fig) {
    const choose = (k) => fig.set({ k });
    /* On the last minibatch there is no next one to compare: then start from the second. */
    const scheme = Kit.choice(["切法", "Way to cut"], SCHEMES, (value) => fig.set({ scheme: value,
      k: place(fig.values.k) === plan.batches.length ? 2 : fig.values.k }), { hide: true });
    const options = settings(fig);
    const field = Kit.field(["你的文字", "Your words"], { max: LONGEST, clean: tidy, hide: true,
      placeholder: ["写一句话，二三十个字以上", "Write a sentence or two"] }, (value) => fig.set({ own: value }));
    const epoch = Kit.el("button", { class: "fig-link", type: "button", onclick: () => {
      const given = settled(fig.values);
      fig.set(reseeded(given.characters.length, given));
    } });
    const short = Kit.el("p", { class: "fig-message", role: "status", hidden: true });
    const strip = ribbon(choose), rows = film(choose), X = tensor("X", 0), Y = tensor("Y", 1);
    const sums = Kit.el("span"), joined = Kit.el("span"), luck = Kit.el("p", { class: "fig-batches__luck" });
    const big = Kit.el("p", { class: "fig-batches__big" }), why = Kit.el("p");
    let plan = { batches: [] };
    const place = (k) => bounded(k, 1, plan.batches.length);
    const player = Kit.player((by) => {
      const k = place(fig.values.k) + by, there = k >= 1 && k <= plan.batches.length;
      if (there) choose(k);
      return there;
    }, () => choose(1), { every: 1100, speeds: null, label: ["逐批播放", "Play the minibatches"],
      back: ["上一批", "Previous minibatch"], on: ["下一批", "Next minibatch"] });
    const body = Kit.el("div", { class: "fig-batches__body" },
      Kit.el("div", { class: "fig-head" }, Kit.el("b", {}, ["文字怎么切", "Where the text is cut"]), sums),
      strip.el, luck,
      Kit.el("div", { class: "fig-head fig-batches__headline" },
        Kit.el("b", {}, ["每一行读到什么", "What each row reads"]), joined, player.el),
      rows.el,
      Kit.el("div", { class: "fig-batches__now" }, X.el, Y.el,
        Kit.el("div", { class: "fig-batches__verdict" }, big, why)));
    host.append(
      Kit.el("p", { class: "fig-batches__question" },
        ["换了一批，同一行接着读哪里？", "A new minibatch comes. Where does each row go on?"]),
      Kit.el("div", { class: "fig-controls" }, scheme.el, epoch), options.el, field.el, short, body,
      Kit.el("figcaption", { class: "fig-note" }, CAPTION));

    function draw(values, keys) {
      const given = settled(values);
      plan = cut(given.characters.length, given);
      given.k = place(values.k);
      options.draw(given, plan);
      scheme.draw(given.scheme);
      Kit.say(epoch, given.scheme === "random" ? ["换一个迭代周期：重新洗牌", "another epoch: shuffle again"]
        : ["换一个迭代周期：重抽跳过几个", "another epoch: draw another number to skip"]);
      field.draw(values.own);
      field.el.hidden = given.text !== "own";
      short.hidden = plan.batches.length > 0;
      body.hidden = !short.hidden;
      host.toggleAttribute("data-wide", given.characters.some(Kit.wide));
      for (const key of RESULTS) delete host.dataset[key];
      if (body.hidden) return tooShort(given);
      show(given);
      if (keys) speak(given);
    }
    function tooShort({ characters, B, T }) {
      const N = characters.length;
      const [zh, en] = [`*B* = ${B}、*T* = ${T}`, `*B* = ${B} and *T* = ${T}`], smaller = N > 2;
      Kit.say(short, [`${zh} 至少要 ${plan.needed} 个字符，现在有 ${N} 个。多写一点${smaller ? "，或者把 *B*、*T* 调小" : ""}。`,
        `${en} need at least ${plan.needed} characters; there ${N === 1 ? "is" : "are"} ${N}. ` +
        `Write more${smaller ? ", or make *B* or *T* smaller" : ""}.`]);
      host.dataset.needed = plan.needed;
    }
    function show(given) {
      const { characters, B, T, k } = given, starts = plan.batches[k - 1], N = characters.length;
      const seam = seams(plan, B, T), said = verdict(given, plan);
      strip.draw(characters, plan, T, k);
      rows.draw(given, plan);
      X.draw(characters, starts, T);
      Y.draw(characters, starts, T);
      Kit.say(sums, counted(plan, N, B, T));
      Kit.say(joined, seamWords(seam));
      luck.hidden = given.scheme !== "random";
      if (!luck.hidden) Kit.say(luck, shuffle(given, plan));
      Kit.say(big, said.now);
      Kit.fill(big, " ", Kit.el("b", {}, String(said.read)), " ", said.unit);
      Kit.say(why, said.why);
      Object.assign(host.dataset, { k, n: plan.batches.length, offset: plan.offset, starts: starts.join(","),
        x: texts(given, 0).join("|"), y: texts(given, 1).join("|"), seams: `${seam.joined}/${seam.all}`,
        read: said.read, left: N - plan.offset - plan.batches.length * B * T });
    }
    const texts = ({ characters, T, k }, shift) =>
      plan.batches[k - 1].map((start) => characters.slice(start + shift, start + shift + T).join(""));
    function speak(given) {
      const X = texts(given, 0), k = given.k, n = plan.batches.length;
      fig.say([`第 ${k} 批，共 ${n} 批：${X.map((x, b) => `第 ${b} 行“${x}”`).join("，")}`,
        `Minibatch ${k} of ${n}: ${X.map((x, b) => `row ${b} "${x}"`).join(", ")}`]);
    }
    return { draw };
  }
  const RESULTS = ["k", "n", "offset", "starts", "x", "y", "seams", "read", "left", "needed"];

  Kit.figure("batches", {
    title: ["文字怎样切成小批量", "How text becomes minibatches"],
    defaults: { text: "en", own: "", scheme: "sequential", B: 2, T: 5, offset: 2, seed: 0, k: 2 },
    packs: [],
    make,
    cut,
    drawn,
  });
})(globalThis.Kit);
