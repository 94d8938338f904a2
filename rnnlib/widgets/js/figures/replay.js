/* Training replayed (chapters 3, 5, 7, 8, 10): recorded runs of rnnlib, scrubbed with a slider. Training and validation
   perplexity of the networks chosen (medians of three seeds), and what each wrote at that epoch. Nothing is trained
   here: pack "courses". */
(function (Kit) {
  "use strict";
  const MOST = 3; // curves of more networks cannot be told apart
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
    const number = (v) => (v < 100 ? v.toFixed(2) : v.toFixed(0));

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
    const curve = Kit.curve(["困惑度的曲线，可以拖动", "Curves of perplexity; drag to an epoch"], {
      unit: ["周期", "epochs"], scrub: (x) => fig.set({ epoch: epochs[nearest(x)] }), step: (by) => go(at() + (Number.isFinite(by) ? by : by * Infinity)), speak, height: 300 });
    const player = Kit.player((by) => {
      const k = at() + by, could = k >= 0 && k <= last;
      if (could) go(k);
      return could;
    }, () => go(0), { every: Kit.calm.matches ? 700 : 220, back: ["前一点", "Previous point"], on: ["后一点", "Next point"] });
    const where = Kit.el("span", { class: "fig-number replay__where" });
    const table = Kit.el("div", { class: "replay__rows" });
    const note = Kit.el("figcaption", { class: "fig-note" }, [
      `粗线是验证困惑度，细线是训练困惑度，都取三个种子的中位数；点线是 5 元语法在验证部分上的困惑度。每种网络读的都是同样的 10,000 个字符，学习率照各自那一章。下面是成绩居中的那个种子，训练到这个周期，接着“${pack.prefix}”贪心地写出来的；小字数的是其中最长有多少个字符，是书里原样就有的。`,
      `Thick lines are validation perplexity, thin ones training, both medians of three seeds; the dotted line is what a 5-gram model gets on the validation text. All networks read the same 10,000 characters, each at its own chapter's learning rate. Below is what the middle one of the seeds, trained to this epoch, writes after “${pack.prefix}” when it always takes the likeliest character; the small print counts the longest stretch of it that stands in the book as it is.`]);
    host.append(
      Kit.el("p", { class: "replay__ask" }, ["训练越久越好吗？", "Does more training keep helping?"]),
      Kit.el("div", { class: "fig-controls replay__nets", role: "group", "aria-label": ["看哪几种网络（至多三种）", "Which networks, three at most"] }, ...toggles),
      curve.el, curve.key, Kit.el("div", { class: "fig-controls" }, player.el, where), table, note);

    const sample = () => Kit.svg("svg", { viewBox: "0 0 30 8", "aria-hidden": "true" }, Kit.svg("path", { d: "M1 4H29" }));
    /* One line for each network: numbers at the epoch, and its text. */
    function row(name, stroke) {
      const n = pack.networks[name], k = at(), low = n.valid.middle.indexOf(Math.min(...n.valid.middle));
      return Kit.el("div", { class: "replay__row" },
        Kit.el("div", { class: "fig-head" }, Kit.el("span", { class: `fig-key fig-stroke-${stroke}` }, sample(), Kit.el("b", {}, n.title)),
          Kit.el("span", {}, ["训练 ", "training "], Kit.el("b", { class: "fig-number" }, number(n.train.middle[k]))),
          Kit.el("span", {}, ["验证 ", "validation "], Kit.el("b", { class: "fig-number" }, number(n.valid.middle[k]))),
          Kit.el("span", {}, ["梯度范数 ", "gradient norm "], Kit.el("b", { class: "fig-number" }, number(n.norm.middle[k]))),
          Kit.el("span", {}, [`验证最低 ${number(n.valid.middle[low])}，在第 ${epochs[low]} 个周期`, `lowest validation ${number(n.valid.middle[low])}, at epoch ${epochs[low]}`])),
        Kit.el("p", { class: "fig-written replay__text", lang: "en" }, Kit.el("span", { class: "is-given" }, pack.prefix), n.sample[k]),
        Kit.el("p", { class: "replay__copied" }, [`书里原样就有的最长一段：${n.copied[k]} 个字符`, `longest stretch found in the book as it is: ${n.copied[k]} characters`]));
    }
    return {
      draw() {
        const names = nets(), k = at(), xMax = epochs[last];
        toggles.forEach((button, i) => button.setAttribute("aria-pressed", String(names.includes(all[i]))));
        const series = [], ghosts = [];
        names.forEach((name, i) => {
          const n = pack.networks[name], points = (kind) => epochs.map((e, j) => [e, n[kind].middle[j]]);
          series.push({ id: `valid-${name}`, words: n.title, points: points("valid"), stroke: i, end: [`${n.title[0]}：验证`, `${n.title[1]}: validation`] });
          ghosts.push({ id: `train-${name}`, points: points("train"), stroke: i, end: ["训练", "training"] });
        });
        curve.draw({ xMax, yMin: 1, yMax, log: true, series, ghosts, at: epochs[k], legend: true,
          lines: [{ y: pack.levels["5-gram"], value: pack.levels["5-gram"].toFixed(1), words: ["5 元语法", "5-gram"] },
            { y: pack.levels.uniform, value: pack.levels.uniform, words: ["一视同仁", "uniform guessing"] }] });
        Kit.say(where, [`第 ${epochs[k]} 个周期`, `epoch ${epochs[k]}`]);
        table.replaceChildren(...names.map((name, i) => row(name, i)));
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
