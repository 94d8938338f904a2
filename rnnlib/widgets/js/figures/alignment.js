/* Where the words cross (chapter 14): a network reads a number in words of one language and writes it in words of the
   other, looking back at what it read. Written tokens are rows, read ones columns, weights of attention cells; a line
   joins the largest of one row to that of the next, and has an arrow where it goes back to the left. The row that is
   pointed at has its weights as numbers, and lends its shades to the words above; below stands, folded, where the
   network with the other encoder looks. Beside the rows stands what the rule writes, with a mark where the network differs.

   State: n, from ("en", "zh"), enc ("both", "one"), row (from 1 on; 0: where words may cross, or else the first).
   Kit.alignment = {english, chinese}: the rule, token by token, as rnnlib.data.numerals has it. */
(function (Kit) {
  "use strict";
  const { el } = Kit, LEAST = 1, MOST = 999999;
  const WAYS = {
    en: { to: "zh", words: ["英文 → 中文", "English → Chinese"], read: ["英文", "English"], written: ["中文", "Chinese"] },
    zh: { to: "en", words: ["中文 → 英文", "Chinese → English"], read: ["中文", "Chinese"], written: ["英文", "English"] },
  };
  const ENCODERS = {
    both: { other: "one", words: ["双向", "both ways"], name: ["双向的编码器", "a two-way encoder"] },
    one: { other: "both", words: ["单向", "one way"], name: ["单向的编码器", "a one-way encoder"] },
  };
  const CODE = { en: "en", zh: "zh-CN" }, END = ["结束", "end"];

  /* ---------- the rule ---------- */
  const ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
    "seventeen eighteen nineteen").split(" ");
  const TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
  const THOUSANDS = ["", "thousand", "million", "billion"], PLACES = ["", "十", "百", "千"], MYRIADS = ["", "万", "亿"];
  const DIGITS = Array.from("零一二三四五六七八九");

  /* The digits of n in a base, the highest first, each with its power. */
  function places(n, base) {
    const found = [];
    for (let power = 0; n > 0; power++, n = Math.floor(n / base)) found.unshift([power, n % base]);
    return found;
  }
  function english(n) {
    if (n === 0) return ["zero"];
    const words = [];
    for (const [power, group] of places(n, 1000)) {
      const hundreds = Math.floor(group / 100), rest = group % 100;
      if (hundreds) words.push(ONES[hundreds], "hundred");
      if (rest && (hundreds || (words.length && power === 0))) words.push("and");
      if (rest >= 20) words.push(TENS[Math.floor(rest / 10)], ...(rest % 10 ? [ONES[rest % 10]] : []));
      else if (rest) words.push(ONES[rest]);
      if (group && power) words.push(THOUSANDS[power]);
    }
    return words;
  }
  function belowMyriad(n) {
    const words = [];
    let zeros = false;
    for (const [power, digit] of places(n, 10)) {
      if (digit) words.push(...(zeros ? ["零"] : []), DIGITS[digit], ...(power ? [PLACES[power]] : []));
      zeros = digit === 0;
    }
    return words;
  }
  function chinese(n) {
    if (n === 0) return ["零"];
    const words = [];
    let zeros = false; // whether a 0 stands right before what is read next
    for (const [power, group] of places(n, 10000)) {
      if (group) {
        zeros = words.length > 0 && (zeros || group < 1000);
        words.push(...(zeros ? ["零"] : []), ...belowMyriad(group), ...(power ? [MYRIADS[power]] : []));
      }
      zeros = group === 0;
    }
    return words[0] === "一" && words[1] === "十" ? words.slice(1) : words;
  }
  const RULE = { en: english, zh: chinese };
  Kit.alignment = { english, chinese };

  /* ---------- numbers and words ---------- */
  const percent = (w) => Math.round(100 * w);
  const grouped = (n) => n.toLocaleString("en");
  const joined = (tokens, lang) => tokens.join(lang === "en" ? " " : "");
  const whole = (text) => (/^\d+$/.test(text) && Number(text) >= LEAST && Number(text) <= MOST ? Number(text) : null);
  const token = (word, lang) => el("b", { class: "alignment__token", lang: CODE[lang] }, word);
  /* What is written at row t: a token, or the end in the reader's language. */
  const isEnd = (found, t) => found.ended && t === found.written.length - 1;
  const named = (found, t) => (isEnd(found, t) ? el("i", { class: "alignment__end" }, END) : token(found.written[t], found.to));
  /* Which of its kind word s is, where it stands more than once: "第 2 个 ", "the 2nd ". */
  function which(read, s) {
    if (read.indexOf(read[s]) === read.lastIndexOf(read[s])) return ["", ""];
    const k = read.slice(0, s + 1).filter((word) => word === read[s]).length;
    return [`第 ${k} 个 `, `the ${["", "1st", "2nd", "3rd"][k] || `${k}th`} `];
  }
  /* The row where words cross when they are joined by hand: behind 万, if thousands follow; at "thousand". */
  function meeting({ from, written }) {
    if (from === "zh") return Math.max(0, written.indexOf("thousand"));
    const at = written.indexOf("万");
    return at < 0 ? 0 : written[at + 2] === "千" ? at + 1 : at;
  }

  /* ---------- the number ---------- */
  /* What is typed is followed while it is a number; where it isn't any more, the figure goes back to what it was. */
  function numberField(fig) {
    const id = Kit.id("number"), note = el("span", { class: "fig-field__note", id: id + "-note", role: "status", hidden: true });
    const input = el("input", { class: "fig-field__input", id, type: "number", min: LEAST, max: MOST, step: 1,
      inputmode: "numeric", autocomplete: "off", "aria-describedby": id + "-note" });
    let typing = false, now = 0, before = {};
    const keep = () => { before = { n: fig.values.n, row: fig.values.row }; };
    function set(patch) {
      typing = true;
      fig.set(patch);
      typing = false;
    }
    input.addEventListener("input", () => {
      const n = whole(input.value);
      if (n === null) {
        if (fig.values.n !== before.n) set(before);
        note.replaceChildren();
        Kit.fill(note, [`要 1 到 999,999 之间的整数；图上仍是 ${grouped(now)}`,
          `A whole number from 1 to 999,999 is needed; the figure keeps ${grouped(now)}`]);
      } else if (n !== now) set({ n, row: 0 });
      note.hidden = n !== null;
    });
    input.addEventListener("focus", keep);
    input.addEventListener("change", keep);
    input.addEventListener("blur", () => { note.hidden = true; input.value = now; });
    return {
      el: el("div", { class: "fig-field alignment__number" }, el("label", { class: "fig-field__label", for: id },
        ["数", "Number"]), input, note),
      draw(n) {
        now = n;
        if (typing) return;
        keep();
        note.hidden = true;
        input.value = n;
      },
    };
  }

  /* ---------- the map ---------- */
  function map(choose) {
    const el_ = el("table", { class: "alignment__map" }), lines = Kit.svg("svg", { class: "alignment__lines", "aria-hidden": "true" });
    const frame = el("div", { class: "alignment__frame" }, el_, lines);
    let rows = [], heads = [], shown = null;

    function cell(w, most) {
      const cls = (most ? "is-most" : "") + (percent(w) === 100 ? " is-all" : "");
      return el("td", { class: cls, "data-weight": w.toFixed(6) },
        el("span", {}, String(percent(w)), el("span", { class: "fig-hidden" }, "%")));
    }
    function row(found, t) {
      const { S, weights, right, back } = found, there = t < found.written.length;
      const of = Array.from(weights.subarray(t * S, (t + 1) * S)), top = found.top[t];
      const rule = found.target[t] === undefined ? "–" : t === found.target.length - 1 ? END : found.target[t];
      const button = there && el("button", { type: "button", class: "alignment__word", tabindex: -1,
        onclick: () => choose(t) }, named(found, t));
      const mark = !right[t] && el("span", { class: "alignment__wrong" }, "✗",
        el("span", { class: "fig-hidden" }, ["和规则不同", "not as the rule has it"]));
      const node = el("tr", { class: right[t] ? "" : "is-wrong" },
        el("td", { class: "alignment__rule", lang: Array.isArray(rule) ? null : CODE[found.to] }, rule),
        el("th", { scope: "row" }, mark, back[t] && el("span", { class: "fig-hidden" }, ["退回左边", "back to the left"]), there ? button : el("span", { class: "alignment__none" }, "–")),
        ...(there ? of.map((w, s) => cell(w, s === top)) : found.read.map(() => el("td", { class: "is-none" }))));
      return { node, button };
    }
    function build(found) {
      heads = found.read.map((word) => el("th", { scope: "col", class: "alignment__head", lang: CODE[found.from] },
        el("span", {}, word)));
      const way = WAYS[found.from];
      rows = Array.from({ length: Math.max(found.written.length, found.target.length) }, (_, t) => row(found, t));
      el_.replaceChildren(
        el("caption", { class: "fig-hidden" }, [`注意力的权重，百分数：每行是写出的${way.written[0]}词，每列是读到的${way.read[0]}词`,
          `Weights of attention in percent: a row for each written ${way.written[1]} word, a column for each ${way.read[1]} word that was read`]),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, ["规则", "rule"]), el("th", { scope: "col" }, ["写出", "written"]),
          ...heads)),
        el("tbody", {}, ...rows.map((r) => r.node)));
      el_.style.setProperty("--cols", found.S);
      el_.className = `alignment__map is-${found.from}${found.S < 6 ? " is-short" : ""}`;
    }
    /* Lines from the largest cell of each row to that of the next, in the space between their middles. */
    function join() {
      if (!shown) return;
      const { back, top } = shown.found, home = el_.getBoundingClientRect();
      const boxes = rows.filter((r) => r.button).map((r, t) => r.node.cells[top[t] + 2].getBoundingClientRect());
      const last = boxes.length - (shown.found.ended ? 1 : 0), paths = [];
      for (let t = 1; t < last; t++) {
        const [a, b] = [boxes[t - 1], boxes[t]], x = (box) => box.left - home.left + box.width / 2;
        const up = a.bottom - home.top - 0.26 * a.height, down = b.top - home.top + 0.08 * b.height, d = `M${x(a)},${up}L${x(b)},${down}`;
        if (!back[t]) paths.push(Kit.svg("path", { d }));
        else paths.push(Kit.svg("path", { d, class: "is-halo" }), Kit.svg("path", { d, class: "is-back" }),
          Kit.svg("path", { class: "is-tip", transform: `translate(${x(b)},${down}) rotate(${(180 / Math.PI) * Math.atan2(down - up, x(b) - x(a))})`,
            d: "M3,0L-7,-4.5L-7,4.5Z" }));
      }
      lines.replaceChildren(...paths);
    }
    new ResizeObserver(join).observe(el_);

    /* Shades: of every cell, and of the words above by the chosen row. */
    function paint() {
      if (!shown) return;
      const { found, at } = shown, shade = (node, w) => {
        node.style.backgroundColor = Kit.colour(el_, "amount", w);
        node.style.color = Kit.readable(el_, "amount", w);
      };
      for (const node of el_.querySelectorAll("td[data-weight]")) shade(node, Number(node.dataset.weight));
      heads.forEach((node, s) => shade(node, found.weights[at * found.S + s]));
    }
    Kit.onTheme(Object.assign(paint, { node: el_ }));

    const rowOf = (event) => rows.findIndex((r) => r.button && r.node === event.target.closest("tr"));
    el_.addEventListener("pointerover", (event) => {
      const t = event.pointerType === "mouse" ? rowOf(event) : -1;
      if (t >= 0) choose(t);
    });
    el_.addEventListener("click", (event) => { if (rowOf(event) >= 0) choose(rowOf(event)); });
    el_.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !event.target.closest(".alignment__word")) return;
      const last = rows.filter((r) => r.button).length - 1, t = shown.at;
      const to = { ArrowUp: t - 1, ArrowDown: t + 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(Math.max(0, Math.min(last, to)));
      rows[shown.at].button.focus();
    });
    return {
      el: frame,
      draw(found, at) {
        const fresh = !shown || shown.found !== found;
        if (fresh) build(found);
        shown = { found, at };
        if (fresh) join();
        rows.forEach(({ node, button }, t) => {
          node.classList.toggle("is-chosen", t === at);
          if (!button) return;
          button.tabIndex = t === at ? 0 : -1;
          button.setAttribute("aria-pressed", String(t === at));
        });
        paint();
      },
    };
  }

  /* ---------- what is said ---------- */
  /* How English and Chinese cut a number: 120 | 345 and 12 | 0345. */
  function cuts(n) {
    const cut = (size) => {
      const text = String(n), at = text.length - size;
      return at > 0 ? [text.slice(0, at), el("i", { class: "alignment__cut" }, "\u00a0"), text.slice(at)] : [text];
    };
    return [
      el("span", {}, el("span", { class: "fig-muted" }, ["英文三位一断 ", "English, by threes "]), el("b", {}, ...cut(3))),
      el("span", {}, el("span", { class: "fig-muted" }, ["中文四位一断 ", "Chinese, by fours "]), el("b", {}, ...cut(4))),
    ];
  }
  function backs(found) {
    const k = found.back.filter(Boolean).length, { top, ended } = found, last = top.length - 1;
    const but = ended && top[last] < top[last - 1] ? ["（结束不算）", " (the end isn't counted)"] : ["", ""];
    return k === 0 ? [`从上往下，连线没有往左退过${but[0]}。`, `Going down, the line never turns back to the left${but[1]}.`]
      : [`从上往下，连线往左退了 ${k} 次${but[0]}。`,
        `Going down, the line turns back to the left ${["", "once", "twice"][k] || `${k} times`}${but[1]}.`];
  }
  /* A sentence in both languages with words of either inside it, which keep their own. */
  const sentence = (zh, en) => [el("span", { class: "lang-zh", lang: "zh-CN" }, ...zh),
    el("span", { class: "lang-sep" }, " | "), el("span", { class: "lang-en", lang: "en" }, ...en)];

  function verdict(found) {
    const { n, to, target, written, ended, exact } = found, [zh, en] = backs(found);
    const [code, encoder] = ENCODERS[found.enc].name, rule = joined(target.slice(0, -1), to), text = joined(ended ? written.slice(0, -1) : written, to) || "–";
    const cut = ended ? ["", ""] : [`写满 ${written.length} 个词元，没有写出结束，就停了。`,
      `It was stopped after ${written.length} tokens, without an end. `];
    return exact
      ? { nodes: sentence([token(text, to), ` ✓ 和规则一样。${zh}`], [token(text, to), ` ✓ as the rule has it. ${en}`]),
        said: [`${grouped(n)}，${code}：网络写的是${text}，和规则一样。${zh}`,
          `With ${encoder}, the network writes ${text} for the number ${grouped(n)}, and that is what the rule writes, too. ${en}`] }
      : { nodes: sentence([token(text, to), " ✗ 规则写的是 ", token(rule, to), `。${cut[0]}${zh}`],
        [token(text, to), " ✗ the rule writes ", token(rule, to), `. ${cut[1]}${en}`]),
        said: [`${grouped(n)}，${code}：网络写的是${text}，规则写的是${rule}，两者不同。${cut[0]}`,
          `With ${encoder}, the network writes ${text} for the number ${grouped(n)}, and that is not what the rule of the language ` +
          `would have written in its place: ${rule} is right. ${cut[1]}`.trim()] };
  }
  /* The question that the chosen row answers. */
  function question(found, t) {
    const [zh, en] = ENCODERS[ENCODERS[found.enc].other].name;
    const shown = (k) => (isEnd(found, t) ? END[k] : token(found.written[t], found.to));
    return sentence(["写", isEnd(found, t) ? "" : "“", shown(0), isEnd(found, t) ? "" : "”", `时，最多看哪个词？换成${zh}，还看那里吗？`],
      ["Which word does it look at most for ", shown(1), `, and would it with ${en}?`]);
  }
  function reading(found, t) {
    const { S, read, weights, p, from, written, target, right, top, back } = found, last = isEnd(found, t);
    const own = Array.from(weights.subarray(t * S, (t + 1) * S));
    const best = own.map((w, s) => [w, s]).sort((a, b) => b[0] - a[0]).filter(([w], i) => i === 0 || (i < 3 && w >= 0.05));
    const rest = best.length < S ? 100 - best.reduce((sum, [w]) => sum + percent(w), 0) : 0;
    const sure = p[t] > 0.9995 ? "> 99.9%" : `${(100 * p[t]).toFixed(1)}%`, rule = target[t];
    const looks = (comma, k) => best.flatMap(([w, s], i) => [(i ? comma : "") + which(read, s)[k], token(read[s], from), ` ${percent(w)}%`]);
    const told = (comma, k) => best.map(([w, s]) => `${which(read, s)[k]}${read[s]} ${percent(w)}%`).join(comma), name = (k) => (last ? END[k] : written[t]);
    const shown = (k) => (last ? el("i", {}, END[k]) : token(written[t], found.to));
    const should = right[t] ? ["", ""] : rule === undefined ? ["规则在前面就结束了。", " By the rule, the end has already come."]
      : t === target.length - 1 ? ["规则在这里结束。", " By the rule, the end comes here."]
        : [`规则在这里写“${rule}”。`, ` The rule writes “${rule}” here.`];
    const before = back[t] && read[top[t - 1]], nth = before ? which(read, top[t - 1]) : ["", ""];
    const turn = (k) => el("b", { class: "alignment__turn" }, ["看的词退回左边", "It looks back to the left"][k]);
    return {
      nodes: sentence(
        ["写 ", shown(0), `（概率 ${sure}）时看：`, ...looks("，", 0), rest > 0 ? `，其余 ${rest}%。` : "。",
          ...(before ? [turn(0), `：上一行最多看 ${nth[0]}`, token(before, from), "。"] : []), should[0]],
        ["Writing ", shown(1), ` (probability ${sure}), it looks at: `, ...looks(", ", 1), rest > 0 ? `, the rest ${rest}%.` : ".",
          ...(before ? [" ", turn(1), `: most of the row before lies on ${nth[1]}`, token(before, from), "."] : []), should[1]]),
      said: [`第 ${t + 1} 个，${name(0)}：${told("，", 0)}。${before ? `看的词退回左边，上一行最多看 ${nth[0]}${before}。` : ""}${should[0]}`,
        `Word ${t + 1}, ${name(1)}: ${told(", ", 1)}.${before ? ` It looks back to the left of ${nth[1]}${before}.` : ""}${should[1]}`],
    };
  }
  /* The same row of the network with the other encoder. */
  function compared(found, other, t) {
    const [zh, en] = ENCODERS[other.enc].name, { S, top, back, weights, read, from } = other, s = top[t];
    if (found.written.slice(0, t + 1).join(" ") !== other.written.slice(0, t + 1).join(" ")) {
      const words = [`换成${zh}，写到这里已经不同了。`, `With ${en}, what is written up to here is different.`];
      return { nodes: [words], said: words };
    }
    const w = ` ${percent(weights[t * S + s])}%`, before = back[t] && read[top[t - 1]], still = t && !isEnd(other, t);
    const here = which(read, s), there = before ? which(read, top[t - 1]) : ["", ""];
    const turn = before ? [`，退回左边：上一行最多看 ${there[0]}`, `, back to the left: most of the row before lies on ${there[1]}`]
      : still ? ["，没有退回", ", without a step back"] : ["", ""];
    const then = before ? [token(before, from)] : [];
    return { nodes: sentence([`换成${zh}：最多看 ${here[0]}`, token(read[s], from), w + turn[0], ...then, "。"],
      [`With ${en}: most at ${here[1]}`, token(read[s], from), w + turn[1], ...then, "."]),
      said: [`换成${zh}，最多看 ${here[0]}${read[s]}${w}${turn[0]}${before || ""}。`,
        `With ${en}, it looks most at ${here[1]}${read[s]}${w}${turn[1]}${before || ""}.`] };
  }

  /* ---------- the figure ---------- */
  async function make(host, fig) {
    const E = fig.engine, pack = await fig.pack("alignment"), { numbers, end, models } = pack;
    const nameOf = (from, enc) => `${from}_${enc}`;
    const pairs = Object.fromEntries(Object.entries(models).map(([name, of]) => [name, E.unpackPair(of, pack.bytes)]));
    let found = null, other = null;

    function translated(n, from, enc) {
      const name = nameOf(from, enc), { read: known, written: vocab } = models[name], { to } = WAYS[from], read = RULE[from](n);
      const out = E.translate(pairs[name], read.map((word) => known.indexOf(word)), pack.most, vocab.indexOf(end));
      const written = out.ids.map((id) => vocab[id]), target = [...RULE[to](n), end], S = out.S;
      const right = Array.from({ length: Math.max(written.length, target.length) }, (_, t) => written[t] === target[t]);
      const ended = written[written.length - 1] === end;
      const top = written.map((_, t) => {
        const own = out.weights.subarray(t * S, (t + 1) * S);
        return own.indexOf(Math.max(...own));
      });
      /* whether the largest weight lies left of that of the row before; at the end, no word is looked for */
      const back = top.map((s, t) => t > 0 && s < top[t - 1] && !(ended && t === top.length - 1));
      return { n, from, to, enc, read, written, target, right, ended, top, back, exact: right.every(Boolean), S,
        weights: out.weights, p: out.p };
    }
    const settled = ({ n, from, enc }) => ({ n: whole(String(n)) || fig.kind.defaults.n, from: WAYS[from] ? from : "en",
      enc: ENCODERS[enc] ? enc : "both" });
    const rowOf = (row) => (row >= 1 ? Math.min(Math.round(row), found.written.length) - 1 : meeting(found));

    const field = numberField(fig);
    const chips = numbers.shown.map((n) => el("button", { class: "fig-button", type: "button",
      onclick: () => fig.set({ n, row: 0 }) }, grouped(n)));
    const way = Kit.choice(["方向", "Direction"], Object.entries(WAYS).map(([value, { words }]) => ({ value, words })),
      (from) => fig.set({ from, row: 0 }), { value: fig.values.from, hide: true });
    const table = map((t) => fig.set({ row: t + 1 }));
    const encoder = Kit.choice(["编码器", "Encoder"], Object.entries(ENCODERS).map(([value, { words }]) => ({ value, words })),
      (enc) => fig.set({ enc }), { value: fig.values.enc });
    const ask = el("p", { class: "alignment__ask" }), groups = el("p", { class: "alignment__groups" });
    const line = el("p", { class: "alignment__verdict" });
    const read = el("p", { class: "alignment__reading" }), against = el("p", { class: "alignment__other" });
    const guess = el("summary", {}), fold = el("details", { class: "alignment__fold" }, guess, against);
    const past = el("span", { hidden: true }, el("b", { "aria-hidden": "true" }, "–"), ["已经结束", "has already ended"]);
    const of = (from, enc, what) => models[nameOf(from, enc)][what];
    const share = (from, enc, what = "exact") => `${Number((100 * of(from, enc, what)).toFixed(1))}%`, { H } = models[nameOf("en", "both")];
    const runs = (enc, comma) => of("en", enc, "runs").map((run) => run.crosses).join(comma), seeds = of("en", "both", "runs").length;
    const rounds = Object.values(models).map((model) => model.round);
    const least = `${Number((100 * Math.min(...rounds)).toFixed(1))}%`, most = `${Number((100 * Math.max(...rounds)).toFixed(1))}%`;
    host.append(
      ask,
      el("div", { class: "alignment__controls" }, field.el, el("div", { class: "alignment__chips" }, ...chips), way.el, encoder.el),
      groups, line, table.el, read, fold,
      el("p", { class: "fig-legend" },
        el("span", {}, "0", el("i", { class: "is-amount" }), "100% ", ["注意力的权重", "weight of attention"]),
        el("span", {}, el("b", { class: "alignment__dot", "aria-hidden": "true" }), ["一行里最大的", "the largest of a row"]),
        el("span", {}, el("b", { class: "alignment__turn", "aria-hidden": "true" }, "←"), ["退回左边", "back to the left"]),
        el("span", {}, el("b", { class: "alignment__wrong", "aria-hidden": "true" }, "✗"), ["和规则不同", "not as the rule has it"]), past),
      el("figcaption", { class: "fig-note" }, el("p", {}, ["一行是写出的一个词，一列是读到的一个词；一行的权重加起来是 100%（四舍五入后可能差一点）。权重说的是从哪里取，不是取来了什么：一列是读到那个词时的状态，前面的词也在里面，双向的还有后面的。",
        "A row is a word that is written, a column a word that was read; the weights of a row add up to 100%, up to rounding. They say where something is taken from, not what: a column is the state at that word, with the words before it in it, too, and with a two-way encoder also those after it."]),
      el("details", {}, el("summary", {}, ["四个网络，怎样训练，写对多少", "The four networks: how they were trained, how often they are right"]), [
        `翻译的两个方向，编码器双向或单向：一个 GRU 读，一个 GRU 写，各 ${H} 个单元（双向的编码器每个方向 ${H} 个），点积注意力；参数存成 −${numbers.levels} 到 ${numbers.levels} 的整数。英译中学过 ${grouped(numbers.train.en)} 个数，中译英 ${grouped(numbers.train.zh)} 个，按钮上的四个都没学过。没学过的 ${grouped(numbers.test)} 个（3 到 ${numbers.digits} 位）里从头到尾写对的，英译中双向 ${share("en", "both")}、单向 ${share("en", "one")}，中译英双向 ${share("zh", "both")}、单向 ${share("zh", "one")}。零很多的数（至少四位，至多两位不是 0，如 100,000）训练里少见，四个网络只对 ${least} 到 ${most}。那 ${grouped(numbers.test)} 个里，${numbers.meeting} 个是五、六位而千位不为 0，手连会交错：写完“万”，下一步最大的权重退回左边的，双向 ${of("en", "both", "crosses")} 个，单向 ${of("en", "one", "crosses")} 个；写“万”时最多看的正是 thousand 的，双向 ${of("en", "both", "joined")} 个，单向 ${of("en", "one", "joined")} 个；中译英，写 thousand 时退回的，双向 ${of("zh", "both", "crosses")} 个，单向 ${of("zh", "one", "crosses")} 个。这要看种子：每个网络试过 ${seeds} 个，留下验证损失最低的，不看它交错不交错；英译中，取整之前，双向的 ${seeds} 个种子依次退回 ${runs("both", "、")} 个，单向的 ${runs("one", "、")} 个。`,
        `Two directions of translation, each with a two-way and a one-way encoder: one GRU reads, one writes, ${H} units each (a two-way encoder has ${H} for each way), with dot-product attention; parameters are kept as integers from −${numbers.levels} to ${numbers.levels}. Those into Chinese learned from ${grouped(numbers.train.en)} numbers, those into English from ${grouped(numbers.train.zh)}, none of them on the four buttons. Of ${grouped(numbers.test)} others (3 to ${numbers.digits} digits), this share is right from beginning to end: into Chinese ${share("en", "both")} two-way and ${share("en", "one")} one-way, into English ${share("zh", "both")} and ${share("zh", "one")}. Numbers full of zeros (four digits or more, at most two of them not 0, such as 100,000) were rare in training: only ${least} to ${most} of them are right. ${numbers.meeting} of the ${grouped(numbers.test)} have five or six digits with a thousands digit other than 0, so that their words cross when joined by hand. At the step after 万, the largest weight moves back to the left for ${of("en", "both", "crosses")} of them two-way and ${of("en", "one", "crosses")} one-way, and for 万 itself it lies on "thousand" for ${of("en", "both", "joined")} and ${of("en", "one", "joined")}; into English, at "thousand", it moves back for ${of("zh", "both", "crosses")} and ${of("zh", "one", "crosses")}. It depends on the seed: of ${seeds} for each network, the one with the lowest validation loss was kept, whether it crosses or not. Into Chinese, before rounding to integers, the ${seeds} seeds gave ${runs("both", ", ")} two-way and ${runs("one", ", ")} one-way.`])));

    const put = (node, nodes) => {
      node.replaceChildren();
      Kit.fill(node, ...nodes);
    };
    function draw(values, keys) {
      const { n, from, enc } = settled(values), fresh = !found || found.n !== n || found.from !== from || found.enc !== enc;
      if (fresh) {
        found = translated(n, from, enc);
        other = translated(n, from, ENCODERS[enc].other);
        groups.replaceChildren(...cuts(n));
        put(line, verdict(found).nodes);
        field.draw(n);
        chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(numbers.shown[i] === n)));
        way.draw(from);
        encoder.draw(enc);
      }
      const at = rowOf(values.row), told = reading(found, at), beside = compared(found, other, at);
      put(ask, question(found, at));
      put(guess, [ENCODERS[other.enc].name.map((name, k) => (k ? `…and with ${name}? Guess, then open` : `换成${name}呢？先猜，再展开`))]);
      put(read, told.nodes);
      put(against, beside.nodes);
      table.draw(found, at);
      past.hidden = found.written.length === found.target.length;
      const { written, target, exact, back } = found, rows = back.flatMap((turns, t) => (turns ? [t + 1] : []));
      host.dataset.found = JSON.stringify({ n, from, enc, written, target, exact, row: at + 1, back: rows });
      if (keys) fig.say(fresh ? verdict(found).said : told.said.map((text, k) => text + (fold.open ? (k ? " " : "") + beside.said[k] : "")));
    }
    return { draw };
  }

  Kit.figure("alignment", {
    title: ["词在哪里交错", "Where the words cross"],
    defaults: { n: 126345, from: "en", enc: "both", row: 0 },
    packs: ["alignment"],
    make,
  });
})(globalThis.Kit);
