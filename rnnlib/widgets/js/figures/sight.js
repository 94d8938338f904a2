/* What each network can see (chapters 9 and 12): change one letter of a sentence, and see which guesses move. The
   networks were trained, and every change was tried, in Python (pack "sight"): nothing is computed here but sums.
   The guess for a place is made without the letter that stands there. */
(function (Kit) {
  "use strict";
  const SEEN = 0.005; // half a percent of probability: what moves less counts as unmoved
  const NETWORKS = [
    { id: "rnn", name: ["RNN", "RNN"], sees: ["看得到前面的一切", "sees all that came before"] },
    { id: "conv", name: ["卷积", "convolution"], sees: ["看得到前面 15 个", "sees the 15 before"] },
    { id: "attention", name: ["注意力", "attention"], sees: ["看得到前面的一切", "sees all that came before"] },
    { id: "birnn", name: ["双向 RNN", "bidirectional RNN"], sees: ["看得到两边", "sees both sides"] },
  ];

  /* Which places moved, and how far the farthest of them lies from place i. */
  function reach(row, i) {
    let count = 0, back = 0, on = 0;
    row.forEach((v, j) => {
      if (v < SEEN) return;
      count++;
      if (j < i) back = Math.max(back, i - j); else on = Math.max(on, j - i);
    });
    return { count, back, on };
  }

  async function make(host, fig) {
    const pack = await fig.pack("sight");
    const table = (network, kind, s) => {
      const entry = pack.networks[network].arrays[`${kind}_${s}`];
      return new Uint8Array(pack.bytes, entry.offset, entry.shape.reduce((a, b) => a * b, 1));
    };
    const which = () => (pack.sentences[fig.values.s] === undefined ? 0 : fig.values.s);
    const sentence = () => Array.from(pack.sentences[which()]);
    const move = (i) => fig.set({ i });
    const track = Kit.track(host, move, { least: 9 });
    const strip = track.strip(["换掉哪个字母", "Which letter is changed"], (i) => {
      const c = sentence()[i], other = pack.changed[which()][i], show = (l) => (l === " " ? ["空格", "space"] : [l, l]);
      return [`第 ${i + 1} 个字母 ${show(c)[0]} 换成 ${show(other)[0]}`, `letter ${i + 1}, ${show(c)[1]}, becomes ${show(other)[1]}`];
    });
    const chips = Kit.choice(["句子", "Sentence"],
      pack.sentences.map((text, s) => ({ value: s, words: [`${text.split(" ").slice(0, 2).join(" ")}…`, `${text.split(" ").slice(0, 2).join(" ")}…`] })),
      (s) => fig.set({ s, i: Math.min(fig.values.i, pack.sentences[s].length - 1) }), { hide: true, value: fig.values.s });
    const now = Kit.el("span", { class: "sight__now" });
    host.append(
      Kit.el("p", { class: "sight__ask" }, ["换掉一个字母，谁的猜测会动？", "Change one letter: whose guesses move?"]),
      Kit.el("div", { class: "fig-controls" }, chips.el),
      Kit.row(["换掉它", "change it"], strip.el, now, "text"));

    const rows = NETWORKS.map((network) => {
      const label = [`${network.name[0]}：每一处的猜测动了多少`, `${network.name[1]}: how far the guess for each place moved`];
      const plain = track.plain(label), side = Kit.el("div", { class: "fig-big" });
      const name = Kit.el("span", {}, Kit.el("b", {}, network.name), " ", Kit.el("small", {}, network.sees));
      host.append(Kit.row(name, plain.el, side, "sight"));
      return { ...network, plain, side, bars: [] };
    });
    host.append(Kit.el("figcaption", { class: "fig-note" }, [
      "一根条是一处的猜测：字母换掉以后，那里各字母的概率一共挪动了多少（0 到 1）。猜一处时，看不到那一处自己的字母。右边数的是动了的猜测（0.5% 以上）。前三种网络，换掉的字母左边一根条也没有：它们不看后文。卷积最多影响后面 15 处；双向 RNN 两边都动。网络都只训练了一小会儿，看的是能看到哪里，不是猜得准不准。",
      "A bar is the guess for one place: how much probability moved there, in all, when the letter was changed (0 to 1). A place is guessed without its own letter. The number counts the guesses that moved (0.5% or more). In the first three networks there isn't a single bar to the left of the change: they don't look ahead. The convolution reaches at most 15 places on; the bidirectional RNN moves on both sides. All were trained only briefly: this is about where they can see, not how well they guess."]));

    function write() {
      const letters = sentence();
      strip.write(letters);
      for (const row of rows) {
        row.bars = letters.map(() => Kit.el("i", { class: "sight__bar" }));
        row.plain.write(letters.map((c, j) => Kit.el("span", { class: "sight__place" }, row.bars[j])));
      }
    }
    let written = -1;
    return {
      draw(values) {
        const s = which(), T = pack.sentences[s].length;
        const i = Math.max(0, Math.min(T - 1, Math.round(values.i)));
        if (written !== s) { write(); chips.draw(s); written = s; }
        track.cursor(i);
        Kit.say(now, [`${Kit.shown(sentence()[i])} → ${Kit.shown(pack.changed[s][i])}`, `${Kit.shown(sentence()[i])} → ${Kit.shown(pack.changed[s][i])}`]);
        const found = {};
        for (const row of rows) {
          const moved = Array.from(table(row.id, "moved", s).subarray(i * T, i * T + T), (v) => v / 255);
          moved.forEach((v, j) => row.bars[j].style.setProperty("--moved", v < SEEN ? 0 : Math.max(0.05, v).toFixed(3)));
          found[row.id] = reach(moved, i);
          row.side.replaceChildren(Kit.el("b", {}, String(found[row.id].count)), " ", Kit.words(["处动了", "moved"]));
        }
        host.dataset.moved = JSON.stringify(found);
        const said = rows.map((row) => [`${row.name[0]} ${found[row.id].count} 处`, `${row.name[1]} ${found[row.id].count}`]);
        fig.say([`动了的猜测：${said.map((w) => w[0]).join("，")}`, `guesses that moved: ${said.map((w) => w[1]).join(", ")}`]);
      },
    };
  }

  Kit.figure("sight", {
    title: ["每种网络看得到哪里", "What each network can see"],
    defaults: { s: 0, i: 9 },
    packs: ["sight"],
    make,
  });
})(globalThis.Kit);
