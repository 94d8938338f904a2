/* Gates (chapters 7 and 8): RNN, GRU and LSTM read one sentence with one cursor. On top, the sentence as each
   memory still holds it; below, states and gates unit by unit. A gate can be held, the forget bias moved, the
   sentence changed; what is shown is what the engine computes. With both forms of the GRU, what their weights
   score in the own and in the other form stands above everything.

   State: show (cells, by commas: rnn, gru, before, lstm), s (which sentence), own (the reader's), t (the
   cursor), hold ("F@1,O@0"), bias (added to the LSTM's forget gates), swap (each GRU computes in the
   other's form).

   How much of a letter is left is dear to find out (every letter is replaced four times). It is computed by a
   worker made from the engine's own source, one request at a time, the newest first; without workers, between
   frames. */
(function (root) {
  "use strict";
  const Kit = root.Kit,
    { el } = Kit;
  const TEXTS = [
    "the time traveller for so it will be",
    "i saw the moon and the little people",
    "the the the zebra the the the the",
  ];
  const SHORT = ["the time traveller…", "i saw the moon…", "the the the zebra…"],
    LONGEST = 40;
  const GATES = { rnn: [], gru: ["Z", "R"], before: ["Z", "R"], lstm: ["F", "I", "O"] };
  const NAMES = {
    H: ["*H* 隐状态", "*H* hidden state"],
    C: ["*C* 记忆元", "*C* memory cell"],
    R: ["*R* 重置门", "*R* reset gate"],
    Z: ["*Z* 更新门", "*Z* update gate"],
    I: ["*I* 输入门", "*I* input gate"],
    F: ["*F* 遗忘门", "*F* forget gate"],
    O: ["*O* 输出门", "*O* output gate"],
  };
  const CELLS = {
    rnn: {
      title: ["RNN", "RNN"],
      tag: ["没有门：每一步都重写整个状态", "no gates: every step rewrites the whole state"],
      rows: ["H"],
    },
    gru: { title: ["GRU", "GRU"], tag: ["一个状态，两个门", "one state, two gates"], rows: ["H", "Z", "R"] },
    before: {
      title: ["GRU · 先重置后乘", "GRU · reset before"],
      tag: ["重置门在乘法之前：发表的论文", "reset gate before the product: the published paper"],
      form: ["先重置后乘", "reset before the product"],
      rows: ["H", "Z", "R"],
    },
    lstm: {
      title: ["LSTM", "LSTM"],
      tag: ["两个状态，三个门", "two states, three gates"],
      rows: ["C", "F", "I", "O", "H"],
    },
  };
  const AFTER = {
    title: ["GRU · 先乘后重置", "GRU · reset after"],
    tag: ["重置门在乘法之后：`nn.GRU`", "reset gate after the product: `nn.GRU`"],
    form: ["先乘后重置", "reset after the product"],
  };
  const VIEWS = [
    ["rnn,lstm", ["RNN · LSTM", "RNN · LSTM"]],
    ["lstm,gru", ["LSTM · GRU", "LSTM · GRU"]],
    ["gru,before", ["两种 GRU", "both GRUs"]],
    ["rnn,gru,lstm", ["三个都看", "all three"]],
  ];
  const SWEEP = Array.from({ length: 17 }, (_, i) => (i - 8) / 2); // forget biases of the small curves
  const OUTWARD = [...SWEEP].sort((a, b) => Math.abs(a) - Math.abs(b)); // in this order they are found

  /* ---------- pure parts ---------- */
  /* Signs become spaces, as in the text that the networks read; at both ends they are dropped, for a sentence
     that ends in "!" ends with its last letter. */
  const clean = (s) =>
    String(s)
      .toLowerCase()
      .replace(/[^a-z\s]+$/, "")
      .replace(/[^a-z]+/g, " ")
      .trimStart();
  const sentenceOf = (values) => {
    const own = clean(values.own).slice(0, LONGEST);
    return own.trim().length > 1 ? own : TEXTS[values.s] || TEXTS[0];
  };
  const shownCells = (show) => {
    const names = String(show)
      .split(",")
      .filter((name) => name in CELLS);
    return names.length ? [...new Set(names)] : ["rnn", "lstm"];
  };
  /* "F@1,O@0" -> {F: 1, O: 0}; only gates that there are, only values from 0 to 1. */
  function holds(text) {
    const pairs = String(text)
      .split(",")
      .map((part) => part.split("@"))
      .filter(([gate, v]) => NAMES[gate] && !"HC".includes(gate) && v);
    return Object.fromEntries(pairs.map(([gate, v]) => [gate, Math.max(0, Math.min(1, Number(v) || 0))]));
  }
  const holdText = (held) =>
    Object.entries(held)
      .map(([gate, v]) => `${gate}@${v}`)
      .join(",");
  const lettersLeft = (left, T, t) => {
    let sum = 0;
    for (let s = 0; s <= t; s++) sum += left[t * T + s];
    return sum;
  };
  const short = (x) => (x < 100 ? x.toFixed(1) : x < 10000 ? String(Math.round(x)) : "> 10⁴");

  /* A network with its reset gate in the given place and something added to its forget bias. It stands alone:
     its source text is part of the worker. */
  function variant(model, form, bias) {
    const made = { ...model, form: form || model.form };
    if (!bias || model.kind !== "lstm") return made;
    const moved = model.weights["rnn.bias_ih_l0"].slice();
    for (let j = model.H; j < 2 * model.H; j++) moved[j] += bias;
    return { ...made, weights: { ...model.weights, "rnn.bias_ih_l0": moved } };
  }

  /* What is to be read, and how: a plain object, and the key under which its results are kept. */
  function request(name, values, sentence, touched = true) {
    const all = touched ? holds(values.hold) : {},
      held = {};
    for (const gate of GATES[name]) if (gate in all) held[gate] = all[gate];
    const gru = name === "gru" || name === "before",
      swapped = touched && gru && values.swap;
    const form = gru ? ((name === "gru") !== Boolean(swapped) ? "after" : "before") : "";
    const bias = touched && name === "lstm" && !("F" in held) ? values.bias : 0;
    return {
      name,
      form,
      bias,
      held,
      sentence,
      free: !Object.keys(held).length && !bias && !swapped,
      key: [name, form, bias, sentence, holdText(held)].join("|"),
    };
  }

  /* ---------- the dear part: one question at a time ---------- */
  function remembering(E, models, encode, found) {
    const source = `const E = ${E.source}; const variant = ${variant}; let models = null;
      onmessage = ({ data }) => {
        if (data.models) { models = data.models; return; }
        const { key, name, form, bias, ids, held } = data, model = variant(models[name], form, bias);
        const base = E.read(model, ids, held), left = E.memory(model, ids, base, held);
        postMessage({ key, left, perplexity: base.perplexity });
      };`;
    let worker = null,
      address = "",
      broken = typeof Worker !== "function",
      busy = null,
      resting = 0,
      wanted = [];
    function start() {
      try {
        address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
        worker = new Worker(address);
        worker.onmessage = ({ data }) => answer(data);
        worker.onerror = (event) => {
          event.preventDefault();
          broken = true;
          stop();
          next();
        };
        worker.postMessage({ models });
      } catch (forbidden) {
        broken = true;
        stop();
      }
    }
    function stop() {
      if (worker) worker.terminate();
      if (address) URL.revokeObjectURL(address);
      worker = null;
      address = "";
      busy = null;
    }
    function answer({ key, left, perplexity }) {
      busy = null;
      wanted = wanted.filter((job) => job.key !== key);
      found(key, left, perplexity);
      next();
    }
    function here(job) {
      const model = variant(models[job.name], job.form, job.bias),
        base = E.read(model, job.ids, job.held);
      answer({ key: job.key, left: E.memory(model, job.ids, base, job.held), perplexity: base.perplexity });
    }
    function next() {
      if (busy || !wanted.length) {
        clearTimeout(resting);
        if (worker && !busy) resting = setTimeout(stop, 30000); // an idle worker is not kept
        return;
      }
      clearTimeout(resting);
      const job = wanted.find((j) => !(broken && j.late));
      if (!job) return;
      busy = job.key;
      job.ids = encode(job.sentence);
      if (!broken && !worker) start();
      if (broken) {
        busy = job.key;
        setTimeout(here, 30, job);
      } else worker.postMessage(job);
    }
    return {
      ask(list) {
        wanted = list;
        next();
      },
    };
  }

  /* ---------- small curves over the forget bias ---------- */
  function spark(cls) {
    const line = Kit.svg("path", { class: "gates__line" }),
      zero = Kit.svg("path", { class: "gates__zero", d: "M50 0V100" });
    const svg = Kit.svg(
      "svg",
      { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      zero,
      line,
    );
    const dot = el("i", { class: "gates__dot" }),
      at = el("i", { class: "gates__at" });
    const x = (bias) => ((bias + 4) / 8) * 100;
    const ends = [0, 1].map((side) => el("span", { class: "gates__end", "aria-hidden": "true" }));
    return {
      el: el("div", { class: `gates__spark ${cls}` }, svg, at, dot, ...ends),
      draw(points, now, scale) {
        ends.forEach((end, side) => {
          const point = points.find(([b]) => b === (side ? 4 : -4));
          end.textContent = point ? short(point[1]) : "";
          if (point)
            Object.assign(end.style, {
              [side ? "right" : "left"]: "0",
              bottom: `calc(${100 * scale(point[1])}% + 1px)`,
            });
        });
        line.setAttribute(
          "d",
          points
            .map(([b, v], i) => `${i ? "L" : "M"}${x(b).toFixed(1)} ${(100 - 100 * scale(v)).toFixed(1)}`)
            .join(""),
        );
        at.style.left = x(now[0]) + "%";
        dot.hidden = now[1] === null;
        if (!dot.hidden)
          Object.assign(dot.style, { left: x(now[0]) + "%", top: 100 - 100 * scale(now[1]) + "%" });
      },
    };
  }

  async function make(host, fig) {
    const E = fig.engine,
      pack = await fig.pack("gates"),
      letters = pack.vocab;
    const index = new Map(letters.map((c, i) => [c, i])),
      encode = (s) => Array.from(s, (c) => index.get(c) || 0);
    const models = Object.fromEntries(
      Object.keys(CELLS).map((name) => [name, E.unpack(pack.models[name], pack.bytes)]),
    );
    const cache = new Map();
    let shown = null,
      blocks = [],
      memories = [],
      sparks = null,
      queued = 0,
      firstMemory = true;

    /* ----- reading ----- */
    function reading(job) {
      if (!cache.has(job.key)) {
        if (cache.size > 150) cache.clear();
        const r = E.read(variant(models[job.name], job.form, job.bias), encode(job.sentence), job.held);
        cache.set(job.key, { perplexity: r.perplexity, read: r, left: null });
      }
      const kept = cache.get(job.key);
      if (!kept.read)
        kept.read = E.read(variant(models[job.name], job.form, job.bias), encode(job.sentence), job.held);
      return kept;
    }
    const memory = remembering(E, models, encode, (key, left, perplexity) => {
      const kept = cache.get(key) || { perplexity, read: null, left: null };
      kept.left = left;
      cache.set(key, kept);
      drawMemory();
      Kit.marks();
    });
    const table = (job, what) => {
      const kept = cache.get(job.key);
      return kept && kept.left ? kept.left[what === "C" ? "c" : "h"] : null;
    };

    /* ----- the frame ----- */
    const sentence = () => sentenceOf(fig.values);
    const goTo = (t) => {
      player.stop();
      fig.set({ t });
    };
    const player = Kit.player(
      (by) => {
        const t = track.t + by,
          could = t >= 0 && t < track.n;
        if (could) fig.set({ t });
        return could;
      },
      () => fig.set({ t: 0 }),
      {
        every: 170,
        speeds: null,
        back: ["上一个字母", "Previous letter"],
        on: ["下一个字母", "Next letter"],
      },
    );
    const track = Kit.track(host, goTo, { veil: true, toggle: () => player.toggle() });
    const strip = track.strip(["读到的位置", "How far they have read"], (t) => {
      const c = sentence()[t];
      return [
        `第 ${t + 1} 个字母，共 ${track.n} 个：${c === " " ? "空格" : c}`,
        `letter ${t + 1} of ${track.n}: ${c === " " ? "space" : c}`,
      ];
    });
    const count = el("span", { class: "fig-number gates__count", "aria-hidden": "true" });
    const chips = TEXTS.map((text, i) =>
      el(
        "button",
        {
          class: "fig-button",
          type: "button",
          onclick: () => fig.set({ s: i, own: "", t: Math.min(fig.values.t, text.length - 1) }),
        },
        SHORT[i],
      ),
    );
    const own = Kit.field(
      ["自己写一句，只认英文字母和空格", "Your own sentence, letters and spaces"],
      {
        value: fig.values.own,
        max: LONGEST,
        least: 2,
        clean,
        lost: ["网络不认识，去掉或当成空格：", "Unknown to the network, left out or read as a space: "],
        placeholder: ["自己写一句英文", "or your own"],
        hide: true,
      },
      (text) => {
        const values = { ...fig.values, own: text };
        fig.set({ own: text, t: sentenceOf(values).length - 1 });
      },
    );
    const view = Kit.choice(
      ["看哪几个网络", "Which networks"],
      VIEWS.map(([value, words]) => ({ value, words })),
      (show) => fig.set({ show }),
      { value: fig.values.show, hide: true },
    );
    const over = el("div", { class: "gates__memories" }),
      body = el("div", { class: "gates__cells" });
    const note = el("figcaption", { class: "fig-note" }),
      question = el("p", { class: "gates__ask" }),
      compared = el("div", { class: "gates__compared" }),
      state = el("span", {});
    host.append(
      el("div", { class: "gates__title" }, question, view.el),
      el("div", { class: "gates__choose" }, ...chips, own.el),
      compared,
      el(
        "div",
        { class: "gates__top" },
        Kit.row(
          ["读到这里", "read so far"],
          strip.el,
          el("div", { class: "gates__play" }, player.el, count),
          "text",
        ),
      ),
      over,
      body,
      el(
        "p",
        { class: "fig-legend" },
        el("span", {}, "−1", el("i", { class: "is-state" }), "+1 ", state),
        el("span", {}, "0", el("i", { class: "is-gate" }), "1 ", [
          "门：0 关，1 开",
          "gate: 0 closed, 1 open",
        ]),
        el("span", {}, el("i", { class: "is-left" }), ["字母还剩多少", "how much of a letter is left"]),
        el("span", {}, el("i", { class: "gates__was" }), ["你动手之前剩多少", "how much before your change"]),
        el(
          "span",
          {},
          el("b", { class: "gates__true", "aria-hidden": "true" }, "a"),
          el("span", {}, [
            "橙色、下划线：后面真正的字母",
            "orange, underlined: the letter that really follows",
          ]),
        ),
        el(
          "span",
          {},
          el("span", {}, [
            `每条 ${models.lstm.H} 行，一行一个单元，变化慢的排在上面`,
            `${models.lstm.H} rows to a band, one per unit; units that change slowly on top`,
          ]),
        ),
      ),
      note,
    );

    const both = () => shown.includes("gru") && shown.includes("before"); // the same gates in two networks
    const titleOf = (name) => (name === "gru" && both() ? AFTER : CELLS[name]);
    const joined = (name, what) => titleOf(name).title.map((title) => `${title} *${what}*`);
    const plain = (pair) => pair.map((s) => s.replace(/\*/g, ""));
    const left = (name, what, in_ = track) => {
      const title = titleOf(name).title;
      const part = {
        name,
        what,
        side: el("div", { class: "fig-big" }),
        memory: in_.memory([
          `${title[0]} 的 ${what} 里还剩的字母`,
          `Letters left in ${what} of the ${title[1]}`,
        ]),
      };
      part.row = Kit.row(joined(name, what), part.memory.el, part.side, "memory");
      return part;
    };

    /* ----- the cells that are shown ----- */
    function build() {
      shown = shownCells(fig.values.show);
      memories = shown.flatMap((name) =>
        (name === "lstm" ? ["C", "H"] : ["H"]).map((what) => left(name, what)),
      );
      over.replaceChildren(...memories.map((part) => part.row));
      sparks = null;
      blocks = shown.map(block);
      body.replaceChildren(...blocks.map((b) => b.el));
      compare();
      Kit.say(
        question,
        both()
          ? ["权重不变，换一种形式来算，会怎样？", "The same weights in the other form: what happens?"]
          : ["还记得哪些字母？", "Which letters are still there?"],
      );
      Kit.say(
        state,
        shown.includes("lstm") ? ["状态（*C* 先取 tanh）", "state (*C* through tanh)"] : ["状态", "state"],
      );
      strip.was = "";
      Kit.say(note, caption());
    }
    /* Two GRUs: the perplexity of each in its own form and in the other one, both at once; the box says which
       of them the rest of the figure shows. */
    function compare() {
      build.swap = null;
      compared.replaceChildren();
      compared.hidden = !both();
      if (!both()) return;
      const cells = {};
      const head = (words) => el("th", { scope: "col" }, words);
      const rows = ["gru", "before"].map((name) => {
        cells[name] = [el("td", { class: "fig-number" }), el("td", { class: "fig-number" })];
        return el("tr", {}, el("th", { scope: "row" }, titleOf(name).title), ...cells[name]);
      });
      const toggle = Kit.toggle(
        [
          "互换形式：权重不动，下面各用另一种形式来算",
          "swap the forms: same weights, each below computed in the other form",
        ],
        (on) => fig.set({ swap: on }),
        { value: fig.values.swap },
      );
      compared.append(
        el(
          "table",
          {},
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              head(["这句话的困惑度", "perplexity on this sentence"]),
              head(["原形式", "own form"]),
              head(["另一种形式", "other form"]),
            ),
          ),
          el("tbody", {}, ...rows),
        ),
        toggle.el,
      );
      build.swap = { cells, toggle };
    }
    function drawCompared(values, text) {
      const { cells, toggle } = build.swap;
      toggle.draw(values.swap);
      const found = {};
      for (const [name, pair] of Object.entries(cells)) {
        found[name] = [false, true].map((swap, i) => {
          const value = reading(request(name, { ...values, swap }, text)).perplexity;
          pair[i].textContent = short(value);
          pair[i].toggleAttribute("data-shown", swap === values.swap);
          return Number(value.toFixed(2));
        });
      }
      host.dataset.forms = JSON.stringify(found);
    }
    function block(name) {
      const title = titleOf(name),
        parts = {},
        ppl = el("p", { class: "gates__ppl" }),
        name_ = el("b", {}, title.title),
        tag = el("span", {}, title.tag);
      const node = el(
        "section",
        { class: "gates__cell", "aria-label": title.title },
        el("div", { class: "fig-head" }, name_, tag, ppl),
      );
      for (const row of CELLS[name].rows) {
        const state = row === "H" || row === "C",
          part = (parts[row] = { state });
        part.band = track.band(state ? "signed" : "gate", [
          `${title.title[0]} 的${plain(NAMES[row])[0]}，每列一个字母，每行一个单元`,
          `${title.title[1]}: ${plain(NAMES[row])[1]}, a column for each letter, a row for each unit`,
        ]);
        if (row === "H") part.next = Kit.bars(3);
        if (!state)
          part.meter = Kit.meter(
            both()
              ? [`两种 GRU 的 ${plain(NAMES[row])[0]}`, `${plain(NAMES[row])[1]} of both GRUs`]
              : [`${title.title[0]} ${plain(NAMES[row])[0]}`, `${title.title[1]} ${plain(NAMES[row])[1]}`],
            (v) => hold(row, v),
          );
        if (!state) part.how = el("p", { class: "gates__how", "aria-hidden": "true" });
        node.append(
          Kit.row(
            NAMES[row],
            part.band.el,
            state ? part.next && part.next.el : el("div", {}, part.meter.el, part.how),
            state ? "state" : "gate",
          ),
        );
        if (row === "F") node.append(forgetBias());
      }
      return { name, parts, ppl, tag, title: name_, el: node };
    }
    function hold(gate, value) {
      const now = holds(fig.values.hold);
      if (value === null) delete now[gate];
      else now[gate] = value;
      fig.set({ hold: holdText(now) });
    }
    function forgetBias() {
      /* The slider counts from 0, its values are written as what is added to the bias. */
      const added = (v) => Number((v - 4).toFixed(1)),
        signed = (b) => (b > 0 ? "+" : b < 0 ? "−" : "±") + Math.abs(b);
      const slider = Kit.slider(
        ["遗忘门的偏置加", "added to the forget-gate bias"],
        { min: 0, max: 8, step: 0.1, value: 4, ticks: [0, 2, 4, 6, 8], format: (v) => signed(added(v)) },
        (v) => fig.set({ bias: added(v) }),
      );
      sparks = {
        slider,
        letters: spark("is-letters"),
        ppl: spark("is-ppl"),
        lettersSide: el("div", {}),
        pplSide: el("div", {}),
        word: el("p", { class: "gates__word" }),
      };
      sparks.el = el(
        "div",
        { class: "gates__bias" },
        slider.el,
        sparks.word,
        Kit.row(["*C* 里还剩", "left in *C*"], sparks.letters.el, sparks.lettersSide, "spark"),
        Kit.row(["困惑度", "perplexity"], sparks.ppl.el, sparks.pplSide, "spark"),
      );
      return sparks.el;
    }

    function caption() {
      const held = (name, what) => pack.measured[name][""].left[what],
        range = ([m, a, b]) => `${m.toFixed(1)} (${a.toFixed(1)}–${b.toFixed(1)})`;
      const each = memories.map(({ name, what }) => [plain(joined(name, what)), range(held(name, what))]);
      const valid = shown.map((name) => [titleOf(name).title, range(pack.measured[name][""].valid)]);
      const list = (rows, i, sep) =>
        rows
          .map(([words, value]) => `${words[i]} ${i ? value : value.replace(" (", "（").replace(")", "）")}`)
          .join(sep);
      const rest = shown.includes("lstm")
        ? ["，读得更长，*C* 里剩的也更多", "; longer passages leave more in *C*"]
        : ["", ""];
      return [
        "还剩多少是量出来的：把一个字母换成别的（四次），看状态离原来多远，再除以到此为止最远的那次（最远算 1，" +
          `挪回原处算 0）；右边把各个字母加起来。网络各 ${models.lstm.H} 个单元，在《时间机器》上同样训练，` +
          "第一句就出自训练文本，词也常见。换成它们没读过的故事，40 段，每段 80 个字母，量后 50 个" +
          `${rest[0]}：三个种子的中位数（最低–最高）是 ${list(each, 0, "，")} 个字母。` +
          `《时间机器》的验证文本上，困惑度是 ${list(valid, 0, "，")}。`,
        "How much is left is measured: replace a letter by others (four times), see how far the state is from " +
          "where it was, divide by the largest distance so far: 1 is as far as it got, 0 is no trace. The number " +
          `at the side adds up all letters. The networks have ${models.lstm.H} units each and were trained alike ` +
          "on The Time Machine; the first sentence is from there, and its words are common. On a tale that " +
          `they never read (40 passages of 80 letters, counted over the last 50${rest[1]}), the median ` +
          `(lowest–highest) of three seeds is ${list(each, 1, ", ")} letters. On the novel's validation text ` +
          `the perplexity is ${list(valid, 1, ", ")}.`,
      ];
    }

    /* ----- drawing ----- */
    function draw(values, keys) {
      const changed = (...names) => !keys || keys.some((k) => names.includes(k));
      if (changed("show")) build();
      const text = sentence(),
        whole = changed("show", "s", "own", "hold", "bias", "swap");
      if (strip.was !== text) {
        strip.write(text);
        strip.was = text;
        for (const part of memories) part.memory.write(text);
      }
      if (changed("s", "own")) {
        chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(text === TEXTS[i])));
        own.draw(values.own);
      }
      view.draw(shown.join(","));
      if (build.swap && whole) drawCompared(values, text);
      track.cursor(values.t);
      count.textContent = `${track.t + 1}/${track.n}`;
      for (const b of blocks) drawBlock(b, values, text, whole);
      if (keys && whole) ask();
      if (!keys && !queued)
        queued = requestAnimationFrame(() =>
          setTimeout(() => {
            queued = 0;
            ask();
          }),
        ); // after the first paint
      drawMemory();
    }
    const swapped = (job) => (job.name === "gru") !== (job.form === "after");
    /* Whose weights, and in which form they are computed. */
    function drawTitle({ name, title, tag }, job) {
      const { title: words, tag: about } = titleOf(name);
      if (!swapped(job)) {
        Kit.say(title, words);
        Kit.say(tag, about);
        return;
      }
      const own = titleOf(name).form || AFTER.form,
        other = job.form === "after" ? AFTER.form : CELLS.before.form;
      Kit.say(title, [`“${own[0]}”的权重`, `weights of “${own[1]}”`]);
      Kit.say(tag, [`用“${other[0]}”的形式来算`, `computed in the form “${other[1]}”`]);
    }
    /* What a gate's slider shows, and what touching it does. */
    const how = (isHeld) => {
      if (isHeld && both()) return ["两个都按住了", "held in both"];
      if (isHeld) return [`${models.lstm.H} 个全按住了`, `all ${models.lstm.H} units held`];
      if (both()) return ["平均；一拖按住两个", "mean; drag: both"];
      return ["平均；一拖就全按住", "mean; drag: hold all"];
    };
    function drawBlock(block_, values, text, whole) {
      const { name, parts, ppl } = block_,
        job = request(name, values, text),
        r = reading(job).read,
        free = job.free ? null : reading(request(name, values, text, false)).read;
      const t = track.t,
        { H, T } = r;
      for (const [row, part] of Object.entries(parts)) {
        const data = r[row === "H" ? "h" : row === "C" ? "c" : row],
          isHeld = row in job.held;
        if (whole) part.band.draw(data, T, H, { squash: row === "C" });
        if (part.meter) {
          let mean = 0;
          for (let j = 0; j < H; j++) mean += data[t * H + j] / H;
          part.meter.draw(mean, isHeld);
          part.band.el.toggleAttribute("data-held", isHeld);
          if (whole) Kit.say(part.how, how(isHeld));
        }
        if (part.next) part.next.draw(r.p.subarray(t * r.outputs, (t + 1) * r.outputs), letters, text[t + 1]);
      }
      if (!whole) return;
      if (job.form) drawTitle(block_, job);
      Kit.say(ppl, ["这句话的困惑度 ", "perplexity on this sentence "]);
      ppl.append(free ? `${short(free.perplexity)} → ` : "", el("b", {}, short(r.perplexity)));
      ppl.toggleAttribute("data-worse", Boolean(free && r.perplexity > free.perplexity * 1.05));
      const all = JSON.parse(host.dataset.perplexity || "{}");
      host.dataset.perplexity = JSON.stringify({ ...all, [name]: Number(r.perplexity.toFixed(2)) });
    }

    /* Everything whose memory is shown, the present one first; then the curves over the bias, if the worker
       has time. */
    function jobs() {
      const text = sentence(),
        list = shown.map((name) => request(name, fig.values, text));
      const free = shown.map((name) => request(name, fig.values, text, false));
      const late =
        shown.includes("lstm") && !("F" in holds(fig.values.hold))
          ? OUTWARD.map((bias) => ({ ...atBias(bias), late: true }))
          : [];
      return [...list, ...free, ...asked, ...late];
    }
    const atBias = (bias) => request("lstm", { ...fig.values, bias }, sentence());
    let asked = []; // by echoes in the prose
    function ask() {
      const missing = new Map();
      for (const job of jobs())
        if (!(cache.get(job.key) || {}).left && !missing.has(job.key)) missing.set(job.key, job);
      memory.ask([...missing.values()]);
    }
    function drawPart(part, t, text, values) {
      const T = text.length,
        job = request(part.name, values, text),
        now = table(job, part.what);
      if (!now || now.length !== T * T) return null;
      const free = job.free ? null : table(request(part.name, values, text, false), part.what);
      part.memory.draw(t, (i) => now[t * T + i], free && ((i) => free[t * T + i]));
      const total = lettersLeft(now, T, t);
      part.side.replaceChildren(el("b", {}, total.toFixed(1)), " ", Kit.words(["个字母", "letters"]));
      return total;
    }
    function drawMemory() {
      const text = sentence(),
        totals = memories.map((part) => drawPart(part, track.t, text, fig.values));
      if (sparks) drawBias(fig.values);
      host.toggleAttribute(
        "data-settled",
        totals.every((v) => v !== null),
      );
      if (!totals.every((v) => v !== null)) return;
      const found = Object.fromEntries(
        memories.map(({ name, what }, i) => [`${name}.${what}`, Number(totals[i].toFixed(1))]),
      );
      host.dataset.letters = JSON.stringify(found);
      if (firstMemory) {
        firstMemory = false;
        performance.mark("gates:memory");
        return;
      }
      const words = (i) =>
        memories.map(({ name, what }, k) => `${plain(joined(name, what))[i]} ${totals[k].toFixed(1)}`);
      const scores = JSON.parse(host.dataset.perplexity),
        score = (i) => shown.map((name) => `${titleOf(name).title[i]} ${scores[name].toFixed(1)}`);
      fig.say([
        `读到第 ${track.t + 1} 个字母。还剩：${words(0).join("，")}。困惑度：${score(0).join("，")}`,
        `${track.t + 1} letters read. Left: ${words(1).join(", ")}. Perplexity: ${score(1).join(", ")}`,
      ]);
    }
    function drawBias(values) {
      const T = track.n,
        t = track.t,
        off = "F" in holds(values.hold);
      sparks.slider.draw(Number((values.bias + 4).toFixed(1)));
      sparks.el.toggleAttribute("data-off", off);
      sparks.slider.input.disabled = off;
      sparks.slider.el.querySelector("button").disabled = off;
      drawWord(values, off);
      const points = SWEEP.map((bias) => ({ bias, kept: cache.get(atBias(bias).key) })).filter(
        (p) => p.kept && p.kept.left && p.kept.left.c.length === T * T,
      );
      const now = cache.get(request("lstm", values, sentence()).key) || {},
        has = now.left && now.left.c.length === T * T;
      const count_ = has ? lettersLeft(now.left.c, T, t) : null,
        most = t + 1;
      const logs = points.map((p) => Math.log(p.kept.perplexity)),
        low = Math.min(...logs),
        high = Math.max(...logs, low + 0.1);
      const scale = (v) => Math.max(0, Math.min(1, (Math.log(v) - low) / (high - low)));
      sparks.letters.draw(
        points.map((p) => [p.bias, lettersLeft(p.kept.left.c, T, t)]),
        [values.bias, count_],
        (v) => v / most,
      );
      sparks.ppl.draw(
        points.map((p) => [p.bias, p.kept.perplexity]),
        [values.bias, now.perplexity || null],
        scale,
      );
      const span = (found) => {
        const range = `${short(Math.min(...found))}–${short(Math.max(...found))}`;
        return found.length < SWEEP.length ? "" : el("small", {}, [`曲线 ${range}`, `curve ${range}`]);
      };
      if (has)
        sparks.lettersSide.replaceChildren(
          el("b", {}, count_.toFixed(1)),
          " ",
          Kit.words([`／${most}`, `of ${most}`]),
          span(points.map((p) => lettersLeft(p.kept.left.c, T, t))),
        );
      if (now.perplexity)
        sparks.pplSide.replaceChildren(
          el("b", {}, short(now.perplexity)),
          span(points.map((p) => p.kept.perplexity)),
        );
      host.dataset.sweep = JSON.stringify(
        points.map((p) => [
          p.bias,
          Number(lettersLeft(p.kept.left.c, T, t).toFixed(1)),
          Number(p.kept.perplexity.toFixed(2)),
        ]),
      );
    }

    const WORDS = {
      push: [
        "偏置只把门推开或推小一些，*F* 还跟着输入变；拖上面 *F* 的滑块才是按住。",
        "A bias only pushes the gate, and *F* still follows the input; to hold it, drag the slider of *F* above.",
      ],
      held: ["*F* 按住了，偏置不起作用。", "*F* is held, so its bias does nothing."],
      shut: [
        "*O* 按在 0，*H* 全是 0，困惑度就不随偏置变了。",
        "*O* is held at 0, so *H* is 0 and the perplexity can't change.",
      ],
    };
    function drawWord(values, off) {
      const key = off ? "held" : holds(values.hold).O === 0 ? "shut" : "push";
      if (sparks.word.dataset.word === key) return;
      sparks.word.dataset.word = key;
      Kit.say(sparks.word, WORDS[key]);
    }

    /* ----- echoes: the rows that matter, beside the sentence that speaks of them ----- */
    function echo(link) {
      if (link.closest(".fig-predict")) return null;
      const given = Kit.parse(link.getAttribute("href").replace(/^[^#]*/, ""))[fig.id] || {};
      const fixed = { ...fig.defaults, ...Kit.known(fig.defaults, given) },
        names = shownCells(fixed.show).filter((name) => !request(name, fixed, "a").free);
      if (!names.length) return null;
      const node = el("div", { class: "fig fig-gates fig-echo" }),
        small = Kit.track(node, goTo);
      const parts = names.flatMap((name) =>
        (name === "lstm" ? ["C", "H"] : ["H"]).map((what) => left(name, what, small)),
      );
      const verdict = el("p", { class: "gates__verdict" });
      node.append(...parts.map((part) => part.row), verdict);
      let was = "";
      return {
        el: node,
        draw() {
          const text = sentence(),
            values = fig.values;
          if (was !== text) {
            was = text;
            small.resize(text.length, text);
            for (const part of parts) part.memory.write(text);
          }
          small.cursor(values.t);
          asked = names.flatMap((name) => [request(name, values, text), request(name, values, text, false)]);
          if (parts.map((part) => drawPart(part, small.t, text, values)).includes(null)) ask();
          const change = names.map((name) => [
            titleOf(name).title,
            short(reading(request(name, values, text, false)).perplexity),
            short(reading(request(name, values, text)).perplexity),
          ]);
          const say = (i) =>
            change
              .map(([title, a, b]) => `${change.length > 1 ? title[i] + " " : ""}${a} → _${b}_`)
              .join(i ? ", " : "，");
          Kit.say(verdict, [`这句话的困惑度 ${say(0)}`, `perplexity on this sentence ${say(1)}`]);
        },
      };
    }
    return { draw, echo };
  }

  Kit.figure("gates", {
    title: ["一句话，几种记忆", "One sentence, several memories"],
    defaults: { show: "rnn,lstm", s: 0, own: "", t: 27, hold: "", bias: 0, swap: false },
    packs: ["gates"],
    make,
  });
})(globalThis);
