/* Two directions (chapter 9): letters without spaces arrive one by one, and two taggers say after each whether a word
   ends there. The one that reads forward decides with the letter and never again; the one that reads both ways decides
   about every letter anew, with all that has arrived. Both networks run in the page (pack "taggers"). */
(function (Kit) {
  "use strict";
  const LONGEST = 36;
  const TEXTS = ["ontheflagstonesofthegarden", "nowhereelsetogo", "theredoorisopenatlast"];
  const TAGGERS = [
    { id: "one", name: ["单向", "one direction"], does: ["读到就判，不再改", "decides at once, for good"] },
    { id: "both", name: ["双向", "both directions"], does: ["来一个字母，全部重判", "decides anew with every letter"] },
  ];
  const clean = (text) => String(text).toLowerCase().replace(/[^a-z]/g, "").slice(0, LONGEST);

  /* P(a word ends here) for each of the letters that have arrived. */
  function ends(E, model, ids) {
    const p = E.read(model, ids).p;
    return Array.from(ids, (_, j) => p[2 * j + 1]);
  }
  /* The letters with spaces where a word ends; the end of what has arrived is no decision. */
  const spaced = (letters, p) => letters.map((c, j) => (p[j] > 0.5 && j < letters.length - 1 ? `${c} ` : c)).join("");

  async function make(host, fig) {
    const pack = await fig.pack("taggers"), E = fig.engine;
    const models = Object.fromEntries(TAGGERS.map(({ id }) => [id, E.unpack(pack.models[id], pack.bytes)]));
    const text = () => (clean(fig.values.own).length > 1 ? clean(fig.values.own) : TEXTS[fig.values.s] || TEXTS[0]);
    const cache = new Map();
    /* What a tagger thinks when n letters of the present text have arrived. */
    function thinks(id, n) {
      const key = `${id} ${text().slice(0, n)}`;
      if (cache.size > 400) cache.clear();
      if (!cache.has(key)) cache.set(key, ends(E, models[id], Int32Array.from(text().slice(0, n), (c) => pack.vocab.indexOf(c))));
      return cache.get(key);
    }
    /* How often the judgement of each letter has changed since that letter arrived. */
    function changes(id, n) {
      const turns = new Array(n).fill(0);
      for (let m = 1; m < n; m++) {
        const before = thinks(id, m), after = thinks(id, m + 1);
        for (let j = 0; j < m; j++) if (before[j] > 0.5 !== after[j] > 0.5) turns[j]++;
      }
      return turns;
    }

    const move = (t) => fig.set({ n: t + 1 });
    const player = Kit.player((by) => {
      const n = Math.min(fig.values.n, text().length) + by, could = n >= 1 && n <= text().length;
      if (could) fig.set({ n });
      return could;
    }, () => fig.set({ n: 1 }), { every: Kit.calm.matches ? 1200 : 600 });
    const track = Kit.track(host, move, { least: 9, toggle: player.toggle });
    const strip = track.strip(["来到了哪个字母", "How many letters have arrived"], (t) =>
      [`来了 ${t + 1} 个字母，共 ${track.n} 个：${text()[t]}`, `${t + 1} of ${track.n} letters: ${text()[t]}`]);
    const chips = Kit.choice(["例子", "Example"], TEXTS.map((one, s) => ({ value: s, words: [`${one.slice(0, 9)}…`, `${one.slice(0, 9)}…`] })),
      (s) => fig.set({ s, own: "", n: Math.min(10, TEXTS[s].length) }), { hide: true, value: fig.values.s });
    const own = Kit.field(["自己写一串字母，不留空格", "Your own letters, without spaces"], { max: LONGEST, clean, hide: true,
      placeholder: ["或者自己写", "or type your own"] }, (value) => fig.set({ own: value, n: Math.max(1, value.length) }));
    const count = Kit.el("span", { class: "fig-number fig-muted" });
    host.append(
      Kit.el("p", { class: "directions__ask" }, ["空格放在哪里？", "Where do the spaces go?"]),
      Kit.el("div", { class: "fig-controls directions__choose" }, chips.el, own.el),
      Kit.row(["来到这里", "arrived so far"], strip.el, Kit.el("span", { class: "directions__player" }, player.el, count), "text"));

    const rows = TAGGERS.map((tagger) => {
      const plain = track.plain([`${tagger.name[0]}：词在这里结束的概率`, `${tagger.name[1]}: probability that a word ends here`]);
      const side = Kit.el("div", { class: "fig-big" }), written = Kit.el("p", { class: "fig-written directions__written" });
      const name = Kit.el("span", {}, Kit.el("b", {}, tagger.name), Kit.el("small", {}, tagger.does));
      host.append(Kit.row(name, plain.el, side, "tagger"), Kit.row(null, written, null, "written"));
      return { ...tagger, plain, side, written, places: [] };
    });
    const f1 = (id) => pack.models[id].f1.test.toFixed(2);
    host.append(Kit.el("figcaption", { class: "fig-note" }, [
      `字母上的条是“词在这里结束”的概率；过半（虚线以上）就在后面放一个空格。橙色的字母，是后来改过判断的。盖住后文，两个标注器看到的一样多；后文一来，只有双向的能改主意。在没见过的文字上，两者的 F1 是 ${f1("one")} 与 ${f1("both")}。`,
      `The bar above a letter is the probability that a word ends there; above one half (the dashed line) a space follows it. Orange marks letters judged differently since they arrived. While what follows is covered, both see the same; as it arrives, only the one that reads both ways can change its mind. On unseen text their F1 is ${f1("one")} and ${f1("both")}.`]));

    let shownText = "";
    function write() {
      const letters = Array.from(text());
      strip.write(letters);
      for (const row of rows) {
        row.places = letters.map((c) => {
          const bar = Kit.el("i", { class: "directions__bar" }), letter = Kit.el("span", { class: "directions__letter" }, c);
          return { bar, letter, el: Kit.el("span", { class: "directions__place" }, bar, letter) };
        });
        row.plain.write(row.places.map((place) => place.el));
      }
      shownText = text();
    }
    return {
      draw(values) {
        if (text() !== shownText) write();
        const n = Math.max(1, Math.min(text().length, Math.round(values.n))), letters = Array.from(text().slice(0, n));
        track.cursor(n - 1);
        count.textContent = `${n}/${text().length}`;
        chips.draw(clean(values.own).length > 1 ? -1 : values.s);
        own.draw(values.own);
        const found = {};
        for (const row of rows) {
          const p = thinks(row.id, n), turns = changes(row.id, n), result = spaced(letters, p);
          row.places.forEach(({ bar, letter, el }, j) => {
            bar.style.setProperty("--p", j < n ? p[j].toFixed(3) : 0);
            el.classList.toggle("is-end", j < n && p[j] > 0.5);
            el.classList.toggle("is-ahead", j >= n);
            letter.classList.toggle("is-changed", j < n && turns[j] > 0);
          });
          row.written.textContent = result;
          const total = turns.reduce((a, b) => a + b, 0);
          found[row.id] = { text: result, changed: total, p: Number(p[n - 1].toFixed(4)) };
          row.side.replaceChildren(Kit.el("b", {}, String(total)), " ", Kit.words(["次改主意", total === 1 ? "change of mind" : "changes of mind"]));
        }
        host.dataset.found = JSON.stringify(found);
        fig.say([`单向：${found.one.text}。双向：${found.both.text}`, `One direction: ${found.one.text}. Both: ${found.both.text}`]);
      },
    };
  }

  Kit.figure("directions", {
    title: ["两个标注器，一个不看后文", "Two taggers, one of which cannot look ahead"],
    defaults: { s: 0, own: "", n: 15 },
    packs: ["taggers"],
    make,
  });
})(globalThis.Kit);
