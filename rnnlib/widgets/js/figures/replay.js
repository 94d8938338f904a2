/* Training replayed (chapters 3, 5, 7, 8, 10): recorded runs of rnnlib, scrubbed with a slider. Training and validation
   perplexity of the networks chosen (medians of three seeds), and what each wrote at that epoch. Nothing is trained
   here: pack "courses". */
(function (Kit) {
  "use strict";
  const MOST = 3; // curves of more networks cannot be told apart
  const SHORT = { two: ["GRU，两层", "GRU, 2 layers"], two_dropout: ["两层，暂退", "2 layers, dropout"] }; // at the end of a curve
  /* The top of the axis: the highest perplexity of all networks, so that it stays where it is; a power of two. */
  function top(pack) {
    const highest = Math.max(...Object.values(pack.networks).flatMap((n) => [...n.train.middle, ...n.valid.middle]));
    return Math.min(1024, 2 ** Math.ceil(Math.log2(Math.max(32, highest))));
  }
  const chosen = (values, all) => {
    const names = String(values.nets).split(",").filter((name) => all.includes(name));
    return [...new Set(names.length ? names : [all[0]])].slice(0, MOST);
  };

  async function make(host, fig) {
    const pack = await fig.pack("courses"), all = Object.keys(pack.networks), epochs = pack.epochs, last = epochs.length - 1, yMax = top(pack);
    const nets = () => chosen(fig.values, all);
    /* The recorded point nearest to an epoch. */
    const nearest = (epoch) => epochs.reduce((best, e, k) => (Math.abs(e - epoch) < Math.abs(epochs[best] - epoch) ? k : best), 0);
    const at = () => nearest(fig.values.epoch);
    const number = (v) => v.toFixed(v < 10 ? 2 : v < 100 ? 1 : 0);
    const lowest = ({ valid }) => valid.middle.indexOf(Math.min(...valid.middle));
    const stroke = (name) => (all.indexOf(name) + 3) % 6; // a network keeps its colour; those of chapter 10 the clearest

    const toggles = all.map((name) => Kit.el("button", { class: "fig-button replay__net", type: "button", onclick: () => {
      const now = nets(), next = now.includes(name) ? now.filter((n) => n !== name) : [...now, name].slice(-MOST);
      if (next.length) fig.set({ nets: next.join(",") });
    } }, pack.networks[name].title));
    const speak = () => {
      const k = at(), said = nets().map((n) => [n, pack.networks[n]]);
      return [`第 ${epochs[k]} 个周期；${said.map(([, n]) => `${n.title[0]}：训练 ${number(n.train.middle[k])}，验证 ${number(n.valid.middle[k])}`).join("；")}`,
        `epoch ${epochs[k]}; ${said.map(([, n]) => `${n.title[1]}: training ${number(n.train.middle[k])}, validation ${number(n.valid.middle[k])}`).join("; ")}`];
    };
    const go = (k) => fig.set({ epoch: epochs[Math.max(0, Math.min(last, k))] });
    const sample = (cls) => Kit.svg("svg", { viewBox: "0 0 30 8", "aria-hidden": "true", class: cls }, Kit.svg("path", { d: "M1 4H29" }));
    const axis = Kit.el("p", { class: "fig-curve__key replay__axis" }, Kit.el("span", {}, ["纵轴：困惑度（对数刻度）", "vertical: perplexity (log scale)"]),
      Kit.el("span", { class: "fig-key" }, sample(), ["粗：验证", "thick: validation"]), Kit.el("span", { class: "fig-key" }, sample("is-thin"), ["细：训练", "thin: training"]),
      Kit.el("span", {}, ["○ 验证的谷底", "○ lowest validation"]));
    const curve = Kit.curve(["困惑度的曲线，可以拖动", "Curves of perplexity; drag to an epoch"], {
      unit: ["周期", "epochs"], scrub: (x) => fig.set({ epoch: epochs[nearest(x)] }), step: (by) => go(at() + (Number.isFinite(by) ? by : by * Infinity)), speak, height: 300 });
    const player = Kit.player((by) => {
      const k = at() + by, could = k >= 0 && k <= last;
      if (could) go(k);
      return could;
    }, () => go(0), { every: Kit.calm.matches ? 700 : 220, back: ["前一点", "Previous point"], on: ["后一点", "Next point"] });
    const where = Kit.el("span", { class: "fig-number replay__where" });
    const table = Kit.el("div", { class: "replay__rows" });
    const rule = Kit.el("span", { class: "fig-muted replay__rule" }, ["一到三种；再选第四种，最早选的让位", "one to three; a fourth replaces the first chosen"]);
    const glued = ["语料把书的各行不加空格接在一起（第 1 章），所以“traveller”后面可以直接是“you”", "the corpus joins the book’s lines without a space (chapter 1), so “you” may follow “traveller” directly"];
    const note = Kit.el("figcaption", { class: "fig-note" }, [
      "困惑度取三个种子的中位数；训练困惑度是学这一个周期时的平均，暂退法开着。点线：瞎猜，和五元语法在验证部分上的成绩。每种网络读的都是同样的 10,000 个字符，学习率照各自那一章；梯度范数是裁剪前的，取一个周期里的中位数。" +
      `下面的字由验证成绩居中的那个种子在这个周期接着“${pack.prefix}”贪心写出；划线的是其中照抄原书的最长一段。${glued[0]}。`,
      "Perplexities are medians of three seeds; training perplexity is the mean over the epoch while it learns, dropout on. Dotted: guessing, and what a 5-gram model gets on the validation text. All networks read the same 10,000 characters, each at its own chapter’s learning rate; the gradient norm is the one before clipping, the median of the epoch. " +
      `Below, the seed whose validation perplexity is the middle one writes on from “${pack.prefix}” at this epoch, always the likeliest character; the longest stretch copied from the book is underlined. Note that ${glued[1]}.`]);
    host.append(
      Kit.el("p", { class: "replay__ask" }, ["训练越久越好吗？", "Does more training keep helping?"]),
      Kit.el("div", { class: "fig-controls replay__nets", role: "group", "aria-label": ["看哪几种网络（至多三种）", "Which networks, three at most"] }, ...toggles, rule),
      axis, curve.el, curve.key, Kit.el("div", { class: "fig-controls" }, player.el, where), table, note);

    /* What a network wrote, the longest stretch copied underlined; how long it is, and what "…" leaves out. */
    function written(n, k) {
      const text = n.sample[k], from = n.copied_at[k], to = from + n.copied[k], cut = text.endsWith("…") ? pack.written - text.length + 1 : 0;
      const parts = [text.slice(0, from), text.slice(from, to), text.slice(to)];
      return [Kit.el("p", { class: "fig-written replay__text", lang: "en" }, Kit.el("span", { class: "is-given" }, pack.prefix), Kit.el("span", { class: "replay__new" }, parts[0], parts[1] ? Kit.el("span", { class: "is-recited" }, parts[1]) : "", parts[2])),
        Kit.el("p", { class: "replay__copied" }, [
          `照抄原书的最长一段：${pack.written} 个字符里的 ${n.copied[k]} 个${cut ? `（“…”省去 ${cut} 个：原书的话，这里至多连着引 39 个字符）` : ""}`,
          `longest stretch copied from the book: ${n.copied[k]} of ${pack.written} characters${cut ? ` (“…” leaves out ${cut}: we quote at most 39 characters of the book in a row)` : ""}`])];
    }
    /* One line for each network: numbers at the epoch, and its text. */
    function row(name) {
      const n = pack.networks[name], k = at(), low = lowest(n);
      return Kit.el("div", { class: "replay__row" },
        Kit.el("div", { class: "fig-head" }, Kit.el("span", { class: `fig-key fig-stroke-${stroke(name)}` }, sample(), Kit.el("b", {}, n.title)),
          Kit.el("span", {}, ["训练 ", "training "], Kit.el("b", { class: "fig-number" }, number(n.train.middle[k]))),
          Kit.el("span", {}, ["验证 ", "validation "], Kit.el("b", { class: "fig-number" }, number(n.valid.middle[k]))),
          Kit.el("span", {}, ["梯度范数 ", "gradient norm "], Kit.el("b", { class: "fig-number" }, number(n.norm.middle[k]))),
          Kit.el("button", { class: "fig-link replay__low", type: "button", onclick: () => { go(low); const again = table.querySelectorAll(".replay__low")[nets().indexOf(name)]; if (again) again.focus({ preventScroll: true }); } },
            [`○ 验证最低 ${number(n.valid.middle[low])}，在第 ${epochs[low]} 个周期`, `○ lowest validation ${number(n.valid.middle[low])}, at epoch ${epochs[low]}`])),
        ...written(n, k));
    }
    return {
      draw() {
        const names = nets(), k = at(), xMax = epochs[last];
        toggles.forEach((button, i) => {
          const on = names.includes(all[i]);
          button.setAttribute("aria-pressed", String(on));
          button.toggleAttribute("data-last", on && names.length === 1);
        });
        const series = [], ghosts = [], notes = [];
        names.forEach((name) => {
          const n = pack.networks[name], points = (kind) => epochs.map((e, j) => [e, n[kind].middle[j]]);
          series.push({ id: `valid-${name}`, words: n.title, points: points("valid"), stroke: stroke(name), end: SHORT[name] || n.title });
          ghosts.push({ id: `train-${name}`, points: points("train"), stroke: stroke(name) });
          notes.push({ x: epochs[lowest(n)], y: n.valid.middle[lowest(n)], words: ["", ""], ring: true });
        });
        curve.draw({ xMax, yMin: 1, yMax, log: true, series, ghosts, notes, at: epochs[k], legend: true,
          lines: [{ y: pack.levels["5-gram"], value: pack.levels["5-gram"].toFixed(1), words: ["五元语法", "5-gram"] },
            { y: pack.levels.uniform, value: pack.levels.uniform, words: ["个字符瞎猜", "guessing at random"] }] });
        Kit.say(where, [`第 ${epochs[k]} 个周期`, `epoch ${epochs[k]}`]);
        table.replaceChildren(...names.map(row));
        host.dataset.epoch = epochs[k];
        host.dataset.valid = names.map((name) => pack.networks[name].valid.middle[k]).join(",");
        host.dataset.train = names.map((name) => pack.networks[name].train.middle[k]).join(",");
        host.dataset.nets = names.join(",");
        fig.say(speak());
      },
    };
  }

  Kit.figure("replay", {
    title: ["训练重放", "Training replayed"],
    defaults: { nets: "rnn_adam,gru", epoch: 200 },
    packs: ["courses"],
    make,
  });
})(globalThis.Kit);
