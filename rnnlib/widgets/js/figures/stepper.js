/* A trained network, one character at a time: what it has read becomes a state, and the state a guess of the next
   character. The default state stops after "time trave": the trained network is nearly sure, one fresh from the
   random numbers treats all characters alike. Further down, how the next character is chosen, and a beam search.

   Data: a pack with a `model` and its `vocab`. "latin" is there from the start, "chinese" comes when it is chosen; a
   network from a notebook takes the place of "latin". A pack may bring its own `prefix`, to start from. */
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
  /* A text as tokens and back. Vocabularies of characters are the rule; one with longer tokens (words) is taken apart
     at spaces, and its tokens are shown with spaces between. */
  function tongue(vocab) {
    const index = new Map(vocab.map((token, i) => [token, i])), banned = index.has("<unk>") ? [index.get("<unk>")] : [];
    const wordy = vocab.filter((token) => token !== "<unk>" && Array.from(token).length > 1).length * 2 > vocab.length;
    const known = (c) => index.has(c) && !banned.includes(index.get(c));
    const one = (c) => (c === "↵" && known("\n") ? "\n" : known(c) ? c : known(c.toLowerCase()) ? c.toLowerCase() : /\s/.test(c) && known(" ") ? " " : "");
    const split = (text) => (wordy ? text.split(/\s+/).filter(known) : Array.from(text, one).filter(Boolean));
    return { banned, wordy, split, joiner: wordy ? " " : "", clean: wordy ? (s) => s : (s) => split(s).join(""),
      encode: (text) => split(text).slice(0, LONGEST).map((token) => index.get(token)) };
  }

  /* A pack's network, and its twin before training. */
  function network(engine, pack, name) {
    const { model: meta } = pack, vocab = meta.vocab || pack.vocab;
    if (!meta || !vocab) throw new Error(`the data "${name}" hold no network with a vocabulary`);
    if (meta.directions > 1) throw new Error("a network that reads from both ends cannot guess what comes next");
    const trained = engine.unpack(meta, pack.bytes), { weights, ...options } = trained, words = tongue(vocab);
    if (trained.outputs !== vocab.length) throw new Error(`${trained.outputs} outputs, but ${vocab.length} characters`);
    const given = [pack.prefix, PREFIXES[name], ((pack.samples || [])[0] || [])[0]].filter(Boolean);
    const prefix = given.find((text) => words.split(text).length >= Array.from(text).length / 2) ||
      vocab.filter((_, i) => !words.banned.includes(i)).slice(0, 3).join(words.joiner);
    return { name, vocab, words, prefix, models: { trained, untrained: engine.create(options, SEED) }, orders: {},
      about: pack.about };
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
    const start = net.words.encode(values.prefix || net.prefix), { banned } = net.words;
    const prefix = start.length ? start : net.words.encode(net.prefix), tokens = prefix.map((i) => net.vocab[i]);
    const { uniform } = engine.random(values.seed), drawn = [];
    const draw = () => (drawn.push(uniform()), drawn[drawn.length - 1]); // kept, to show where they fell
    const { ids } = engine.sample(net.models[values.who], prefix, room(tokens), choosing(net, values), draw);
    const said = { net, ids, P: prefix.length, drawn, tokens: ids.map((i) => net.vocab[i]), reads: {} };
    for (const [who, model] of Object.entries(net.models)) {
      const read = engine.read(model, ids);
      said.reads[who] = { ...read, guesses: guesses(read, banned), perplexities: perplexities(read, ids) };
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

  /* Perplexity of the characters up to each one; the first one was never guessed. */
  function perplexities({ p, T, outputs }, ids) {
    let sum = 0;
    return Array.from({ length: T }, (_, t) => {
      if (t) sum -= Math.log(Math.max(p[(t - 1) * outputs + ids[t]], 1e-38));
      return t ? Math.exp(sum / t) : NaN;
    });
  }

  /* What the next character is drawn from: the probabilities after temperature and top-k. */
  function distribution(engine, said, who, t, values) {
    const model = said.net.models[who], { h } = said.reads[who];
    const x = engine.logits(model, h.subarray(t * model.H, (t + 1) * model.H), new Float32Array(model.outputs));
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
    for (let t = 1; t < T; t++) for (let j = 0; j < H; j++) moved[j] += Math.abs(h[t * H + j] - h[(t - 1) * H + j]);
    return Array.from(moved.keys()).sort((a, b) => moved[a] - moved[b]);
  }

  /* The tree of a beam search after `prefix`, beside greedy search (a beam of one). */
  function search(engine, model, prefix, width, banned) {
    const options = { banned, most: 4 }, found = engine.beam(model, prefix, BRANCHES, width, options);
    const greedy = engine.beam(model, prefix, BRANCHES, 1, { banned, most: 0 });
    const nodes = found.nodes.map((node, i) => ({ ...node, i, children: [], rank: 0, alive: false, greedy: false }));
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
    const same = found.ids.every((id, i) => id === greedy.ids[i]), gain = found.logProbability - greedy.logProbability;
    return { nodes, depths, best: nodes[found.best], ids: found.ids, total: found.logProbability, lost,
      greedy: { ids: greedy.ids, total: greedy.logProbability }, ratio: Math.exp(gain),
      verdict: same ? "same" : gain > 0 ? "beam" : "greedy" };
  }
  function path(tree, node) {
    const list = [];
    for (let n = node; n; n = tree.nodes[n.parent]) list.unshift(n);
    return list;
  }

  /* ============ words ============ */
  const percent = (p) => (p > 0 && p < 0.005 ? "< 1 %" : p < 1 && p >= 0.9995 ? "99.9 %" : `${(100 * p).toFixed(p > 0.1 ? 0 : 1)} %`);
  const nats = (x) => x.toFixed(2).replace("-", "\u2212");
  const shownNumber = (x) => (x >= 1000 ? Math.round(x).toLocaleString("en") : x >= 100 ? x.toFixed(0) : x.toFixed(1));
  const NAMES = { trained: ["训练过的", "trained"], untrained: ["没训练过的", "untrained"] };

  /* A piece of text within words: bold, its outer spaces visible, its marks harmless. */
  const bold = (text) => `_${text.replace(/^ | $/g, "\u2423").replace(/[_*]/g, "\u00b7")}_`;
  function quoted(tokens, joiner, most = 18) {
    const tail = tokens.slice(-most), cut = tokens.length > most ? "…" : "";
    return cut + tail.map((c) => (c === "\n" ? "↵" : c)).join(joiner);
  }

  function verdictWords(tree) {
    const mine = nats(tree.total), other = nats(tree.greedy.total), n = BRANCHES;
    const times = tree.ratio >= 10 ? Math.round(tree.ratio).toLocaleString("en") : tree.ratio.toFixed(tree.ratio >= 1.05 ? 1 : 3);
    const lost = [`贪心的那条路写到第 ${tree.lost} 个字符时被挤出了束。`, ` Greedy’s path fell out of the beam at character ${tree.lost}.`];
    if (tree.verdict === "same") {
      return [`和贪心搜索写的一样（ln *P* = ${mine}）：这里每步都挑最可能的，连起来也最可能。`,
        `The same text as greedy search (ln *P* = ${mine}): here, the likeliest step each time also gave the likeliest text.`];
    }
    if (tree.verdict === "beam") {
      return [`找到了比贪心更可能的：这 ${n} 个字符 ln *P* = _${mine}_，贪心的是 ${other}，概率是它的 _${times}_ 倍。${tree.lost ? lost[0] : ""}`,
        `It found something likelier than greedy: ln *P* = _${mine}_ for these ${n} characters, ${other} for greedy’s; ` +
        `that’s _${times}_ times as probable.${tree.lost ? lost[1] : ""}`];
    }
    return [`没有贪心写的可能：ln *P* = _${mine}_，贪心的是 ${other}。束宽有限，不保证更好。${tree.lost ? lost[0] : ""}`,
      `Less likely than greedy’s text: ln *P* = _${mine}_ against ${other}. A beam keeps only so many, and promises nothing.${tree.lost ? lost[1] : ""}`];
  }

  /* ============ parts of this figure ============ */
  /* Where a random number falls: the characters' shares side by side from 0 to 1, in the order of the vocabulary. */
  function ruler() {
    const bar = Kit.el("div", { class: "stepper-ruler__bar", "aria-hidden": "true" });
    const needle = Kit.el("i", { class: "stepper-ruler__needle", "aria-hidden": "true" });
    const words = Kit.el("p", { class: "stepper-ruler__words" });
    const el = Kit.el("div", { class: "stepper-ruler" }, Kit.el("div", { class: "stepper-ruler__line" }, bar, needle), words);
    return { el, draw(p, vocab, u, chosen) {
      const parts = [];
      let from = 0;
      p.forEach((share, v) => {
        if (share >= 0.003) {
          const wide = share > 0.04 ? Kit.shown(vocab[v]) : "";
          parts.push(Kit.el("span", { class: v === chosen ? "is-chosen" : null,
            style: { left: 100 * from + "%", width: 100 * share + "%" } }, wide));
        }
        from += share;
      });
      bar.replaceChildren(...parts);
      needle.hidden = u === undefined;
      needle.style.left = 100 * (u || 0) + "%";
      if (u === undefined) Kit.say(words, ["读前缀时不用抽：下一个字符已经给了。", "Nothing to draw while it reads: the next character is given."]);
      else {
        const c = Kit.shown(vocab[chosen]), n = u.toFixed(3);
        Kit.say(words, [`随机数 _${n}_ 落在 ${bold(c)} 那一段`, `The random number _${n}_ falls on ${bold(c)}`]);
      }
    } };
  }

  /* The tree as a drawing with a roving focus: arrows go to the parent, the best child and up and down. */
  function treeView(open, words) {
    const ROW = 30, PAD = 14, END = 58;
    const svg = Kit.svg("svg", { class: "stepper-tree__svg", role: "tree" });
    Kit.attr(svg, "aria-label", ["束搜索的树", "The tree of the beam search"]);
    const el = Kit.el("div", { class: "stepper-tree" }, svg);
    let shown = null, places = new Map();

    function paint() {
      const width = el.clientWidth;
      if (!shown || !width) return;
      const { tree, vocab, here, root } = shown, dx = (width - PAD - END) / BRANCHES, rows = Math.max(...tree.depths.map((d) => d.length));
      const x = (n) => PAD + n.depth * dx, y = (n) => 18 + n.rank * ROW, onPath = new Set(path(tree, here)), best = new Set(path(tree, tree.best));
      const all = tree.depths.flat(), height = rows * ROW + 10, r = Math.min(11, dx / 2 - 2), focused = svg.contains(document.activeElement);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("height", height);
      svg.replaceChildren();
      places = new Map();
      const edge = (n, cls) => {
        const a = tree.nodes[n.parent], mid = (x(a) + x(n)) / 2;
        svg.append(Kit.svg("path", { class: "stepper-tree__edge " + cls, "aria-hidden": "true",
          d: `M${x(a)} ${y(a)}C${mid} ${y(a)} ${mid} ${y(n)} ${x(n)} ${y(n)}` }));
      };
      const rest = all.filter((n) => n.i);
      for (const n of rest) edge(n, n.alive ? "is-alive" : "is-dead");
      for (const n of rest) if (best.has(n)) edge(n, "is-best");
      for (const n of rest) if (n.greedy) edge(n, "is-greedy");
      for (const n of rest) if (onPath.has(n)) edge(n, "is-path");
      for (const n of all) {
        const letter = n.i ? Kit.shown(vocab[n.id]) : Kit.shown(root);
        const cls = ["stepper-tree__node", !n.i && "is-root", best.has(n) && "is-best", n.greedy && "is-greedy", !n.alive && "is-dead",
          n === here && "is-here"].filter(Boolean).join(" ");
        const text = Kit.svg("text", { x: x(n), y: y(n), dy: "0.34em" });
        text.textContent = letter;
        const g = Kit.svg("g", { class: cls, role: "treeitem", tabindex: n === here ? "0" : "-1", "aria-level": n.depth + 1,
          "aria-selected": String(n === here), onclick: () => open(n), onkeydown: (event) => key(event, n) },
          Kit.svg("circle", { cx: x(n), cy: y(n), r }), text);
        Kit.attr(g, "aria-label", words(n));
        places.set(n, g);
        svg.append(g);
      }
      for (const n of tree.depths[BRANCHES]) {
        const label = Kit.svg("text", { class: "stepper-tree__total" + (n === tree.best ? " is-best" : ""), "aria-hidden": "true",
          x: x(n) + r + 5, y: y(n), dy: "0.34em" });
        label.textContent = nats(n.total);
        svg.append(label);
      }
      if (focused) places.get(here).focus({ preventScroll: true });
    }
    function key(event, n) {
      const { tree } = shown, level = tree.depths[n.depth], kept = n.children.filter((c) => c.kept);
      const to = { ArrowLeft: tree.nodes[n.parent], ArrowRight: kept[0], ArrowUp: level[n.rank - 1], ArrowDown: level[n.rank + 1],
        Home: tree.nodes[0], End: tree.best }[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
      event.preventDefault();
      if (to) open(to);
    }
    new ResizeObserver(paint).observe(el);
    return { el, draw(next) { shown = next; paint(); } };
  }

  /* ============ the figure ============ */
  Kit.figure("stepper", {
    title: ["下一个字符是什么？", "What comes next?"],
    defaults: { net: "latin", prefix: "", t: 9, how: "greedy", tau: 1, k: 0, seed: 1, who: "trained", tree: false, beam: 4, node: "" },
    packs: ["latin"],
    async make(host, fig) {
      const engine = fig.engine, nets = {};
      let net = null, said = null, key = "", loading = "";
      async function load(name) {
        if (!nets[name]) nets[name] = network(engine, await fig.pack(name), name);
        return nets[name];
      }

      /* ---------- the text, its guesses and the state, on one time axis ---------- */
      const last = () => said.ids.length - 1, at = () => Math.max(0, Math.min(last(), Math.round(fig.values.t)));
      const player = Kit.player((by) => {
        const to = at() + by;
        if (to < 0 || to > last()) return false;
        fig.set({ t: to });
        return true;
      }, () => fig.set({ t: 0 }), { every: 420 });
      const rows = Kit.el("div", { class: "stepper-rows" });
      const track = Kit.track(rows, (t) => { player.stop(); fig.set({ t }); }, { veil: true, toggle: () => player.toggle(), least: 8 });
      const phases = track.plain(["前缀是读的，后面是写的", "The prefix is read, the rest is written"]);
      const strip = track.strip(["读到哪个字符", "Read up to which character"], () => spoken(at()));
      const guessed = { trained: track.memory(["训练过的网络，每个字符之前猜的", "What the trained network guessed before each character"]),
        untrained: track.memory(["没训练过的网络，每个字符之前猜的", "What the untrained network guessed before each character"]) };
      const band = track.band("signed", ["状态：每行一个单元，变得慢的在上；每列一步", "The state: a row for each unit, slow ones on top; a column for each step"]);
      const big = {}, side = (who) => Kit.el("div", { class: "fig-big" }, (big[who] = Kit.el("b", {})), ["困惑度", "perplexity"]);
      const units = Kit.el("span", { class: "fig-muted" });
      rows.append(Kit.row("", phases.el, null, "phases"), Kit.row(["读到这里", "read so far"], strip.el, player.el, "strip"),
        Kit.row(["训练过的猜", "trained, it guessed"], guessed.trained.el, side("trained"), "trained"),
        Kit.row(["没训练的猜", "untrained, it guessed"], guessed.untrained.el, side("untrained"), "untrained"),
        Kit.row(["状态 *H*", "state *H*"], band.el, units, "state"));

      /* ---------- which network, which text ---------- */
      const which = Kit.choice(["网络", "Network"], [{ value: "latin", words: ["英文", "English"] }, { value: "chinese", words: ["中文", "Chinese"] }],
        (name) => fig.set({ net: name, prefix: "", t: fig.kind.defaults.t, node: "" }));
      const inField = (text) => text.replace(/\n/g, "↵"); // a field has one line
      const field = Kit.field(["前缀", "Prefix"], { max: LONGEST, clean: (s) => inField(net.words.clean(s)), wait: 200 }, (typed) => {
        const text = typed.replace(/↵/g, "\n"), own = text === net.prefix ? "" : text, count = net.words.encode(text || net.prefix).length;
        fig.set({ prefix: own, t: count - 1, node: "" });
      });
      const note = Kit.el("p", { class: "fig-message", role: "alert", hidden: true });

      /* ---------- the guess, trained beside untrained ---------- */
      function pick(v, c) {
        const t = at() + 1;
        if (t < LONGEST) fig.set({ prefix: [...said.tokens.slice(0, t), c].join(net.words.joiner), t, node: "" });
      }
      const bars = { trained: Kit.bars(SHOWN, { label: ["训练过的网络：下一个字符", "The trained network: the next character"], pick }),
        untrained: Kit.bars(SHOWN, { label: ["没训练过的网络：下一个字符", "The untrained network: the next character"], pick }) };
      const after = Kit.el("p", { class: "stepper-after" }), next = Kit.el("p", { class: "stepper-next" });
      const names = { trained: Kit.el("p", { class: "stepper-list__name" }), untrained: Kit.el("p", { class: "stepper-list__name" }) };
      const list = (who) => Kit.el("div", { class: "stepper-list is-" + who }, names[who], bars[who].el);
      const guess = Kit.el("div", { class: "stepper-guess" }, after, Kit.el("div", { class: "stepper-lists" }, list("trained"), list("untrained")), next);

      /* ---------- how one is chosen ---------- */
      const how = Kit.choice(["怎么挑", "How to choose"], [{ value: "greedy", words: ["贪心", "greedy"] }, { value: "draw", words: ["按概率抽", "draw"] }],
        (v) => fig.set({ how: v }), { hide: true });
      const tau = Kit.slider(["温度 *τ*", "temperature *τ*"], { min: 0.1, max: 2, step: 0.1, value: 1, ticks: [0.5, 1, 2] },
        (v) => fig.set({ tau: v, how: "draw" }));
      const ofAll = (v) => (v >= MOST ? ["全部", "all"] : String(v));
      const topk = Kit.slider(["只留前 *k* 个", "top *k*"], { min: 1, max: MOST, step: 1, value: MOST, format: ofAll },
        (v) => fig.set({ k: v >= MOST ? 0 : v, how: "draw" }));
      const stream = Kit.el("span", { class: "fig-number stepper-stream__number" });
      const other = (name, words, by) => Kit.el("button", { class: "fig-icon", type: "button", "aria-label": words, title: words,
        onclick: () => fig.set({ seed: Math.max(1, Math.round(fig.values.seed) + by), how: "draw" }) }, Kit.icon(name));
      const streams = Kit.el("div", { class: "stepper-stream" }, Kit.el("span", { class: "fig-muted" }, ["第几串随机数", "random stream no."]),
        other("minus", ["上一串随机数", "Previous stream"], -1), stream, other("plus", ["下一串随机数", "Next stream"], 1));
      const line = ruler();
      const who = Kit.choice(["由谁写", "written by"], [{ value: "trained", words: NAMES.trained }, { value: "untrained", words: NAMES.untrained }],
        (v) => fig.set({ who: v, node: "" }));
      const drawing = Kit.el("div", { class: "stepper-drawing" }, streams, line.el);
      const choose = Kit.el("div", { class: "stepper-choose" }, Kit.el("p", { class: "stepper-after" }, ["下一个字符怎么挑", "How the next one is chosen"]),
        how.el, tau.el, topk.el, drawing, who.el);

      /* ---------- beam search ---------- */
      const view = treeView((n) => fig.set({ node: pathText(n) }), (n) => nodeWords(n));
      const width = Kit.slider(["束宽 *K*", "beam width *K*"], { min: 2, max: 5, step: 1, value: 4, ticks: [2, 3, 4, 5], reset: false }, (v) => fig.set({ beam: v, node: "" }));
      const verdict = Kit.el("p", { class: "stepper-verdict" }), opened = Kit.el("div", { class: "stepper-opened", role: "status" });
      const key2 = Kit.el("p", { class: "stepper-key fig-muted" });
      const inside = Kit.el("div", { class: "stepper-beam__inside" }, width.el, verdict, view.el, key2, opened);
      const details = Kit.el("details", { class: "stepper-beam", ontoggle: () => {
        if (details.open !== fig.values.tree) fig.set({ tree: details.open });
      } }, Kit.el("summary", {}, ["束搜索：往前多看几步", "Beam search: look a few steps ahead"]), inside);
      let tree = null, treeKey = "";
      const pathText = (n) => path(tree, n).slice(1).map((m) => net.vocab[m.id]).join(net.words.joiner);
      function nodeWords(n) {
        if (!n.i) return ["开头", "the beginning"];
        const c = Kit.shown(net.vocab[n.id]), sum = nats(n.total);
        return [`${c}，第 ${n.depth} 步，第 ${n.rank + 1} 名，累计 ln P = ${sum}`, `${c}, step ${n.depth}, rank ${n.rank + 1}, ln P so far ${sum}`];
      }
      function find(text) {
        let n = tree.nodes[0];
        for (const token of net.words.split(text)) {
          const child = n.children.find((c) => c.kept && net.vocab[c.id] === token);
          if (!child) break;
          n = child;
        }
        return n;
      }

      const about = Kit.el("span");
      host.append(Kit.el("p", { class: "fig-head" }, Kit.el("b", {}, ["下一个字符是什么？", "What comes next?"])),
        Kit.el("div", { class: "fig-controls stepper-top" }, which.el, field.el), note, rows,
        Kit.el("div", { class: "stepper-panels" }, guess, choose), details,
        Kit.el("figcaption", { class: "fig-note" },
          ["每个字符下面，是两个网络还没读到它时的猜测：字越浓、条越长，把握越大；猜中的是绿色。移动光标，或者点一个概率条，替它选下一个字符。",
            "Below each character stands what the two networks guessed before they saw it: the darker the letter and the longer its bar, the surer; green where it was right. Move the cursor, or click a bar to choose the next character yourself."], " ", about));

      /* ---------- drawing ---------- */
      function spoken(t) {
        const { best, p } = said.reads[fig.values.who].guesses[t], c = Kit.shown(said.tokens[t]), g = Kit.shown(net.vocab[best]);
        return [`第 ${t + 1} 个字符 ${c}；下一个最可能是 ${g}，${percent(p)}`, `character ${t + 1}, ${c}; the likeliest next one is ${g}, ${percent(p)}`];
      }

      function writeTexts() {
        const { tokens, P, ids, reads } = said, N = ids.length;
        strip.write(tokens);
        const phase = (cls, from, span, words) => Kit.el("span", { class: "stepper-phase " + cls, style: { "grid-column": `${from} / span ${span}` } },
          widths(tokens.slice(from - 1, from - 1 + span)) < 9 ? "\u00a0" : words);
        phases.write([phase("is-read", 1, P, ["读：预热", "read: warm-up"]), phase("is-written", P + 1, N - P, ["写：续写", "written: continuation"])]);
        for (const [name, row] of Object.entries(guessed)) {
          const { guesses: list } = reads[name];
          row.write(tokens.map((_, i) => (i ? Kit.shown(net.vocab[list[i - 1].best]) : "")));
          Array.from(row.el.querySelectorAll(".fig-letters > span")).forEach((span, i) =>
            span.toggleAttribute("data-right", i > 0 && list[i - 1].best === ids[i]));
        }
      }
      function drawState() {
        const who_ = fig.values.who, H = net.models[who_].H, read = said.reads[who_];
        const order = net.orders[who_] || (net.orders[who_] = slowFirst(read, H)), { data, rows: count } = rowsOf(read, H, order);
        band.draw(data, said.ids.length, count);
        const kind = net.models[who_].kind.toUpperCase();
        const all = [`${kind}，${H} 个单元`, `${kind}, ${H} units`], some = [`${kind}，${count} / ${H} 个单元`, `${kind}, ${count} of ${H} units`];
        Kit.say(units, count < H ? some : all);
      }
      function drawStep(t) {
        const { values } = fig, { tokens, ids, P, reads } = said, joiner = net.words.joiner, given = t + 1 < P, end = t + 1 >= ids.length;
        track.cursor(t);
        const shares = {};
        for (const name of Object.keys(guessed)) {
          const { guesses: list, perplexities: ppl } = reads[name];
          guessed[name].draw(Math.min(t + 1, ids.length - 1), (i) => (i ? list[i - 1].p : 0), null);
          big[name].textContent = t ? shownNumber(ppl[t]) : "–";
          shares[name] = distribution(engine, said, name, t, values);
          bars[name].draw(shares[name], net.vocab, end ? undefined : tokens[t + 1]);
          const n = shownNumber(choices(shares[name]));
          Kit.say(names[name], [`_${NAMES[name][0]}_：约 ${n} 选 1`, `_${NAMES[name][1]}_: like 1 in ${n}`]);
        }
        const read = quoted(tokens.slice(0, t + 1), joiner);
        Kit.say(after, [`读完“${bold(read)}”，两个网络的猜测`, `After “${bold(read)}”, the two networks guess`]);
        const c = end ? "" : Kit.shown(tokens[t + 1]);
        const unknown = net.words.banned.reduce((sum, v) => sum + reads.trained.p[t * net.vocab.length + v], 0);
        const aside = unknown < 0.01 ? ["", ""] : [`。<unk> 得 ${percent(unknown)}，不算在内`, `; <unk>, at ${percent(unknown)}, is left out`];
        const coming = end ? ["就写到这里", "It stops writing here"]
          : given ? [`接下来读前缀给的 ${bold(c)}`, `Next it reads what the prefix gives: ${bold(c)}`]
            : [`选中 ${bold(c)}：写下来，再读进去`, `It chooses ${bold(c)}, writes it and reads it back in`];
        Kit.say(next, coming.map((words, i) => words + aside[i]));
        line.draw(shares[values.who], net.vocab, given || end ? undefined : said.drawn[t + 1 - P], given || end ? -1 : ids[t + 1]);
        Object.assign(host.dataset, { t, read: tokens.slice(0, t + 1).join(joiner), text: tokens.join(joiner), prefix: P,
          next: end ? "" : tokens[t + 1], favourite: net.vocab[reads.trained.guesses[t].best], sure: reads.trained.guesses[t].p.toFixed(4),
          perplexity: t ? reads.trained.perplexities[t].toFixed(4) : "", untrained: t ? reads.untrained.perplexities[t].toFixed(4) : "",
          choices: `${choices(shares.trained).toFixed(3)} ${choices(shares.untrained).toFixed(3)}` });
        fig.result = { p: shares.trained, q: shares.untrained, vocab: net.vocab, ids, models: net.models, said };
        return shares;
      }
      function drawTree(t) {
        if (details.open !== fig.values.tree) details.open = fig.values.tree;
        if (!fig.values.tree) return;
        const model = net.models[fig.values.who], prefix = said.ids.slice(0, t + 1), K = Math.max(2, Math.min(5, Math.round(fig.values.beam)));
        const wanted = [net.name, fig.values.who, K, ...prefix].join(" ");
        if (wanted !== treeKey) {
          tree = search(engine, model, prefix, K, net.words.banned);
          treeKey = wanted;
        }
        const here = find(fig.values.node);
        width.draw(K);
        Kit.say(verdict, verdictWords(tree));
        view.draw({ tree, vocab: net.vocab, here, root: said.tokens[t] });
        Kit.say(key2, ["粗橙线：束里最后胜出的；绿虚线：贪心；灰：中途被淘汰。点一个字符看它后面的候选。",
          "Thick orange: the winner; dashed green: greedy; grey: dropped on the way. Click a character to see what could follow it."]);
        drawOpened(here, prefix);
        Object.assign(host.dataset, { beam: tree.total.toFixed(4), greedy: tree.greedy.total.toFixed(4), verdict: tree.verdict,
          beamText: tree.ids.slice(prefix.length).map((i) => net.vocab[i]).join(net.words.joiner), node: pathText(here) });
      }
      /* What could follow the chosen node: kept or dropped; at the end, the whole texts with their totals. */
      function drawOpened(here, prefix) {
        const text = quoted([...prefix.map((i) => net.vocab[i]), ...path(tree, here).slice(1).map((n) => net.vocab[n.id])], net.words.joiner, 34);
        const head = Kit.el("p", { class: "stepper-opened__text" }, Kit.el("span", { class: "fig-written" }, text),
          Kit.el("span", { class: "fig-muted fig-number" }, [` ln P = ${nats(here.total)}`, ` ln P = ${nats(here.total)}`]));
        const one = (child) => Kit.el("li", { class: child.kept ? "is-kept" : "" }, Kit.el("b", {}, Kit.shown(net.vocab[child.id])),
          ` ${percent(Math.exp(child.own))} `, Kit.el("span", { class: "fig-muted" }, child.kept ? ["留下", "kept"] : ["淘汰", "dropped"]));
        const children = here.children.slice().sort((a, b) => b.own - a.own).slice(0, 5);
        opened.replaceChildren(head, ...(children.length ? [Kit.el("ul", {}, ...children.map(one))] : []));
      }

      function settle(values) {
        const wanted = [values.net, values.prefix, values.how, values.tau, values.k, values.seed, values.who].join("\u0001");
        if (wanted === key) return;
        key = wanted;
        said = story(engine, net, values);
        treeKey = "";
        writeTexts();
        drawState();
      }
      function paint(values, keys) {
        settle(values);
        const t = at();
        which.draw(net.name);
        field.draw(inField(values.prefix || net.prefix));
        how.draw(values.how);
        tau.draw(values.tau);
        topk.draw(values.k > 0 ? Math.min(values.k, MOST) : MOST);
        who.draw(values.who);
        stream.textContent = String(values.seed);
        drawing.hidden = values.how !== "draw";
        host.dataset.how = values.how;
        choose.toggleAttribute("data-idle", values.how !== "draw");
        drawStep(t);
        drawTree(t);
        if (keys) fig.say(spoken(t));
      }

      /* The other network is fetched when it is first asked for; until then, and if it fails, the present one stays. */
      async function change(name) {
        if (loading === name) return;
        loading = name;
        host.dataset.loading = name;
        try {
          await load(name);
          note.hidden = true;
        } catch (error) {
          Kit.say(note, [`“${name}” 的数据没能载入：${error.message}。先看另一个网络。`, `The data “${name}” did not load: ${error.message}. Here is the other network for now.`]);
          note.hidden = false;
          if (fig.values.net === name) fig.set({ net: net.name });
        }
        loading = "";
        delete host.dataset.loading;
        if (nets[name] && fig.values.net === name) draw(fig.values, ["net"]);
      }
      function draw(values, keys) {
        if (!nets[values.net]) { change(values.net); return; }
        net = nets[values.net];
        if (net.about) Kit.say(about, [`网络：${net.about[0]}。`, `The network: ${net.about[1]}.`]);
        paint(values, keys);
      }

      net = await load(fig.values.net).catch(() => load(fig.kind.packs[0]));
      which.el.hidden = !net.about;
      return { draw };
    },
  });
})(globalThis.Kit);
