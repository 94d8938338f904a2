/* A trained network, one character at a time: what it has read becomes a state, and the state a guess of
   the next character. The default state stops after "time trave": the trained network is nearly sure, one
   that never trained treats all alike. Below: how the next character is chosen, and a beam search.

   Data: a pack with a `model` and its `vocab`. "latin" is there from the start, "chinese" comes when it is
   chosen; a network from a notebook takes the place of "latin". A pack may bring a `prefix` to start from. */
(function (Kit) {
  "use strict";
  const PREFIXES = { latin: "time traveller", chinese: "登舟望秋月，空忆谢将军。" };
  const UNITS = 40; // columns of prefix and continuation together, in narrow letters
  const FEWEST = 12; // characters written after a long prefix
  const LONGEST = 60; // characters of a prefix
  const BRANCHES = 12; // characters that the beam search adds
  const SHOWN = 8, ROWS = 64; // bars; rows of the heat map
  const MOST = 40; // the end of the slider for top-k, which means: all
  const SEED = 42; // of the untrained twin

  /* ============ the networks and their texts: no drawing here ============ */
  /* A text as tokens and back. Vocabularies of characters are the rule; with one of longer tokens (words),
     a text is taken apart at spaces and put together with spaces. */
  function tongue(vocab) {
    const index = new Map(vocab.map((token, i) => [token, i]));
    const banned = index.has("<unk>") ? [index.get("<unk>")] : [];
    const long = vocab.filter((token, i) => !banned.includes(i) && Array.from(token).length > 1);
    const wordy = long.length * 2 > vocab.length;
    const known = (c) => index.has(c) && !banned.includes(index.get(c));
    const one = (c) => [c, c.toLowerCase(), c === "↵" ? "\n" : "", /\s/.test(c) ? " " : ""].find(known) || "";
    const split = (text) => (wordy ? text.split(/\s+/).filter(known) : Array.from(text, one).filter(Boolean));
    return { banned, split, joiner: wordy ? " " : "", clean: (text) => (wordy ? text : split(text).join("")),
      encode: (text) => split(text).slice(0, LONGEST).map((token) => index.get(token)) };
  }

  /* A pack's network, and its twin before training. */
  function network(engine, pack, name) {
    const { model: meta } = pack, vocab = meta.vocab || pack.vocab;
    if (!meta || !vocab) throw new Error(`the data "${name}" hold no network with a vocabulary`);
    if (meta.directions > 1) throw new Error("a network that reads from both ends cannot guess the next one");
    const trained = engine.unpack(meta, pack.bytes), { weights, ...options } = trained, words = tongue(vocab);
    if (trained.outputs !== vocab.length) {
      throw new Error(`${trained.outputs} outputs do not fit a vocabulary of ${vocab.length}`);
    }
    const given = [pack.prefix, PREFIXES[name], ((pack.samples || [])[0] || [])[0]].filter(Boolean);
    const prefix = given.find((text) => words.split(text).length >= Array.from(text).length / 2) ||
      vocab.filter((_, i) => !words.banned.includes(i)).slice(0, 3).join(words.joiner);
    const models = { trained, untrained: engine.create(options, SEED) };
    return { name, vocab, words, prefix, models, orders: {}, about: pack.about };
  }

  const widths = (tokens) => tokens.reduce((sum, token) => sum + (Kit.wide(token) ? 2 : 1), 0);

  /* How many characters are written after a prefix: the strip keeps about one width. */
  function room(tokens) {
    const width = widths(tokens), wide = width > tokens.length;
    return wide ? Math.max(FEWEST - 4, Math.floor((UNITS - width) / 2)) : Math.max(FEWEST, UNITS - width);
  }

  const choosing = (net, { how, tau, k }) =>
    ({ greedy: how === "greedy", temperature: tau, topK: k, banned: net.words.banned });

  /* Prefix and continuation, and what both networks make of them. */
  function story(engine, net, values) {
    const { encode, banned } = net.words, own = encode(values.prefix);
    const prefix = own.length ? own : encode(net.prefix), tokens = prefix.map((i) => net.vocab[i]);
    const { uniform } = engine.random(values.seed), drawn = [];
    const draw = () => (drawn.push(uniform()), drawn[drawn.length - 1]); // kept, to show where they fell
    const { ids } = engine.sample(net.models[values.who], prefix, room(tokens), choosing(net, values), draw);
    const said = { net, ids, P: prefix.length, drawn, tokens: ids.map((i) => net.vocab[i]), reads: {} };
    for (const [who, model] of Object.entries(net.models)) {
      const read = engine.read(model, ids);
      const scored = perplexities(read, ids.slice(0, prefix.length));
      said.reads[who] = { ...read, guesses: guesses(read, banned), perplexities: scored };
    }
    return said;
  }

  /* The favourite after each character, and how sure of it the network is; <unk> has no share. */
  function guesses({ p, T, outputs }, banned) {
    return Array.from({ length: T }, (_, t) => {
      let best = -1, left = 1;
      for (const v of banned) left -= p[t * outputs + v];
      for (let v = 0; v < outputs; v++) {
        if (!banned.includes(v) && (best < 0 || p[t * outputs + v] > p[t * outputs + best])) best = v;
      }
      return { best, p: Math.min(1, p[t * outputs + best] / Math.max(left, 1e-30)) };
    });
  }

  /* Perplexity of the characters up to each one; the first one was never guessed. Only the prefix is scored:
     what follows it, the network has written itself, and would agree with. */
  function perplexities({ p, outputs }, ids) {
    let sum = 0;
    return Array.from(ids, (_, t) => {
      if (t) sum -= Math.log(Math.max(p[(t - 1) * outputs + ids[t]], 1e-38));
      return t ? Math.exp(sum / t) : NaN;
    });
  }

  /* Of the prefix, as far as it has been read; NaN if that is not more than one character. */
  const scoreAt = (said, who, t) => said.reads[who].perplexities[Math.min(t, said.P - 1)];

  /* What the next character is drawn from: when drawing, the probabilities after temperature and top-k. */
  function distribution(engine, said, who, t, values) {
    const model = said.net.models[who], state = said.reads[who].h.subarray(t * model.H, (t + 1) * model.H);
    const x = engine.logits(model, state, new Float32Array(model.outputs));
    engine.choose(x, choosing(said.net, values), () => 0);
    return x;
  }

  /* How many equally likely characters would leave one as unsure: exp of the entropy. */
  const choices = (p) => Math.exp(-p.reduce((sum, x) => sum + (x > 0 ? x * Math.log(x) : 0), 0));

  /* Units from slow to fast, at most ROWS of them: column after column of what the heat map shows. */
  function rowsOf(read, H, order) {
    const rows = Math.min(H, ROWS), data = new Float32Array(read.T * rows);
    const picked = Array.from({ length: rows }, (_, r) => order[Math.floor(((r + 0.5) * H) / rows)]);
    for (let t = 0; t < read.T; t++) picked.forEach((j, r) => { data[t * rows + r] = read.h[t * H + j]; });
    return { data, rows };
  }
  function slowFirst({ h, T }, H) {
    const moved = new Float64Array(H);
    for (let i = H; i < T * H; i++) moved[i % H] += Math.abs(h[i] - h[i - H]);
    return Array.from(moved.keys()).sort((a, b) => moved[a] - moved[b]);
  }

  /* The tree of a beam search after `prefix`, beside greedy search (a beam of one). */
  function search(engine, model, prefix, width, banned) {
    const found = engine.beam(model, prefix, BRANCHES, width, { banned, most: 4 });
    const greedy = engine.beam(model, prefix, BRANCHES, 1, { banned, most: 0 });
    const more = { rank: 0, alive: false, greedy: false };
    const nodes = found.nodes.map((node, i) => ({ ...node, ...more, i, children: [] }));
    const depths = Array.from({ length: BRANCHES + 1 }, () => []);
    for (const node of nodes) {
      if (node.i) nodes[node.parent].children.push(node);
      if (node.kept) node.rank = depths[node.depth].push(node) - 1;
    }
    for (const end of depths[BRANCHES]) for (let n = end; n && !n.alive; n = nodes[n.parent]) n.alive = true;
    let on = nodes[0], lost = 0;
    for (const id of greedy.ids.slice(prefix.length)) { // how far greedy's text stays in the beam
      on.greedy = true;
      const next = on.children.find((child) => child.kept && child.id === id);
      if (!next) { lost = on.depth + 1; break; }
      on = next;
    }
    on.greedy = true;
    const same = found.ids.every((id, i) => id === greedy.ids[i]);
    const gain = found.logProbability - greedy.logProbability, added = (one) => one.ids.slice(prefix.length);
    return { nodes, depths, best: nodes[found.best], lost, ratio: Math.exp(gain),
      beam: { ids: added(found), total: found.logProbability },
      greedy: { ids: added(greedy), total: greedy.logProbability },
      verdict: same ? "same" : gain > 0 ? "beam" : "greedy" };
  }
  function path(tree, node) {
    const list = [];
    for (let n = node; n; n = tree.nodes[n.parent]) list.unshift(n);
    return list;
  }

  /* ============ words ============ */
  const CAPTION = [
    "每个字符下面，是两个网络还没读到它时的猜测：字越清楚、条越长，把握越大；在前缀里猜中的是绿色。" +
    "再往后读的是它自己写的，不算分，条画成斜纹。移动光标，或者点一个概率条，替它选下一个字符。",
    "Below each character stands what the two networks guessed before they saw it: the stronger the letter " +
    "and the longer its bar, the surer; within the prefix, green where it was right. After that it reads " +
    "what it wrote itself: no score, hatched bars. Move the cursor, or click a bar to choose the next " +
    "character yourself."];
  const NAMES = { trained: ["训练过的", "trained"], untrained: ["没训练过的", "untrained"] };
  /* What became of <unk>, in words; nothing if the vocabulary has none. */
  function leftOut({ words: { banned }, vocab: { length: V } }) {
    const n = V - banned.length;
    if (!banned.length) return ["", ""];
    return [`<unk> 代表所有不认识的字符，分不清是哪一个，所以不读也不写：${V} 项里可选 ${n} 项。`,
      ` <unk> stands for every unknown character alike, so it is neither read nor written: ${n} of ${V} ` +
      "entries can be chosen."];
  }
  const unsure = (n) => (n < 1.05 ? ["几乎只剩一个选择", "practically one choice"]
    : [`相当于 ${count(n)} 个里选一个`, `like ${count(n)} equal choices`]);
  const nats = (x) => x.toFixed(2).replace("-", "\u2212");
  const count = (x) => (x >= 1000 ? Math.round(x).toLocaleString("en") : x.toFixed(x >= 100 ? 0 : 1));

  function percent(p) {
    if (p > 0 && p < 0.005) return "< 1 %";
    return p < 1 && p >= 0.9995 ? "99.9 %" : `${(100 * p).toFixed(p > 0.1 ? 0 : 1)} %`;
  }
  function quoted(tokens, joiner, most = 18) {
    const shown = tokens.slice(-most).map((c) => (c === "\n" ? "↵" : c));
    return (tokens.length > most ? "…" : "") + shown.join(joiner);
  }
  /* A piece of text within words: bold, its outer spaces visible, its marks harmless. */
  const bold = (text) => `_${text.replace(/^ | $/g, "\u2423").replace(/[_*]/g, "\u00b7")}_`;
  const oneLine = (text) => text.replace(/\n/g, "↵");
  const both = ([zh, en], [more, other]) => [zh + more, en + other];

  function verdictWords({ verdict, ratio, lost }) {
    const times = ratio >= 10 ? Math.round(ratio).toLocaleString("en") : ratio.toFixed(ratio < 1.05 ? 3 : 1);
    const out = !lost ? ["", ""] : [`贪心的那条路，到第 ${lost} 个字符就被挤出了束。`,
      ` Greedy’s path dropped out of the beam at character ${lost}.`];
    if (verdict === "same") {
      return ["两种搜索写的一样：这里每步都挑最可能的，连起来也是束里最可能的。",
        "Both write the same: here, the likeliest step each time also made the likeliest text in the beam."];
    }
    if (verdict === "beam") {
      return both([`束搜索找到了更可能的一段：概率是贪心那段的 _${times}_ 倍。`,
        `The beam found a likelier text: _${times}_ times as probable as greedy’s.`], out);
    }
    return both([`束搜索找到的反而不如贪心：概率只有它的 _${times}_ 倍。束宽有限，不保证更好。`,
      `The beam’s text is less likely than greedy’s: _${times}_ times as probable. A beam keeps only ` +
      "a few texts, and promises nothing."], out);
  }

  /* ============ parts of this figure ============ */
  /* Each is made from the scene: {fig, engine, net, said, at()}, the network and the text of now. */

  /* Which network, and the reader's own beginning. */
  function topPart(scene) {
    const { fig } = scene;
    const which = Kit.choice(["网络", "Network"], [
      { value: "latin", words: ["英文", "English"] },
      { value: "chinese", words: ["中文", "Chinese"] },
    ], (net) => fig.set({ net, prefix: "", t: fig.kind.defaults.t, node: "" }));
    const clean = (typed) => oneLine(scene.net.words.clean(typed));
    const field = Kit.field(["前缀", "Prefix"], { max: LONGEST, clean, wait: 200 }, (typed) => {
      const { words, prefix } = scene.net, text = typed.replace(/↵/g, "\n");
      const t = words.encode(text || prefix).length - 1;
      fig.set({ prefix: text === prefix ? "" : text, t, node: "" });
    });
    return { el: Kit.el("div", { class: "fig-controls stepper-top" }, which.el, field.el), draw() {
      which.el.hidden = !scene.net.about; // the reader's own network stands alone
      which.draw(scene.net.name);
      field.draw(oneLine(fig.values.prefix || scene.net.prefix));
    } };
  }

  /* The text, what was guessed before each of its characters, and the state: rows with one cursor. */
  function textPart(scene) {
    const { fig } = scene, el = Kit.el("div", { class: "stepper-rows" }), big = {}, guessed = {};
    const player = Kit.player((by) => {
      const to = scene.at() + by;
      if (to < 0 || to >= scene.said.ids.length) return false;
      fig.set({ t: to });
      return true;
    }, () => fig.set({ t: 0 }), { every: 420 });
    const move = (t) => {
      player.stop();
      fig.set({ t });
    };
    const track = Kit.track(el, move, { veil: true, toggle: () => player.toggle() });
    const phases = track.plain(["前面是读的，后面是写的", "The first part is read, the rest is written"]);
    const strip = track.strip(["读到哪个字符", "Read up to which character"], () => spoken(scene));
    const band = track.band("signed", ["状态：每行一个单元，变得慢的在上；每列一步",
      "The state: a row for each unit, slow ones on top; a column for each step"]);
    const units = Kit.el("span", { class: "fig-muted" }), whose = Kit.el("span"), score = {};
    const scale = Kit.el("p", { class: "fig-legend" },
      Kit.el("span", {}, "\u22121", Kit.el("i", { class: "is-state" }), "+1"));
    el.append(Kit.row("", phases.el, null, "phases"),
      Kit.row(["读到这里", "read so far"], strip.el, player.el, "strip"));
    for (const [who, label] of [["trained", ["训练过的猜", "trained, it guessed"]],
      ["untrained", ["没训练的猜", "untrained, it guessed"]]]) {
      guessed[who] = track.memory([`${NAMES[who][0]}网络，在每个字符之前的猜测`,
        `What the ${NAMES[who][1]} network guessed before each character`]);
      big[who] = Kit.el("b");
      score[who] = Kit.el("span");
      const side = Kit.el("div", { class: "fig-big" }, big[who], score[who]);
      el.append(Kit.row(label, guessed[who].el, side, who));
    }
    el.append(Kit.row(whose, band.el, Kit.el("div", {}, units, scale), "state"));

    function phase(cls, from, tokens, words) {
      const style = { "grid-column": `${from} / span ${tokens.length}` };
      const room = widths(tokens), fits = words[room < 9 ? 0 : 1];
      return Kit.el("span", { class: "stepper-phase " + cls, style }, Kit.el("span", {}, room ? fits : ""));
    }
    function writeGuesses(who, { tokens, ids, reads, P }) {
      const favourite = (i) => (i ? reads[who].guesses[i - 1].best : -1), row = guessed[who];
      row.write(tokens.map((_, i) => (i ? Kit.shown(scene.net.vocab[favourite(i)]) : "")));
      Array.from(row.el.querySelectorAll(".fig-letters > span"))
        .forEach((span, i) => {
          span.toggleAttribute("data-right", i < P && favourite(i) === ids[i]);
          span.toggleAttribute("data-own", i >= P);
        });
    }
    /* A column is as wide as the widest character in it, also a guessed one. */
    const widest = ({ tokens, reads }) => tokens.map((token, i) => [token, ...Object.values(reads)
      .map(({ guesses: list }) => (i ? scene.net.vocab[list[i - 1].best] : ""))].find(Kit.wide) || token);
    function writeState(who, said) {
      const { orders, models } = scene.net, { H, kind } = models[who], read = said.reads[who];
      if (!orders[who]) orders[who] = slowFirst(read, H);
      const { data, rows } = rowsOf(read, H, orders[who]), name = kind.toUpperCase();
      band.draw(data, said.ids.length, rows);
      const some = rows < H ? [`${rows} / ${H} 个单元`, `${rows} of ${H} units`] : [`${H} 个单元`, `${H} units`];
      const slow = ["，变得慢的在上", ", slow ones on top"];
      Kit.say(units, both(both([name + "\n", name + "\n"], some), slow));
      Kit.say(whose, [`${NAMES[who][0]}状态 *H*`, `state *H* of the ${NAMES[who][1]} network`]);
    }
    return {
      el,
      write() {
        const { said } = scene, { tokens, P } = said;
        strip.write(tokens.map((c) => (c === "\n" ? Kit.shown(c) : c)));
        track.resize(tokens.length, widest(said));
        phases.write([phase("is-read", 1, tokens.slice(0, P), [["读", "read"], ["读：预热", "read: warm-up"]]),
          phase("is-written", P + 1, tokens.slice(P),
            [["写", "written"], ["写：续写", "written: continuation"]])]);
        for (const who of Object.keys(NAMES)) writeGuesses(who, said);
        writeState(fig.values.who, said);
      },
      draw(t) {
        track.cursor(t);
        for (const who of Object.keys(NAMES)) {
          const { guesses: list } = scene.said.reads[who], ppl = scoreAt(scene.said, who, t);
          guessed[who].draw(Math.min(t + 1, track.n - 1), (i) => (i ? list[i - 1].p : 0), null);
          big[who].textContent = Number.isNaN(ppl) ? "–" : count(ppl);
          Kit.say(score[who], t + 1 < scene.said.P ? ["到这里的困惑度", "perplexity so far"]
            : ["前缀的困惑度", "perplexity, prefix"]);
        }
      },
    };
  }

  function spoken({ fig, engine, net, said, at }) {
    const t = at(), p = distribution(engine, said, fig.values.who, t, fig.values);
    const best = p.indexOf(Math.max(...p)), share = percent(p[best]);
    const c = Kit.shown(said.tokens[t]), guess = Kit.shown(net.vocab[best]);
    return [`第 ${t + 1} 个字符 ${c}；下一个最可能是 ${guess}，${share}`,
      `character ${t + 1}, ${c}; the likeliest next one is ${guess}, ${share}`];
  }

  /* What both networks expect next, side by side; a bar chooses a character in their place. */
  function guessPart(scene) {
    const { fig } = scene;
    const after = Kit.el("p", { class: "stepper-after" }), next = Kit.el("p", { class: "stepper-next" });
    function pick(v, c) {
      const t = scene.at() + 1, read = scene.said.tokens.slice(0, t);
      if (t < LONGEST) fig.set({ prefix: [...read, c].join(scene.net.words.joiner), t, node: "" });
    }
    const lists = Object.entries(NAMES).map(([who, [zh, en]]) => {
      const label = [`${zh}网络：下一个字符`, `The ${en} network: the next character`];
      const bars = Kit.bars(SHOWN, { label, pick });
      const name = Kit.el("p", { class: "stepper-list__name" });
      return { who, bars, name, el: Kit.el("div", { class: `stepper-list is-${who}` }, name, bars.el) };
    });
    function coming(t) {
      const { tokens, P } = scene.said;
      if (t + 1 >= tokens.length) return ["这一行满了，就写到这里", "The line is full; it stops writing here"];
      const c = bold(Kit.shown(tokens[t + 1]));
      if (t + 1 < P) return [`接下来是前缀里的 ${c}`, `Next comes ${c}, from the prefix`];
      return [`选中 ${c}：写下来，再读进去`, `It chooses ${c}, writes it and reads it back in`];
    }
    /* <unk> is never chosen and gets no bar; where it would have had a share, that is said. */
    function aside(t) {
      const { p, outputs } = scene.said.reads.trained;
      const share = scene.net.words.banned.reduce((sum, v) => sum + p[t * outputs + v], 0);
      if (share < 0.01) return ["", ""];
      return [`。<unk> 本来有 ${percent(share)}，不算在内`, `; <unk>, at first ${percent(share)}, is left out`];
    }
    /* Why training can make it worse: sure of the wrong character. */
    function worse(t) {
      const [one, other] = Object.keys(NAMES).map((who) => scoreAt(scene.said, who, t));
      if (!(one > other)) return ["", ""];
      return ["。到这里困惑度比没训练的还高：很有把握地猜错，罚得最重",
        ". So far its perplexity is above the untrained one’s: being sure and wrong costs most"];
    }
    const columns = Kit.el("div", { class: "stepper-lists" }, ...lists.map((list) => list.el));
    return { el: Kit.el("div", { class: "stepper-guess" }, after, columns, next), draw(t, shares) {
      const { said, net } = scene, read = bold(quoted(said.tokens.slice(0, t + 1), net.words.joiner));
      const { how, tau, k } = fig.values, bent = how === "draw" && (tau !== 1 || k > 0);
      Kit.say(after, both([`读完“${read}”，两个网络的猜测`, `After “${read}”, the two networks guess`],
        bent ? ["（已按 *τ*、*k* 调过）", " (*τ* and *k* applied)"] : ["", ""]));
      for (const { who, bars, name } of lists) {
        const [zh, en] = NAMES[who], possible = shares[who].filter((p) => p > 0).length;
        bars.draw(shares[who], net.vocab, said.tokens[t + 1]);
        Array.from(bars.el.children).forEach((row, i) => { row.hidden = i >= possible; });
        Kit.say(name, both([`_${zh}_：`, `_${en}_: `], unsure(choices(shares[who]))));
      }
      Kit.say(next, both(both(coming(t), aside(t)), worse(t)));
    } };
  }

  /* How the next character is chosen: greedy, or by chance with temperature, top-k and a seed. */
  function choicePart(scene) {
    const { fig } = scene, line = ruler();
    const stream = Kit.el("span", { class: "fig-number stepper-stream__number" });
    const how = Kit.choice(["怎么挑", "How to choose"], [
      { value: "greedy", words: ["贪心", "greedy"] },
      { value: "draw", words: ["按概率抽", "draw"] },
    ], (value) => fig.set({ how: value }), { hide: true });
    const tau = Kit.slider(["温度 *τ*", "temperature *τ*"],
      { min: 0.1, max: 2, step: 0.1, value: 1, ticks: [0.1, 1, 2] },
      (value) => fig.set({ tau: value, how: "draw" }));
    const topk = Kit.slider(["只留前 *k* 个", "top *k*"],
      { min: 1, max: MOST, step: 1, value: MOST, format: (k) => (k >= MOST ? ["全部", "all"] : String(k)) },
      (k) => fig.set({ k: k >= MOST ? 0 : k, how: "draw" }));
    const shift = (by) => fig.set({ seed: Math.max(1, Math.round(fig.values.seed) + by), how: "draw" });
    const step = (icon, words, by) => Kit.el("button", { class: "fig-icon", type: "button",
      "aria-label": words, title: words, onclick: () => shift(by) }, Kit.icon(icon));
    const streams = Kit.el("div", { class: "stepper-stream" },
      Kit.el("span", { class: "fig-muted" }, ["随机种子", "random seed"]),
      step("minus", ["上一个种子", "Previous seed"], -1), stream, step("plus", ["下一个种子", "Next seed"], 1));
    const writers = Object.entries(NAMES).map(([value, words]) => ({ value, words }));
    const who = Kit.choice(["由谁写", "written by"], writers, (value) => fig.set({ who: value, node: "" }));
    const drawing = Kit.el("div", {}, streams, line.el);
    const idle = Kit.el("p", { class: "stepper-idle fig-muted" }, [
      "贪心只取最可能的，用不着 *τ* 和 *k*；动一动它们，就改成按概率抽。",
      "Greedy takes the likeliest; *τ* and *k* are for drawing. Move one, and it draws."]);
    const el = Kit.el("div", { class: "stepper-choose" },
      Kit.el("p", { class: "stepper-after" }, ["下一个字符怎么挑", "How the next one is chosen"]),
      how.el, tau.el, topk.el, idle, drawing, who.el);
    return { el, draw(t, shares) {
      const { values } = fig, { ids, P, drawn } = scene.said, free = t + 1 >= P && t + 1 < ids.length;
      how.draw(values.how);
      tau.draw(values.tau);
      topk.draw(values.k > 0 ? Math.min(values.k, MOST) : MOST);
      who.draw(values.who);
      stream.textContent = String(values.seed);
      drawing.hidden = values.how !== "draw";
      idle.hidden = !drawing.hidden;
      el.toggleAttribute("data-idle", values.how !== "draw");
      const [u, chosen] = free ? [drawn[t + 1 - P], ids[t + 1]] : [undefined, -1];
      line.draw(shares[values.who], scene.net.vocab, u, chosen);
    } };
  }

  /* Where a random number falls: the shares side by side from 0 to 1, in the order of the vocabulary. */
  function ruler() {
    const bar = Kit.el("div", { class: "stepper-ruler__bar" });
    const needle = Kit.el("i", { class: "stepper-ruler__needle" });
    const words = Kit.el("p", { class: "stepper-ruler__words" });
    const line = Kit.el("div", { class: "stepper-ruler__line", "aria-hidden": "true" }, bar, needle);
    function piece(from, share, c, chosen) {
      const style = { left: 100 * from + "%", width: 100 * share + "%" };
      return Kit.el("span", { class: chosen ? "is-chosen" : null, style }, share > 0.04 ? Kit.shown(c) : "");
    }
    function speak(vocab, u, chosen) {
      if (u === undefined) return ["这里不用抽：下一个字符已经给了", "Nothing to draw here: the next character is given"];
      const c = bold(Kit.shown(vocab[chosen])), n = u.toFixed(3);
      return [`随机数 _${n}_ 落在 ${c} 那一段`, `The random number _${n}_ falls on ${c}`];
    }
    return { el: Kit.el("div", { class: "stepper-ruler" }, line, words), draw(p, vocab, u, chosen) {
      const pieces = [];
      let from = 0;
      p.forEach((share, v) => {
        if (share >= 0.003) pieces.push(piece(from, share, vocab[v], v === chosen)); // others: too thin
        from += share;
      });
      bar.replaceChildren(...pieces);
      needle.hidden = u === undefined;
      needle.style.left = 100 * (u || 0) + "%";
      Kit.say(words, speak(vocab, u, chosen));
    } };
  }

  /* Beam search from here on: its tree, its text beside greedy's, and what could follow a chosen node. */
  function beamPart(scene) {
    const { fig, host } = scene;
    let tree = null, made = "";
    const spell = (ids) => ids.map((i) => scene.net.vocab[i]).join(scene.net.words.joiner);
    const since = (node) => path(tree, node).slice(1).map((n) => n.id); // what the beam added up to a node
    const view = treeView((node) => fig.set({ node: spell(since(node)) }), describe);
    const width = Kit.slider(["束宽 *K*", "beam width *K*"],
      { min: 2, max: 5, step: 1, value: 4, ticks: [2, 3, 4, 5], reset: false },
      (beam) => fig.set({ beam, node: "" }));
    const verdict = Kit.el("p", { class: "stepper-verdict" });
    const texts = Kit.el("div", { class: "stepper-texts" });
    const opened = Kit.el("div", { class: "stepper-opened", role: "status" });
    const key = Kit.el("p", { class: "stepper-key fig-muted" });
    const KEY = (lost) => [
      `粗橙线：束搜索选的；绿虚线：贪心${lost ? "，到 × 出局" : ""}；细黑线：走到了头，没有选中；` +
      "灰：中途淘汰。点一个字符，看它后面的候选。",
      `Thick orange: the beam’s choice; dashed green: greedy${lost ? ", which leaves the beam at ×" : ""}; ` +
      "thin black: kept to the end, not chosen; grey: dropped on the way. Click a character to see what " +
      "could follow it."];
    const el = Kit.el("details", { class: "stepper-beam", ontoggle: () => {
      if (el.open !== fig.values.tree) fig.set({ tree: el.open });
    } }, Kit.el("summary", {}, ["束搜索：往前多看几步", "Beam search: look a few steps ahead"]),
    Kit.el("div", { class: "stepper-beam__inside" }, width.el, verdict, texts, view.el, key, opened));

    function describe(n) {
      if (!n.i) return ["开头", "the beginning"];
      const c = Kit.shown(scene.net.vocab[n.id]), sum = nats(n.total);
      return [`${c}，第 ${n.depth} 步，第 ${n.rank + 1} 名，累计 ln P = ${sum}`,
        `${c}, step ${n.depth}, rank ${n.rank + 1}, ln P so far ${sum}`];
    }
    function find(text) {
      let node = tree.nodes[0];
      for (const token of scene.net.words.split(text)) {
        const child = node.children.find((n) => n.kept && scene.net.vocab[n.id] === token);
        if (!child) break;
        node = child;
      }
      return node;
    }
    function drawTexts(prefix) {
      const before = quoted(prefix.map((i) => scene.net.vocab[i]), scene.net.words.joiner, 12);
      const muted = (words) => Kit.el("span", { class: "fig-muted" }, words);
      const line = (name, cls, { ids, total }) => Kit.el("p", { class: cls }, muted(name),
        Kit.el("span", { class: "fig-written" }, muted(before), Kit.el("b", {}, oneLine(spell(ids)))),
        Kit.el("span", { class: "fig-number" }, [`ln *P* = ${nats(total)}`, `ln *P* = ${nats(total)}`]));
      const lines = [line(tree.verdict === "same" ? ["两种", "both"] : ["束搜索", "beam"], "is-beam", tree.beam)];
      if (tree.verdict !== "same") lines.push(line(["贪心", "greedy"], "is-greedy", tree.greedy));
      texts.replaceChildren(...lines);
    }
    /* The likeliest that could follow, and whether the beam kept them. */
    function drawOpened(here, prefix) {
      const { vocab, words } = scene.net, ids = [...prefix, ...since(here)];
      const text = bold(quoted(ids.map((i) => vocab[i]), words.joiner, 34));
      const ended = !here.children.some((n) => n.kept);
      const fate = (n) => (ended ? ""
        : Kit.el("span", { class: "fig-muted" }, n.kept ? ["留下", "kept"] : ["淘汰", "dropped"]));
      const one = (n) => Kit.el("li", { class: n.kept ? "is-kept" : null },
        Kit.el("b", {}, Kit.shown(vocab[n.id])), ` ${percent(Math.exp(n.own))} `, fate(n));
      const children = here.children.slice().sort((a, b) => b.own - a.own).slice(0, 5);
      const head = !children.length ? [`“${text}”：到头了`, `“${text}”: the end`]
        : ended ? [`“${text}”到这里出局了，接什么都比不过别的。本来可以接：`,
          `“${text}” leaves the beam here: others are likelier, whatever follows. It could have been:`]
          : [`“${text}”后面可以接：`, `After “${text}” could come:`];
      const list = Kit.el("ul", { hidden: !children.length }, ...children.map(one));
      opened.replaceChildren(Kit.el("p", {}, head), list);
    }
    return { el, forget() { made = ""; }, draw(t) {
      const { values } = fig, { net, said } = scene;
      if (el.open !== values.tree) el.open = values.tree;
      if (!values.tree) return;
      const prefix = said.ids.slice(0, t + 1), K = Math.max(2, Math.min(5, Math.round(values.beam)));
      const wanted = [net.name, values.who, K, ...prefix].join(" ");
      if (wanted !== made) tree = search(scene.engine, net.models[values.who], prefix, K, net.words.banned);
      made = wanted;
      const here = find(values.node);
      width.draw(K);
      Kit.say(verdict, verdictWords(tree));
      Kit.say(key, KEY(tree.lost));
      drawTexts(prefix);
      view.draw({ tree, here, vocab: net.vocab, root: said.tokens[t] });
      drawOpened(here, prefix);
      Object.assign(host.dataset, { beam: tree.beam.total.toFixed(4), greedy: tree.greedy.total.toFixed(4),
        verdict: tree.verdict, beamText: spell(tree.beam.ids), node: spell(since(here)) });
    } };
  }

  /* The tree as a drawing with a roving focus: arrows go to the parent, the best child, up and down. */
  function treeView(open, describe) {
    const ROW = 30, NARROW = 480; // below so many pixels, rings only where they mean something
    const svg = Kit.svg("svg", { class: "stepper-tree__svg", role: "tree" });
    const el = Kit.el("div", { class: "stepper-tree" }, svg);
    Kit.attr(svg, "aria-label", ["束搜索的树", "The tree of the beam search"]);
    let shown = null;

    /* Where things are: a column for each step, a row for each rank. */
    function plan(width) {
      const { tree } = shown, [pad, end] = width < NARROW ? [10, 62] : [14, 64];
      const dx = (width - pad - end) / BRANCHES;
      return { x: (n) => pad + n.depth * dx, y: (n) => 18 + n.rank * ROW, r: Math.min(11, dx / 2 - 3),
        height: Math.max(...tree.depths.map((level) => level.length)) * ROW + 10 };
    }
    function paintEdges(place, onPath, best) {
      const { tree } = shown, rest = tree.depths.flat().filter((n) => n.i);
      const draw = (cls, list) => list.forEach((n) => {
        const { x, y } = place, from = tree.nodes[n.parent], middle = (x(from) + x(n)) / 2;
        svg.append(Kit.svg("path", { class: "stepper-tree__edge " + cls, "aria-hidden": "true",
          d: `M${x(from)} ${y(from)}C${middle} ${y(from)} ${middle} ${y(n)} ${x(n)} ${y(n)}` }));
      });
      draw("is-dead", rest.filter((n) => !n.alive));
      draw("is-alive", rest.filter((n) => n.alive));
      draw("is-best", rest.filter((n) => best.has(n)));
      draw("is-greedy", rest.filter((n) => n.greedy));
      draw("is-path", rest.filter((n) => onPath.has(n)));
    }
    function node(n, { x, y, r }, best) {
      const { vocab, here, root } = shown;
      const is = { root: !n.i, best: best.has(n), greedy: n.greedy, dead: !n.alive, here: n === here };
      const names = Object.keys(is).filter((name) => is[name]).map((name) => "is-" + name);
      const g = Kit.svg("g", { class: ["stepper-tree__node", ...names].join(" "), role: "treeitem",
        tabindex: is.here ? "0" : "-1", "aria-level": n.depth + 1, "aria-selected": String(is.here),
        onclick: () => open(n), onkeydown: (event) => key(event, n) },
      Kit.svg("circle", { cx: x(n), cy: y(n), r }), Kit.svg("text", { x: x(n), y: y(n), dy: "0.34em" }));
      g.lastChild.textContent = Kit.shown(n.i ? vocab[n.id] : root);
      Kit.attr(g, "aria-label", describe(n));
      return g;
    }
    function total(n, { x, y, r }) {
      const cls = "stepper-tree__total" + (n === shown.tree.best ? " is-best" : "");
      const at = { x: x(n) + r + 5, y: y(n), dy: "0.34em" };
      const text = Kit.svg("text", { class: cls, "aria-hidden": "true", ...at });
      text.textContent = nats(n.total);
      return text;
    }
    /* Where greedy search leaves the beam. */
    function cross(n, { x, y, r }) {
      const [cx, cy] = [x(n) + 0.8 * r, y(n) - 0.8 * r];
      return Kit.svg("path", { class: "stepper-tree__cross", "aria-hidden": "true",
        d: `M${cx - 4} ${cy - 4}l8 8m-8 0l8 -8` });
    }
    function paint() {
      const width = el.clientWidth;
      if (!shown || !width) return;
      const { tree, here } = shown, place = plan(width), best = new Set(path(tree, tree.best));
      const focused = svg.contains(document.activeElement);
      svg.setAttribute("viewBox", `0 0 ${width} ${place.height}`);
      svg.setAttribute("height", place.height);
      svg.toggleAttribute("data-narrow", width < NARROW);
      svg.replaceChildren();
      paintEdges(place, new Set(path(tree, here)), best);
      svg.append(...tree.depths.flat().map((n) => node(n, place, best)));
      svg.append(...tree.depths[BRANCHES].map((n) => total(n, place)));
      if (tree.lost) svg.append(cross(tree.nodes.findLast((n) => n.greedy), place));
      if (focused) svg.querySelector(".is-here").focus({ preventScroll: true });
    }
    function key(event, n) {
      const { tree } = shown, level = tree.depths[n.depth];
      const ways = { ArrowLeft: tree.nodes[n.parent], ArrowRight: n.children.find((child) => child.kept),
        ArrowUp: level[n.rank - 1], ArrowDown: level[n.rank + 1], Home: tree.nodes[0], End: tree.best };
      if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in ways)) return;
      event.preventDefault();
      if (ways[event.key]) open(ways[event.key]);
    }
    new ResizeObserver(paint).observe(el);
    return { el, draw(next) { shown = next; paint(); } };
  }

  /* Where a chapter opens the tree, the tree comes first, and what is above it elsewhere is folded. */
  const folded = (...parts) => Kit.el("details", { class: "stepper-steps" },
    Kit.el("summary", {}, ["一个字符一个字符地看", "One character at a time"]), ...parts,
    Kit.el("p", { class: "fig-note" }, CAPTION));

  /* ============ the figure ============ */
  Kit.figure("stepper", {
    title: ["下一个字符是什么？", "What comes next?"],
    defaults: {
      net: "latin", prefix: "", t: 9, how: "greedy", tau: 1, k: 0, seed: 1, who: "trained",
      tree: false, beam: 4, node: "",
    },
    packs: ["latin"],
    async make(host, fig) {
      const engine = fig.engine, nets = {}, scene = { fig, host, engine, net: null, said: null };
      scene.at = () => Math.max(0, Math.min(scene.said.ids.length - 1, Math.round(fig.values.t)));
      const load = async (name) => (nets[name] = nets[name] || network(engine, await fig.pack(name), name));
      let missing = null;
      scene.net = await load(fig.values.net).catch((error) => {
        missing = error;
        return load(fig.kind.packs[0]);
      });

      const top = topPart(scene), text = textPart(scene), guess = guessPart(scene);
      const choice = choicePart(scene), beam = beamPart(scene), about = Kit.el("span");
      const note = Kit.el("p", { class: "fig-message", role: "alert", hidden: true });
      const parts = [text.el, Kit.el("div", { class: "stepper-panels" }, guess.el, choice.el)];
      const treeFirst = fig.defaults.tree;
      host.append(Kit.el("p", { class: "fig-head" }, Kit.el("b", {}, ["下一个字符是什么？", "What comes next?"])),
        top.el, note, ...(treeFirst ? [beam.el, folded(...parts)] : [...parts, beam.el]),
        Kit.el("figcaption", { class: "fig-note" }, ...(treeFirst ? [] : [CAPTION, " "]), about));

      let key = "", loading = "";
      function settle({ net, prefix, how, tau, k, seed, who }) {
        const wanted = [net, prefix, how, tau, k, seed, who].join("\u0001");
        if (wanted === key) return;
        key = wanted;
        scene.said = story(engine, scene.net, fig.values);
        beam.forget();
        text.write();
        const [zh, en] = scene.net.about || [];
        Kit.say(about, both(zh ? [`网络：${zh}。`, `The network: ${en}.`] : ["", ""], leftOut(scene.net)));
      }
      /* For tests, and for whoever asks from outside. */
      function report(t, shares) {
        const { tokens, ids, P, reads } = scene.said, { vocab, words, models } = scene.net;
        const { best, p } = reads.trained.guesses[t];
        const ppl = (who) => (scoreAt(scene.said, who, t) || NaN).toFixed(4).replace("NaN", "");
        Object.assign(host.dataset, { t, prefix: P, how: fig.values.how, text: tokens.join(words.joiner),
          read: tokens.slice(0, t + 1).join(words.joiner), next: tokens[t + 1] || "",
          favourite: vocab[best], sure: p.toFixed(4), perplexity: ppl("trained"), untrained: ppl("untrained"),
          choices: Object.keys(NAMES).map((who) => choices(shares[who]).toFixed(3)).join(" ") });
        fig.result = { p: shares.trained, q: shares.untrained, vocab, ids, models };
      }
      function paint(values, keys) {
        settle(values);
        const t = scene.at(), shares = {};
        for (const who of Object.keys(NAMES)) shares[who] = distribution(engine, scene.said, who, t, values);
        for (const part of [top, text, guess, choice, beam]) part.draw(t, shares);
        report(t, shares);
        if (keys) fig.say(spoken(scene));
      }

      /* The other network is fetched when first asked for; until then, or if that fails, this one stays. */
      function stay(name, { message }) {
        Kit.say(note, [`“${name}” 的数据没能载入：${message}。先看另一个网络。`,
          `The data “${name}” did not load: ${message}. Here is the other network for now.`]);
        note.hidden = false;
        if (fig.values.net === name) fig.set({ net: scene.net.name });
      }
      async function fetch(name) {
        if (loading === name) return;
        loading = name;
        const failed = await load(name).then(() => null, (error) => error);
        loading = "";
        note.hidden = true;
        if (failed) stay(name, failed);
        else if (fig.values.net === name) draw(fig.values, ["net"]);
      }
      function draw(values, keys) {
        if (nets[values.net]) {
          scene.net = nets[values.net];
          paint(values, keys);
        } else if (missing) stay(values.net, missing);
        else fetch(values.net);
        missing = null;
      }
      return { draw };
    },
  });
})(globalThis.Kit);
