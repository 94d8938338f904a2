/* What each network can see (chapters 9 and 12): put another letter in the place of one, and see which guesses move.
   The networks were trained, and every change was tried, in Python (pack "sight"): nothing is computed here but
   counts. The guess for a place is made without the letter that stands there. */
(function (Kit) {
  "use strict";
  const SMALL = 0.05; // under this a bar would be less than two pixels high: a dash says that there is something
  const NETWORKS = [
    { id: "rnn", name: ["RNN", "RNN"], sees: ["看得到前面的一切，越远反应越小", "sees all before it, but reacts less to what is farther back"] },
    { id: "conv", name: ["卷积", "convolution"], sees: ["只看得到前面 15 个", "sees the 15 before it, no more"] },
    { id: "attention", name: ["注意力", "attention"], sees: ["看得到前面的一切，再远也有反应", "sees all before it, and reacts at any distance"] },
    { id: "birnn", name: ["双向 RNN", "bidirectional RNN"], sees: ["两边都看得到，越远反应越小", "sees both sides, but reacts less to what is farther away"] },
  ];
  const named = (c) => (c === " " ? ["空格", "space"] : [c, c]);

  /* Which places moved, and how far the farthest of them lies from place i. */
  function reach(row, i) {
    let count = 0, back = 0, on = 0;
    row.forEach((v, j) => {
      if (!v) return;
      count++;
      if (j < i) back = Math.max(back, i - j); else on = Math.max(on, j - i);
    });
    return { count, back, on };
  }

  async function make(host, fig) {
    const pack = await fig.pack("sight"), letters = Array.from(pack.letters);
    const which = () => (pack.sentences[fig.values.s] === undefined ? 0 : fig.values.s);
    const sentence = () => Array.from(pack.sentences[which()]);
    const place = () => Math.max(0, Math.min(sentence().length - 1, Math.round(fig.values.i)));
    /* What is put there: the reader's letter, or another one of its kind where it would be the same. */
    function other(i) {
      const to = fig.values.to;
      return letters.includes(to) && to !== sentence()[i] ? to : pack.changed[which()][i];
    }
    /* How much of the guess for each place moves: stored as [i, j, letter]. */
    function moved(network, i) {
      const entry = pack.networks[network].arrays[`moved_${which()}`], T = entry.shape[1], L = letters.length;
      const all = new Uint8Array(pack.bytes, entry.offset, T * T * L), c = letters.indexOf(other(i));
      return Array.from({ length: T }, (_, j) => all[(i * T + j) * L + c] * entry.step);
    }

    const track = Kit.track(host, (i) => fig.set({ i }), { least: 9 });
    const strip = track.strip(["换掉哪个字母；按字母键，就换成那个字母", "Which letter is replaced; press a letter key to put that letter there"], (i) => {
      const [from, to] = [named(sentence()[i]), named(other(i))];
      return [`第 ${i + 1} 个字母 ${from[0]} 换成 ${to[0]}`, `letter ${i + 1}, ${from[1]}, becomes ${to[1]}`];
    });
    strip.el.addEventListener("keydown", (event) => {
      const to = event.key.toLowerCase();
      if (event.altKey || event.ctrlKey || event.metaKey || !letters.includes(to)) return;
      event.preventDefault();
      if (to !== sentence()[place()]) fig.set({ to });
    });
    const begins = (text) => `${text.split(" ").slice(0, 2).join(" ")}…`;
    const chips = Kit.choice(["句子", "Sentence"], pack.sentences.map((text, s) => ({ value: s, words: [begins(text), begins(text)] })),
      (s) => fig.set({ s, i: Math.min(fig.values.i, pack.sentences[s].length - 1) }), { hide: true, value: fig.values.s });
    const choices = (i) => letters.filter((c) => c !== sentence()[i]).map((c) => ({ value: c, words: named(c) }));
    const to = Kit.word(["换成哪个字母", "The letter that replaces it"], choices(place()), (value) => fig.set({ to: value }));
    const changed = track.plain(["换过的句子", "The changed sentence"]), from = Kit.el("span", { class: "fig-number" });
    host.append(
      Kit.el("p", { class: "sight__ask" }, ["换掉一个字母，谁的猜测会动？", "Change one letter: whose guesses move?"]),
      Kit.el("div", { class: "fig-controls" }, chips.el),
      Kit.row(["点一个字母", "pick a letter"], strip.el, null, "text"),
      Kit.row(["换掉它", "and change it"], changed.el, Kit.el("span", { class: "sight__now" }, from, to.el), "changed"));

    const rows = NETWORKS.map((network, k) => {
      const label = [`${network.name[0]}：每一处的猜测变了多少`, `${network.name[1]}: how much the guess for each place changed`];
      const plain = track.plain(label), side = Kit.el("div", { class: "fig-big" });
      const name = Kit.el("span", {}, Kit.el("b", {}, network.name), " ", Kit.el("small", {}, network.sees));
      const scale = Kit.el("span", { class: "sight__scale", "aria-hidden": "true" }, Kit.el("i", {}, "1"), Kit.el("i", {}, "0"));
      const row = Kit.row(name, plain.el, side, "sight");
      if (k === 0) row.append(scale);
      host.append(row);
      return { ...network, plain, side, bars: [] };
    });
    host.append(Kit.el("figcaption", { class: "fig-note" }, [
      "每根条是一处的猜测：预测的分布变了多少，0 是没变，1 是全变了。灰色短线是不到 5%；不到 1% 的不画，也不数。猜一处时，看不到那一处自己的字母。前三种网络不看后文：换掉的字母左边一根条也没有；换掉最后一个字母，它们一处也不动，因为后面没有要猜的了。四个网络只训练了一小会儿，不过看得到哪里由结构决定，训练多久都一样。",
      "Each bar: how much of the predicted distribution for that place changed (0 nothing, 1 all of it). A grey dash is less than 5%; what changes by less than 1% is neither drawn nor counted. A place is guessed without its own letter. The first three networks don't look ahead: there's no bar to the left of the changed letter, and changing the last letter moves none of their guesses, since nothing comes after it. All four were trained only briefly, but how far a network can see is a matter of its structure, not of its training."]));

    function write() {
      const text = sentence();
      strip.write(text);
      for (const row of rows) {
        row.bars = text.map(() => Kit.el("i", { class: "sight__bar" }));
        row.plain.write(text.map((c, j) => Kit.el("span", { class: "sight__place" }, row.bars[j])));
      }
    }
    let written = -1;
    return {
      draw() {
        const s = which(), i = place();
        if (written !== s) { write(); chips.draw(s); written = s; }
        changed.write(sentence().map((c, j) => Kit.el("span", { class: j === i ? "is-new-letter" : "" }, j === i ? Kit.shown(other(i)) : c)));
        track.cursor(i);
        from.textContent = `${Kit.shown(sentence()[i])} → `;
        to.draw(other(i), choices(i));
        const found = {};
        for (const row of rows) {
          const amounts = moved(row.id, i);
          amounts.forEach((v, j) => {
            row.bars[j].style.setProperty("--moved", v.toFixed(2));
            row.bars[j].classList.toggle("is-small", v > 0 && v < SMALL);
          });
          found[row.id] = reach(amounts, i);
          row.side.replaceChildren(Kit.el("b", {}, String(found[row.id].count)), " ", Kit.words(["处动了", "moved"]));
        }
        host.dataset.moved = JSON.stringify(found);
        host.dataset.other = other(i);
        const said = rows.map((row) => [`${row.name[0]} ${found[row.id].count} 处`, `${row.name[1]} ${found[row.id].count}`]);
        fig.say([`换成 ${named(other(i))[0]}，动了的猜测：${said.map((w) => w[0]).join("，")}`,
          `${named(other(i))[1]} instead; guesses that moved: ${said.map((w) => w[1]).join(", ")}`]);
      },
    };
  }

  Kit.figure("sight", {
    title: ["每种网络看得到哪里", "What each network can see"],
    defaults: { s: 0, i: 9, to: "" },
    packs: ["sight"],
    make,
  });
})(globalThis.Kit);
