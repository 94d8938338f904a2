/* Find a unit (chapter 7): select, guess, check. The reader marks a place in a tale that an LSTM reads and
   says what it is ("the first letter of a word"); the figure finds the unit that marks it best on the page in
   sight, and counts on all the rest of the tale how far the guess holds.

   State: open (the data are loaded when the reader asks), page, from and to (the marked characters [from, to)
   of the tale), rule (the guess), what (H, C, I, F or O), unit (-1: the best on this page), list (hits,
   alarms or misses).

   A unit is on where its value is beyond a threshold, above it or below it. On the page in sight, threshold
   and side are chosen for each unit so that its score is largest:
     score = share of the named characters where it is on - share of the other characters where it is on.
   With the same threshold the score is computed on the rest of the tale, which took no part in choosing.
   How good it is (GOOD, FAIR) and whether it carried over (at most LOST less than on the page) are two
   verdicts. */
(function (root) {
  "use strict";
  const Kit = root.Kit,
    { el } = Kit;
  const KILOBYTES = 117,
    PAGE = 330,
    AROUND = 33,
    LISTED = 5,
    GOOD = 0.8,
    FAIR = 0.5,
    LOST = 0.1,
    SERIES = ["H", "C", "I", "F", "O"];
  const WHAT = {
    H: ["隐状态 H", "hidden state H"],
    C: ["记忆元 C", "memory cell C"],
    I: ["输入门 I", "input gate I"],
    F: ["遗忘门 F", "forget gate F"],
    O: ["输出门 O", "output gate O"],
  };

  /* What is shown before anything is loaded: the first sentence of the page in sight, how far the best unit for
     first letters is on (0 to 9, "." is off), and two findings. A test compares them with the open figure. */
  const SAMPLE = {
    text: '"He\'ll have counted," said Elizabeth to the hen.',
    on: "43.....4....7.........60...6.........4..2...4....",
    unit: 17,
    below: "0.84",
    first: ["0.98", "0.95"],
    capital: ["0.90", "0.64"],
  };

  /* ---------- pure parts ---------- */
  const isLetter = (c) => c !== undefined && /[A-Za-z']/.test(c);
  /* Of every character: its place in its word (1, 2, ... or 0) and in its sentence, and whether it is spoken
     (a paragraph ends a speech). */
  let known = null; // the last answer: it is asked for often
  function places(text) {
    if (known && known.text === text) return known;
    const word = new Uint8Array(text.length),
      spoken = new Uint8Array(text.length),
      sentence = new Uint8Array(text.length);
    let k = 0,
      inside = 0,
      far = 0;
    for (let i = 0; i < text.length; i++) {
      word[i] = k = isLetter(text[i]) ? Math.min(255, k + 1) : 0;
      if (text[i] === "\n" && text[i - 1] === "\n") inside = 0;
      else if (text[i] === '"') inside = 1 - inside;
      spoken[i] = inside;
      sentence[i] = far = ".?!".includes(text[i])
        ? 0
        : Math.min(255, far + (far || isLetter(text[i]) ? 1 : 0));
    }
    known = { text, word, spoken, sentence };
    return known;
  }
  /* Guesses: at(text, i, places) for a single character; "same" and "after" depend on what is marked. */
  const RULES = {
    first: {
      words: ["词的第一个字母", "the first letter of a word"],
      chip: ["词首", "first letters"],
      at: (text, i, { word }) => word[i] === 1,
    },
    spoken: {
      words: ["引号之内", "being inside quotation marks"],
      chip: ["引号之内", "in quotes"],
      at: (text, i, { spoken }) => spoken[i] === 1,
    },
    space: { words: ["空格", "a space"], chip: ["空格", "spaces"], at: (text, i) => text[i] === " " },
    line: {
      words: ["换行", "the end of a line"],
      chip: ["换行", "line ends"],
      at: (text, i) => text[i] === "\n",
    },
    late: {
      words: ["一行的第 60 个字符起", "the 60th character of a line and on"],
      chip: ["一行的第 60 个字符起", "60th of a line and on"],
      at: (text, i) => text[i] !== "\n" && i - text.lastIndexOf("\n", i - 1) > 59,
    },
    capital: {
      words: ["大写字母", "a capital letter"],
      chip: ["大写", "capitals"],
      at: (text, i) => /[A-Z]/.test(text[i]),
    },
    comma: { words: ["逗号", "a comma"], chip: ["逗号", "commas"], at: (text, i) => text[i] === "," },
    stop: {
      words: ["句号、问号或叹号", "the end of a sentence"],
      chip: ["句末", "ends of sentences"],
      at: (text, i) => ".?!".includes(text[i]),
    },
    young: {
      words: ["一句的前 10 个字符", "the first 10 characters of a sentence"],
      chip: ["一句的前 10 个字符", "first 10 of a sentence"],
      at: (text, i, { sentence }) => sentence[i] > 0 && sentence[i] <= 10,
    },
    th: {
      words: ["th 里的 h", "the h of th"],
      chip: ["th 里的 h", "the h of th"],
      at: (text, i) => i > 0 && text.slice(i - 1, i + 1).toLowerCase() === "th",
    },
    the: {
      words: ["单词 the 的 e", "the e of the word the"],
      chip: ["单词 the 的 e", "the e of the"],
      at: (text, i, { word }) =>
        word[i] === 3 && text.slice(i - 2, i + 1).toLowerCase() === "the" && !isLetter(text[i + 1]),
    },
    ing: {
      words: ["ing 里的 g", "the g of ing"],
      chip: ["ing 里的 g", "the g of ing"],
      at: (text, i) => text.slice(Math.max(0, i - 2), i + 1) === "ing",
    },
    second: {
      words: ["词的第二个字母", "the second letter of a word"],
      at: (text, i, { word }) => word[i] === 2,
    },
    fifth: {
      words: ["词的第五个字母起", "the fifth letter of a word and on"],
      chip: ["词的第五个字母起", "fifth letter and on"],
      at: (text, i, { word }) => word[i] > 4,
    },
    last: {
      words: ["词的最后一个字母", "the last letter of a word"],
      chip: ["词尾", "last letters"],
      at: (text, i, { word }) => word[i] > 0 && !isLetter(text[i + 1]),
    },
    vowel: {
      words: ["元音字母", "a vowel"],
      chip: ["元音", "vowels"],
      at: (text, i) => "aeiouAEIOU".includes(text[i]),
    },
  };
  /* What the pack calls what its units mark -> the guess that can be counted character by character. */
  const FROM_PACK = {
    "in quotes": "spoken",
    "line end": "line",
    "place in word": "fifth",
    "place in line": "late",
    "place in sentence": "young",
  };
  const quoted = (s) => s.replace(/ /g, "␣").replace(/\n/g, "↵");

  /* The guesses that are true of every marked character, "same" first, as {value, words}. */
  function guesses(text, from, to) {
    const of = places(text),
      marked = Array.from({ length: to - from }, (_, i) => from + i),
      span = quoted(text.slice(from, to));
    const list = to - from > 12 ? [] : [{ value: "same", words: [`每一处“${span}”`, `every “${span}”`] }];
    for (const [value, rule] of Object.entries(RULES))
      if (marked.every((i) => rule.at(text, i, of))) list.push({ value, words: rule.words });
    if (to - from === 1 && from > 0 && !/\s/.test(text[from - 1])) {
      list.push({
        value: "after",
        words: [`“${text[from - 1]}”后面的字符`, `the character after “${text[from - 1]}”`],
      });
    }
    return [...list, { value: "here", words: ["就这一处（还没想好）", "just this place (no idea yet)"] }];
  }
  /* Which characters a guess names: one byte each. */
  function named(rule, text, from, to) {
    const out = new Uint8Array(text.length),
      of = places(text);
    if (rule === "here") return out.fill(1, from, to);
    if (rule === "same") {
      const span = text.slice(from, to);
      for (let at = text.indexOf(span); at >= 0; at = text.indexOf(span, at + 1))
        out.fill(1, at, at + span.length);
      return out;
    }
    const is =
      rule === "after" ? (_, i) => i > 0 && text[i - 1] === text[from - 1] : (RULES[rule] || RULES.space).at;
    for (let i = 0; i < text.length; i++) out[i] = is(text, i, of) ? 1 : 0;
    return out;
  }
  /* values: int8, unit by unit, N each. The best threshold and side of every unit on the characters [a, b).
   */
  function choose(values, N, units, a, b, target) {
    const found = [];
    let total = 0;
    for (let i = a; i < b; i++) total += target[i];
    const others = b - a - total;
    for (let unit = 0; unit < units; unit++) {
      const inside = new Int32Array(257),
        outside = new Int32Array(257);
      for (let i = a; i < b; i++) (target[i] ? inside : outside)[values[unit * N + i] + 128]++;
      let best = { unit, score: -1, level: 0, above: true },
        hit = 0,
        alarm = 0;
      for (let v = 0; v < 256; v++) {
        // below or at level v - 128, above it
        hit += inside[v];
        alarm += outside[v];
        const below = hit / total - alarm / others;
        if (below > best.score) best = { unit, score: below, level: v - 128, above: false };
        if (-below > best.score) best = { unit, score: -below, level: v - 128, above: true };
      }
      found.push(best);
    }
    return total && others ? found : [];
  }
  const isOn = (v, { level, above }) => v > level === above;
  /* Counts outside [a, b): what took no part in choosing. */
  function check(values, N, choice, a, b, target) {
    const n = { hits: 0, misses: 0, alarms: 0, quiet: 0 };
    for (let i = 0; i < N; i++) {
      if (i === a) i = b;
      if (i >= N) break;
      if (isOn(values[choice.unit * N + i], choice)) {
        if (target[i]) n.hits++;
        else n.alarms++;
      } else if (target[i]) n.misses++;
      else n.quiet++;
    }
    n.score = n.hits + n.misses ? n.hits / (n.hits + n.misses) - n.alarms / (n.alarms + n.quiet) : NaN;
    return n;
  }
  /* A score in words: 0.93, −0.02, never −0.00. */
  const points = (v) => (Math.abs(v) < 0.005 ? "0.00" : v.toFixed(2).replace("-", "−"));
  const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
  /* Beginnings of pages, cut at spaces. */
  function pages(text) {
    const starts = [0];
    while (text.length - starts[starts.length - 1] > PAGE * 1.3) {
      const from = starts[starts.length - 1],
        near = from + PAGE,
        paragraph = text.lastIndexOf("\n\n", near) + 2;
      starts.push(
        paragraph > from + PAGE / 2
          ? paragraph
          : text.lastIndexOf("\n", near) > from
            ? text.lastIndexOf("\n", near) + 1
            : text.lastIndexOf(" ", near) + 1,
      );
    }
    return starts;
  }

  /* ---------- reading the tale: in a worker, or between frames ---------- */
  /* Stands alone: its text is part of the worker. Reads `count` characters from the state that `job` keeps.
   */
  function readOn(E, job, count) {
    const { model, ids, out, N } = job,
      H = model.H,
      to = Math.min(N, job.at + count);
    const r = E.read(model, ids.slice(job.at, to), null, job.state),
      T = to - job.at;
    const series = { H: r.h, C: r.c, I: r.I, F: r.F, O: r.O };
    for (const name of Object.keys(out)) {
      const from = series[name],
        to_ = out[name],
        squash = name === "C";
      for (let j = 0; j < H; j++)
        for (let t = 0, k = j * N + job.at; t < T; t++, k++) {
          const v = from[t * H + j];
          to_[k] = Math.round(127 * (squash ? Math.tanh(v) : v));
        }
    }
    job.at = to;
    job.state = r.end;
    return to >= N;
  }
  const blankJob = (model, ids) => ({
    model,
    ids,
    N: ids.length,
    at: 0,
    state: undefined,
    out: Object.fromEntries(SERIES.map((name) => [name, new Int8Array(model.H * ids.length)])),
  });

  function readTale(E, model, ids, progress) {
    const source = `const E = ${E.source}; const readOn = ${readOn};
      onmessage = ({ data }) => {
        const job = data, step = () => {
          const done = readOn(E, job, 1000);
          if (!done) { postMessage({ at: job.at }); setTimeout(step); return; }
          postMessage({ at: job.at, out: job.out }, Object.values(job.out).map((a) => a.buffer));
        };
        step();
      };`;
    const here = () =>
      new Promise((resolve) => {
        const job = blankJob(model, ids);
        const step = () => {
          const done = readOn(E, job, 100);
          progress(job.at / job.N);
          if (done) resolve(job.out);
          else setTimeout(step);
        };
        step();
      });
    return new Promise((resolve) => {
      let worker, address;
      const end = (result) => {
        if (worker) worker.terminate();
        if (address) URL.revokeObjectURL(address);
        resolve(result);
      };
      try {
        address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
        worker = new Worker(address);
        worker.onerror = (event) => {
          event.preventDefault();
          end(here());
        };
        worker.onmessage = ({ data }) => (data.out ? end(data.out) : progress(data.at / ids.length));
        worker.postMessage(blankJob(model, ids));
      } catch (forbidden) {
        end(here());
      }
    });
  }

  /* ---------- the figure ---------- */
  function make(host, fig) {
    let room = null,
      opening = false;
    const bar = el("progress", {
      class: "units__progress",
      max: 1,
      value: 0,
      hidden: true,
      "aria-label": ["正在读故事", "reading the tale"],
    });
    const button = el(
      "button",
      { class: "fig-button fig-button--main", type: "button", onclick: () => fig.set({ open: true }) },
      [`打开（${KILOBYTES} kB）`, `Open it (${KILOBYTES} kB)`],
    );
    const doing = el("p", { class: "units__doing fig-muted" });
    const letters = Array.from(SAMPLE.text, (c, i) =>
      el("span", { class: isLetter(c) && !isLetter(SAMPLE.text[i - 1]) ? "is-named" : null }, c),
    );
    const paintSample = () =>
      letters.forEach((span, i) => {
        if (SAMPLE.on[i] !== ".") shade(host, span, Number(SAMPLE.on[i]) / 9 || 0.03);
      });
    const door = el(
      "div",
      { class: "units__door" },
      el("p", { class: "units__sample", lang: "en" }, ...letters),
      el("p", {}, [
        `一个 LSTM（96 个单元，不是上文那个）在读故事。着色：${SAMPLE.unit} 号单元的输入门降到 ${SAMPLE.below} 以下；下划线：词首。` +
          `在挑出它的那一页上它得 ${SAMPLE.first[0]} 分，到故事的其余部分 _${SAMPLE.first[1]}_ 分，守得住；` +
          `大写字母最好的单元，却从 ${SAMPLE.capital[0]} 掉到 _${SAMPLE.capital[1]}_。` +
          "打开来，自己标一处，猜猜那是什么，看有没有单元在别处也标着它。",
        `An LSTM (96 units, not the one above) reads a tale. Shaded: the input gate of unit ${SAMPLE.unit} ` +
          `is below ${SAMPLE.below}; underlined: first letters of words. On the page where it was picked ` +
          `this unit scores ${SAMPLE.first[0]}, on the rest of the tale _${SAMPLE.first[1]}_: it carries ` +
          `over. The best unit for capitals drops from ${SAMPLE.capital[0]} to _${SAMPLE.capital[1]}_. Open it, mark a place, ` +
          "guess what it is, and see whether some unit marks it elsewhere, too.",
      ]),
      el("div", { class: "fig-controls" }, button, bar, doing),
    );
    const body = el("div", { class: "units__room", hidden: true });
    host.append(
      el("p", { class: "units__ask" }, ["这个单元管什么？", "What does this unit do?"]),
      door,
      body,
    );

    paintSample();
    Kit.onTheme(Object.assign(paintSample, { node: door }));

    async function open() {
      opening = true;
      const hadFocus = door.contains(document.activeElement); // a disabled button loses it
      button.disabled = true;
      Kit.say(doing, ["正在载入……", "Loading…"]);
      try {
        const pack = await fig.pack("units"),
          E = fig.engine,
          model = E.unpack(pack.model, pack.bytes);
        const { text, ids } = taleOf(pack);
        bar.hidden = false;
        Kit.say(doing, [
          `正在读 ${text.length.toLocaleString("en")} 个字符……`,
          `Reading ${text.length.toLocaleString("en")} characters…`,
        ]);
        const out = await readTale(E, model, ids, (share) => {
          bar.value = share;
        });
        room = furnish(body, fig, { text, out, units: model.H, N: text.length, pack });
        door.hidden = true;
        body.hidden = false;
        room.draw(fig.values, null);
        if (hadFocus) room.text.focus({ preventScroll: true });
        host.dataset.open = "";
        performance.mark("units:open");
      } catch (error) {
        host.dataset.failed = String(error.message || error);
        Kit.say(doing, [
          `没能载入：${host.dataset.failed}。请重新载入这一页；书里的文字不靠它也读得懂。`,
          `It could not be loaded: ${host.dataset.failed}. Please reload the page; the text can ` +
            "be read without it.",
        ]);
        doing.setAttribute("role", "alert");
        bar.hidden = true;
      }
    }
    return {
      draw(values, keys) {
        if (room) room.draw(values, keys);
        else if (values.open && !opening) open();
      },
    };
  }

  /* Give a character the colour of a unit that is on by x, from 0 (off) to 1. */
  function shade(host, span, x) {
    const soft = 0.16 + 0.6 * x;
    span.style.backgroundColor = x > 0 ? Kit.colour(host, "signed", soft) : "";
    span.style.color = x > 0 ? Kit.readable(host, "signed", soft) : "";
  }

  /* The tale as text and as indices of the network's vocabulary; the pack has it as bytes. */
  function taleOf(pack) {
    const vocab = pack.model.vocab || pack.vocab,
      { offset, shape } = pack.arrays.text,
      index = new Map(vocab.map((c, i) => [c, i]));
    const text = new TextDecoder().decode(new Uint8Array(pack.bytes, offset, shape[0]));
    return { text, ids: Array.from(text, (c) => index.get(c) || 0) };
  }

  function furnish(body, fig, { text, out, units, N, pack }) {
    const starts = pages(text),
      host = fig.host;
    /* The figure opens at a page of which about half is spoken: there most guesses have something to name. */
    const { spoken } = places(text),
      share = (page) => {
        const [a, b] = [starts[page], starts[page + 1] || N];
        return spoken.subarray(a, b).reduce((sum, v) => sum + v, 0) / (b - a);
      };
    const breaks = (page) => text.slice(starts[page], starts[page + 1] || N).split("\n\n").length;
    const odd = (page) => Math.abs(share(page) - 0.5) + 0.1 * breaks(page);
    const begin = starts.reduce((best, _, page) => (odd(page) < odd(best) ? page : best), 0);
    const firstOf = (rule) => Math.max(0, named(rule, text, 0, 1).indexOf(1, starts[begin] + 1));
    const opening = firstOf("first");
    let now = null,
      spans = [],
      lastPage = -1;

    /* ----- parts ----- */
    /* To begin with: what the pack's own search found, and two that every reader understands. */
    const found = (pack.examples || [])
      .map((e) => [FROM_PACK[e.what] || e.what, e.state])
      .filter(([rule]) => RULES[rule] && RULES[rule].chip);
    const examples = [
      ["first", "I"],
      ["last", "H"],
      ...found.filter(([rule]) => rule !== "first" && rule !== "last"),
    ].slice(0, 9);
    const chips = examples.map(([rule, series]) =>
      el(
        "button",
        {
          class: "fig-button units__chip",
          type: "button",
          onclick: () => {
            const from = firstOf(rule);
            fig.set({ page: begin, from, to: from + 1, rule, what: series, unit: -1, list: "hits" });
          },
        },
        RULES[rule].chip,
      ),
    );
    const help = Kit.id("units");
    const box = el("div", {
      class: "units__text",
      role: "textbox",
      "aria-readonly": "true",
      "aria-multiline": "true",
      tabindex: "0",
      "aria-label": ["故事的一页，可以标出几个字符", "A page of the tale; mark some characters"],
      "aria-describedby": help,
    });
    const turn = (by) => turnTo(Math.max(0, Math.min(starts.length - 1, state().page + by)));
    const turnTo = (page, more) => {
      fig.set({ page, ...more });
      fig.say([`第 ${page + 1} 页，共 ${starts.length} 页`, `page ${page + 1} of ${starts.length}`]);
    };
    const pageNo = el("span", { class: "fig-number fig-muted" });
    const pager = el(
      "div",
      { class: "units__pager" },
      el(
        "button",
        {
          class: "fig-icon",
          type: "button",
          "aria-label": ["上一页", "Previous page"],
          title: ["上一页", "Previous page"],
          onclick: () => turn(-1),
        },
        Kit.icon("back"),
      ),
      pageNo,
      el(
        "button",
        {
          class: "fig-icon",
          type: "button",
          "aria-label": ["下一页", "Next page"],
          title: ["下一页", "Next page"],
          onclick: () => turn(1),
        },
        Kit.icon("on"),
      ),
    );
    const what = Kit.word(
      ["看单元的什么", "What of the unit"],
      SERIES.map((value) => ({ value, words: WHAT[value] })),
      (v) => fig.set({ what: v, unit: -1 }),
    );
    const guess = Kit.word(
      ["你的猜想", "Your guess"],
      [{ value: "spoken", words: RULES.spoken.words }],
      (rule) => fig.set({ rule, unit: -1, list: "hits" }),
    );
    const verdict = el("p", { class: "units__verdict", role: "status" });
    const shades = el("span"),
      framed = el("span"),
      picked = el("p", { class: "units__label" });
    const ranks = el("div", {
      class: "units__ranks",
      role: "group",
      "aria-label": ["这一页上分数最高的单元", "Units with the highest scores on this page"],
    });
    const tally = el("div", { class: "units__tally" });
    const list = Kit.choice(["看哪些地方", "Which places"], [], (v) => fig.set({ list: v }), { hide: true });
    const lines = el("div", { class: "units__lines" });
    const where = el(
      "div",
      { class: "units__where" },
      list.el,
      el("p", { class: "units__label" }, [
        "框出的是数到的那一处；点一行，翻到那一页",
        "framed: the place that is counted; a click turns to its page",
      ]),
      lines,
    );
    const note = el("figcaption", { class: "fig-note" }, [
      "分数 = 猜想说的字符里单元亮着的比例 − 其他字符里单元亮着的比例：1 分毫不差，0 毫无关系。“亮”是说数值过了门槛；门槛和方向（高过还是低过）只用眼前这一页定，再到其余部分去数。" +
        `每页从 ${units} 个单元里挑，总能挑出一个漂亮的，所以要看另一个点：少不到 ${LOST} 分，才算守得住。`,
      "Score = share of the characters you named where the unit is on − share of the others where " +
        "the unit is on: 1 is perfect, 0 is no relation. “On” means beyond a threshold; threshold and " +
        `side (above or below) are set on the page in sight only, then the rest is counted. With ${units} ` +
        "units to choose from, some unit will always look good on one page, so look at the other dot: " +
        `a guess carries over if less than ${LOST} is lost.`,
    ]);
    body.append(
      el(
        "div",
        { class: "units__chips" },
        el("span", { class: "fig-muted units__try" }, ["试试：", "try:"]),
        ...chips,
      ),
      box,
      el(
        "p",
        { class: "units__key" },
        el("span", {}, el("i", { class: "is-shade" }), shades),
        el("span", {}, el("i", { class: "is-guess" }), ["下划线：你猜的", "underlined: your guess"]),
        el("span", {}, el("i", { class: "is-frame" }), framed),
      ),
      el(
        "div",
        { class: "units__under" },
        el("p", { class: "units__help", id: help }, [
          "拖过几个字符就是标出它们；点一下标一个字符，再点是整个词，又点回到一个。键盘：方向键移动，Shift + 方向键加长，Esc 从头来。",
          "Drag to mark; a click marks one character, the next one the whole word, the next the character " +
            "again. Keys: arrows move, Shift + arrows extend, Esc starts over.",
        ]),
        pager,
      ),
      el(
        "p",
        { class: "fig-sentence units__guess" },
        ["有个单元的", "Some unit’s "],
        what.el,
        [" 标记着 ", " marks "],
        guess.el,
      ),
      verdict,
      el(
        "div",
        { class: "units__two" },
        el(
          "div",
          {},
          picked,
          ranks,
        ),
        el(
          "div",
          {},
          el("p", { class: "units__label" }, ["在故事的其余部分", "in the rest of the tale"]),
          tally,
        ),
      ),
      where,
      note,
    );

    /* ----- state, with what is left open filled in ----- */
    /* A link may name nothing but a guess: then the first place is marked for which it is true. */
    function state() {
      const v = fig.values,
        fits = (list) => list.some((g) => g.value === v.rule);
      let from = Math.round(v.from),
        to = Math.min(Math.round(v.to), from + 60);
      const ok = from >= 0 && to > from && to <= N;
      if (!ok || (RULES[v.rule] && !fits(guesses(text, from, to)))) {
        from = RULES[v.rule] ? firstOf(v.rule) : opening;
        to = from + 1;
      }
      const fit = guesses(text, from, to),
        rule = fits(fit) ? v.rule : fit[0].value,
        turned = v.page >= 0 ? Math.min(Math.round(v.page), starts.length - 1) : -1;
      const page = turned >= 0 ? turned : starts.findLastIndex((s) => s <= from);
      return { from, to, rule, fit, page, what: SERIES.includes(v.what) ? v.what : "I", list: v.list };
    }
    function mark(from, to) {
      const fit = guesses(text, from, to),
        keep = fit.some((g) => g.value === fig.values.rule) && fig.values.rule !== "here";
      fig.set({
        from,
        to,
        page: state().page,
        rule: keep ? fig.values.rule : fit[0].value,
        unit: -1,
        list: "hits",
      });
      fig.say([`标出：${quoted(text.slice(from, to))}`, `marked: ${quoted(text.slice(from, to))}`]);
    }

    /* ----- marking with the hand ----- */
    let anchor = -1,
      moved = false;
    const charAt = (event) => {
      const node = document.elementFromPoint(event.clientX, event.clientY),
        span = node && node.closest("[data-i]");
      return span && box.contains(span) ? Number(span.dataset.i) : -1;
    };
    const wordAround = (i) => {
      let a = i,
        b = i + 1;
      while (a > 0 && isLetter(text[a - 1])) a--;
      while (b < N && isLetter(text[b])) b++;
      return [a, b];
    };
    box.addEventListener("pointerdown", (event) => {
      const i = charAt(event);
      if (i < 0 || event.button) return;
      anchor = i;
      moved = false;
      try {
        box.setPointerCapture(event.pointerId);
      } catch (gone) {
        /* the pointer has already left */
      }
      if (event.pointerType === "mouse") {
        event.preventDefault();
        box.focus({ preventScroll: true });
      }
    });
    box.addEventListener("pointermove", (event) => {
      if (anchor < 0) return;
      const i = charAt(event);
      if (i < 0 || (i === anchor && !moved)) return;
      moved = true;
      mark(Math.min(anchor, i), Math.max(anchor, i) + 1);
    });
    box.addEventListener("pointerup", () => {
      if (anchor >= 0 && !moved) {
        const { from, to } = state(),
          again = to - from === 1 && from === anchor && isLetter(text[anchor]);
        mark(...(again ? wordAround(anchor) : [anchor, anchor + 1]));
      }
      anchor = -1;
    });
    box.addEventListener("pointercancel", () => {
      anchor = -1;
    });

    /* ----- marking with the keyboard: the moving end is kept, as in every text field ----- */
    let caret = -1,
      fixed = -1;
    function lineAway(i, by) {
      const { a, b } = now,
        here = spans[i - a].getBoundingClientRect();
      let best = -1,
        least = Infinity;
      for (let k = a; k < b; k++) {
        const r = spans[k - a].getBoundingClientRect(),
          rows = Math.round((r.top - here.top) / here.height) * by;
        if (rows < 1) continue;
        const far = rows * 1e4 + Math.abs(r.left - here.left);
        if (far < least) {
          least = far;
          best = k;
        }
      }
      return best < 0 ? i : best;
    }
    box.addEventListener("keydown", (event) => {
      if (event.altKey || event.metaKey || event.ctrlKey) return;
      if (["Escape", "Delete", "Backspace"].includes(event.key)) {
        event.preventDefault();
        caret = fixed = -1;
        fig.set({ page: -1, from: -1, to: -1, rule: "first", what: "I", unit: -1, list: "hits" });
        fig.say(["标记去掉了，从头来", "mark cleared, back to the beginning"]);
        return;
      }
      if (event.key === "PageDown" || event.key === "PageUp") {
        event.preventDefault();
        turn(event.key === "PageDown" ? 1 : -1);
        return;
      }
      const { from, to } = state(),
        { a, b } = now,
        inside = (i) => i >= a && i < b;
      if (!inside(caret) || caret < from || caret >= to || !inside(fixed)) {
        fixed = inside(from) ? from : a;
        caret = inside(to - 1) ? to - 1 : a;
      }
      const next = {
        ArrowLeft: () => caret - 1,
        ArrowRight: () => caret + 1,
        ArrowUp: () => lineAway(caret, -1),
        ArrowDown: () => lineAway(caret, 1),
        Home: () => a,
        End: () => b - 1,
      }[event.key];
      if (!next) return;
      event.preventDefault();
      caret = Math.max(a, Math.min(b - 1, next()));
      if (!event.shiftKey) fixed = caret;
      if (Math.abs(caret - fixed) > 59) caret = fixed + 59 * Math.sign(caret - fixed);
      mark(Math.min(caret, fixed), Math.max(caret, fixed) + 1);
    });

    /* ----- drawing ----- */
    /* How far beyond the threshold, from 0 (off) to 1 (as far as on this page): orange is on, no colour is
       off. */
    function beyond(v, { level, above, span }) {
      const x = above ? v - level - 0.5 : level + 0.5 - v;
      return x > 0 ? Math.min(1, x / span) : 0;
    }
    function reach(choice) {
      let most = 1;
      for (let i = now.a; i < now.b; i++) {
        const v = now.values[choice.unit * N + i];
        most = Math.max(most, choice.above ? v - choice.level - 0.5 : choice.level + 0.5 - v);
      }
      choice.span = most;
    }
    function paint(span, i) {
      shade(host, span, beyond(now.values[now.choice.unit * N + i], now.choice));
      span.classList.toggle("is-named", Boolean(now.target[i]));
    }
    function write(page) {
      const a = starts[page],
        b = page + 1 < starts.length ? starts[page + 1] : N;
      spans = Array.from(text.slice(a, b), (c, k) =>
        el("span", { "data-i": a + k, class: c === "\n" ? "is-break" : null }, c === "\n" ? "↵\n" : c),
      );
      box.replaceChildren(...spans);
      lastPage = page;
    }
    function find(s) {
      const values = out[s.what],
        a = starts[s.page],
        b = s.page + 1 < starts.length ? starts[s.page + 1] : N;
      const target = named(s.rule, text, s.from, s.to),
        chosen = choose(values, N, units, a, b, target);
      const sorted = chosen.sort((x, y) => y.score - x.score || x.unit - y.unit);
      for (const c of sorted) c.rest = check(values, N, c, a, b, target);
      return { ...s, a, b, values, target, sorted };
    }
    const key = (s) => [s.from, s.to, s.rule, s.page, s.what].join();

    function draw() {
      const s = state();
      if (!now || key(now) !== key(s)) now = find(s);
      Object.assign(now, s);
      const wanted = now.sorted.find((c) => c.unit === fig.values.unit);
      now.choice = wanted || now.sorted[0] || null;
      if (lastPage !== s.page) write(s.page);
      pageNo.textContent = `${s.page + 1} / ${starts.length}`;
      what.draw(s.what);
      guess.draw(s.rule, s.fit);
      chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(examples[i][0] === s.rule)));
      for (const [i, span] of spans.entries()) {
        const at = now.a + i;
        span.classList.toggle("is-marked", at >= s.from && at < s.to);
        span.classList.toggle("is-start", at === s.from);
        span.classList.toggle("is-end", at === s.to - 1);
      }
      Kit.say(
        framed,
        s.from < now.b && s.to > now.a
          ? ["框：你标的", "framed: your mark"]
          : [
              `你标的在第 ${starts.findLastIndex((p) => p <= s.from) + 1} 页`,
              `your mark is on page ${starts.findLastIndex((p) => p <= s.from) + 1}`,
            ],
      );
      body.toggleAttribute("data-none", !now.choice);
      if (!now.choice) {
        for (const span of spans) span.style.cssText = "";
        Kit.say(verdict, [
          "这一页上没有猜想说的字符（或者全是）：翻一页，或换一处来标。",
          "The guess names no character of this page, or all of them: turn the page, or mark another place.",
        ]);
        host.dataset.result = "{}";
        return;
      }
      now.untested = s.rule === "here" || Number.isNaN(now.choice.rest.score);
      reach(now.choice);
      drawKey();
      spans.forEach((span, i) => paint(span, now.a + i));
      drawVerdict();
      drawRanks();
      drawTally();
      drawLines();
    }

    /* What the colour says, for the unit that is shown. */
    function drawKey() {
      const { level, above } = now.choice,
        name = now.what === "C" ? "tanh *C*" : `*${now.what}*`,
        edge = points((level + 0.5) / 127);
      Kit.say(shades, [
        `着色：亮，${name} ${above ? "高于" : "低于"} ${edge}，越深越远`,
        `shaded: on, ${name} ${above ? "above" : "below"} ${edge}; deeper: further`,
      ]);
    }

    /* How well a unit that was picked on one page marks the guess on all the others. */
    const grade = (score) =>
      score >= GOOD
        ? ["good", `好（${GOOD} 以上）`, `good (${GOOD} or more)`]
        : score >= FAIR
          ? ["fair", `一般（${FAIR} 到 ${GOOD}）`, `fair (${FAIR} to ${GOOD})`]
          : ["weak", `弱（不到 ${FAIR}）`, `weak (under ${FAIR})`];
    function drawVerdict() {
      const { choice, sorted, rule, untested } = now,
        n = choice.rest,
        s = untested ? ["none"] : grade(n.score),
        lost = choice.score - n.score,
        kept = !untested && lost < LOST;
      verdict.dataset.grade = s[0];
      verdict.toggleAttribute("data-kept", kept);
      const perfect = sorted.filter((c) => c.score >= 0.95).length;
      host.dataset.result = JSON.stringify({
        unit: choice.unit,
        page: Number(choice.score.toFixed(3)),
        rest: untested ? null : Number(n.score.toFixed(3)),
        grade: s[0],
        kept,
        hits: n.hits,
        alarms: n.alarms,
        misses: n.misses,
        above: choice.above,
        perfect,
        median: Number(median(sorted.map((c) => c.rest.score)).toFixed(3)),
      });
      if (untested) {
        const other = now.fit.some((g) => g.value !== rule && g.value !== "here");
        const why =
          rule === "here"
            ? ["可是一处说明不了什么", "But one place proves nothing"]
            : ["可是猜想说的，别处一处也没有，无从检验", "But what you guessed is nowhere else in the tale to be checked"];
        const how = other
          ? ["从上面的蓝字里换一个猜想", "pick another guess from the blue words above"]
          : ["少标几个字符", "mark fewer characters"];
        Kit.say(verdict, [
          `${units} 个单元里有 _${perfect}_ 个在这一页上拿到 0.95 分以上。${why[0]}：${how[0]}，才数得到别处去。`,
          `_${perfect}_ of ${units} units score 0.95 or more on this page. ${why[1]}: ${how[1]}, and the ` +
            "rest of the tale can be counted.",
        ]);
        return;
      }
      const best = choice === sorted[0],
        who = best
          ? [`${units} 个里最好的是 ${choice.unit} 号`, `Best of ${units}: unit ${choice.unit}`]
          : [`${choice.unit} 号`, `Unit ${choice.unit}`];
      const over = kept
        ? ["守得住", "it carried over"]
        : [`守不住，掉了 ${points(lost)}`, `it didn’t carry over, ${points(lost)} is lost`];
      Kit.say(verdict, [
        `${who[0]}：这一页 ${points(choice.score)} 分，其余 _${points(n.score)}_ 分，${s[1]}；到别处_${over[0]}_。`,
        `${who[1]}. On this page ${points(choice.score)}, on the rest _${points(n.score)}_, ${s[2]}; ` +
          `_${over[1]}_.`,
      ]);
    }
    function drawRanks() {
      const { sorted, choice, untested: here } = now,
        top = sorted.slice(0, 6),
        mid = median(sorted.map((c) => c.rest.score));
      Kit.say(
        picked,
        here
          ? ["在这一页上的分数", "score on this page"]
          : [
              "分数：在这一页上挑（空心），到其余部分检验（实心）",
              "score: picked on this page (hollow), checked on the rest (solid)",
            ],
      );
      const at = (score) => `${(100 * Math.max(0, Math.min(1, score))).toFixed(1)}%`;
      if (!top.includes(choice)) top[top.length - 1] = choice;
      ranks.replaceChildren(
        el(
          "p",
          { class: "units__ends", "aria-hidden": "true" },
          el("span", {}),
          el("span", { class: "units__axis" }, el("span", {}, "0"), el("span", {}, "1")),
        ),
        ...top.map((c) =>
          el(
            "button",
            {
              class: "units__rank",
              type: "button",
              "aria-pressed": String(c === choice),
              onclick: () => fig.set({ unit: c.unit }),
              "aria-label": [
                `${c.unit} 号：这一页 ${points(c.score)}${here ? "" : `，其余 ${points(c.rest.score)}`}`,
                `unit ${c.unit}: this page ` +
                  `${points(c.score)}${here ? "" : `, the rest ${points(c.rest.score)}`}`,
              ],
            },
            el("span", { class: "units__no" }, String(c.unit)),
            el(
              "span",
              { class: "units__axis" },
              here ? null : el("i", { class: "units__mid", style: { left: at(mid) } }),
              here
                ? null
                : el("i", {
                    class: "units__gap",
                    style: {
                      left: at(Math.min(c.score, c.rest.score)),
                      right: `calc(100% - ${at(Math.max(c.score, c.rest.score))})`,
                    },
                  }),
              el("i", { class: "units__dot", style: { left: at(c.score) } }),
              here ? null : el("i", { class: "units__dot is-rest", style: { left: at(c.rest.score) } }),
            ),
            el("span", { class: "units__score" }, here ? "" : points(c.rest.score)),
          ),
        ),
        here
          ? ""
          : el("p", { class: "units__median" }, [
              `虚线：${units} 个单元的中位数，其余部分 ${points(mid)}`,
              `dashed: median of the ${units} units on the rest, ${points(mid)}`,
            ]),
      );
    }
    function drawTally() {
      const { hits, alarms, misses } = now.choice.rest,
        all = hits + alarms + misses || 1;
      tally.parentElement.hidden = now.untested;
      if (now.untested) return;
      const part = (name, count, words) =>
        el(
          "div",
          { class: `units__part is-${name}` },
          el("i", { style: { width: `${Math.max(0.5, (100 * count) / all).toFixed(1)}%` } }),
          el("span", {}, el("b", {}, count.toLocaleString("en")), " ", words),
        );
      tally.replaceChildren(
        part("hits", hits, ["处说中：亮了，也是你猜的", "hits: on, and what you guessed"]),
        part("alarms", alarms, ["处误报：亮了，却不是", "false alarms: on, but it wasn’t"]),
        part("misses", misses, ["处漏掉：本该亮，没有亮", "misses: should be on, wasn’t"]),
      );
    }
    const KINDS = {
      hits: (on, is) => on && is,
      alarms: (on, is) => on && !is,
      misses: (on, is) => !on && is,
    };
    function drawLines() {
      const { choice, values, target, a, b } = now,
        kind = KINDS[now.list] ? now.list : "hits",
        found = [];
      list.draw(kind, [
        { value: "hits", words: ["说中的", "hits"] },
        { value: "alarms", words: ["误报的", "false alarms"] },
        { value: "misses", words: ["漏掉的", "misses"] },
      ]);
      where.hidden = now.untested;
      if (where.hidden) return;
      let was = false;
      for (let i = 0; i < N; i++) {
        if (i >= a && i < b) {
          was = false;
          continue;
        }
        const is = KINDS[kind](isOn(values[choice.unit * N + i], choice), Boolean(target[i]));
        if (is && !was) found.push(i);
        was = is;
      }
      const shown =
        found.length <= LISTED
          ? found
          : Array.from({ length: LISTED }, (_, k) => found[Math.floor(((k + 0.5) * found.length) / LISTED)]);
      lines.replaceChildren(
        ...shown.map((i) => {
          const page = starts.findLastIndex((s) => s <= i),
            from = Math.max(0, i - AROUND),
            to = Math.min(N, i + AROUND + 1);
          const line = el("button", {
            class: "units__line",
            type: "button",
            title: [`翻到第 ${page + 1} 页`, `turn to page ${page + 1}`],
            onclick: () => {
              turnTo(page, { unit: choice.unit });
              box.focus({ preventScroll: true });
              Kit.show(box);
            },
          });
          for (let k = i - AROUND; k < i + AROUND + 1; k++) {
            const inside = k >= from && k < to,
              span = el(
                "span",
                { class: k === i ? "is-here" : "" },
                inside ? Kit.shown(text[k]).replace("␣", " ") : " ",
              );
            if (inside) paint(span, k);
            line.append(span);
          }
          return line;
        }),
        ...(found.length ? [] : [el("p", { class: "fig-muted" }, ["一处也没有。", "None at all."])]),
      );
    }
    Kit.onTheme(
      Object.assign(
        () => {
          if (now && now.choice) draw();
        },
        { node: body },
      ),
    );
    return { draw, text: box };
  }

  Kit.figure("units", {
    title: ["找一个单元", "Find a unit"],
    defaults: { open: false, page: -1, from: -1, to: -1, rule: "first", what: "I", unit: -1, list: "hits" },
    packs: [],
    lazy: ["units"], // asked for when the figure is opened
    make,
  });
})(globalThis);
