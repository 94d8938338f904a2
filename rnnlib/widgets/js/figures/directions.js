/* Two directions (chapter 9): letters without spaces arrive one by one, and two taggers say after each whether a word
   ends there. The one that reads forward decides with the letter and never again; the one that reads both ways decides
   about every letter anew, with all that has arrived. Both networks run in the page (pack "taggers"). */
(function (Kit) {
  "use strict";
  const LONGEST = 40;
  /* With the spaces that were meant. Nobody's training text; in the first two the tagger that reads both ways ends up
     right, in the third neither does. */
  const TEXTS = ["we were together in the garden", "on the flagstones of the garden", "nowhere else to go"];
  const TAGGERS = [
    { id: "one", name: ["单向", "one direction"], does: ["读到就判，不再改", "decides at once, for good"] },
    { id: "both", name: ["双向", "both directions"], does: ["来一个字母，全部重判", "decides anew with every letter"] },
  ];
  const clean = (text) => String(text).toLowerCase().replace(/\s+/g, " ").replace(/[^a-z ]/g, "");
  const joined = (text) => clean(text).replace(/ /g, "");
  /* The places after which a space is meant; null where nobody has said. */
  function meant(text) {
    const words = clean(text).trim().split(/ +/);
    if (words.length < 2) return null;
    let at = -1;
    return new Set(words.map((word) => (at += word.length)));
  }

  /* P(a word ends here) for each of the letters that have arrived. */
  function ends(E, model, ids) {
    const p = E.read(model, ids).p;
    return Array.from(ids, (_, j) => p[2 * j + 1]);
  }
  /* The letters with spaces where a word ends; the end of what has arrived is no decision. */
  const spaced = (letters, p) => letters.map((c, j) => (p[j] > 0.5 && j < letters.length - 1 ? `${c} ` : c)).join("");
  /* The same in pieces, with a | for a space too many and a _ for one that is missing; how many of them. */
  function judged(letters, p, truth) {
    let wrong = 0;
    const parts = letters.flatMap((c, j) => {
      if (j === letters.length - 1) return [c];
      const cut = p[j] > 0.5;
      if (!truth || cut === truth.has(j)) return [cut ? `${c} ` : c];
      wrong++;
      return [c, Kit.el("i", { class: "directions__wrong" }, cut ? "|" : "_")];
    });
    return { parts, wrong };
  }

  async function make(host, fig) {
    const pack = await fig.pack("taggers"), E = fig.engine;
    const models = Object.fromEntries(TAGGERS.map(({ id }) => [id, E.unpack(pack.models[id], pack.bytes)]));
    const own = () => joined(fig.values.own).length > 0;
    const sentence = () => (own() ? clean(fig.values.own).trim() : TEXTS[fig.values.s] || TEXTS[0]);
    const text = () => joined(sentence()).slice(0, LONGEST);
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
    const begins = (one) => `${joined(one).slice(0, 9)}…`;
    const chips = Kit.choice(["例子", "Example"], TEXTS.map((one, s) => ({ value: s, words: [begins(one), begins(one)] })),
      (s) => fig.set({ s, own: "", n: joined(TEXTS[s]).length }), { hide: true, value: fig.values.s });
    const field = Kit.field(["自己写一句英文；你打的空格当作原文", "Your own sentence; the spaces you type are the intended ones"],
      { max: LONGEST, clean, hide: true, placeholder: ["自己写，带上空格", "your own, with spaces"] },
      (value) => fig.set({ own: value, n: Math.max(1, joined(value).length) }));
    const intended = Kit.el("p", { class: "directions__intended" });
    const count = Kit.el("span", { class: "fig-number fig-muted" });
    host.append(
      Kit.el("p", { class: "directions__ask" }, ["空格放在哪里？", "Where do the spaces go?"]),
      Kit.el("div", { class: "fig-controls directions__choose" }, chips.el, field.el),
      Kit.row(["来到这里", "arrived so far"], strip.el, Kit.el("span", { class: "directions__player" }, player.el, count), "text"),
      Kit.row(["原文", "intended"], intended, null, "intended"));

    const rows = TAGGERS.map((tagger) => {
      const plain = track.plain([`${tagger.name[0]}：词在这里结束的概率`, `${tagger.name[1]}: probability that a word ends here`]);
      const side = Kit.el("div", { class: "directions__side" }), written = Kit.el("p", { class: "fig-written directions__written" });
      const name = Kit.el("span", {}, Kit.el("b", {}, tagger.name), Kit.el("small", {}, tagger.does));
      host.append(Kit.row(name, plain.el, side, "tagger"), Kit.row(null, written, null, "written"));
      return { ...tagger, plain, side, written, places: [] };
    });
    const f1 = (id) => pack.models[id].f1.test.toFixed(2);
    host.append(Kit.el("figcaption", { class: "fig-note" }, [
      `条高是“词在这里结束”的概率，满格是 1；过半（虚线以上）就在后面放一个空格，最后到的字母除外。\`|\` 是多放的空格，\`_\` 是漏掉的。橙色的字母来了以后改过判断：后文一揭开，只有双向的能改。两者各练各的，所以眼前字母一样，判断也会不同。前两个例子双向最后全对，第三个它也错，所以一句话分不出高下；在 500 段没见过的文字上，两者的 F1 是 ${f1("one")} 与 ${f1("both")}（它们比上文的网络小，是另外训练的）。`,
      `A bar is the probability that a word ends there; full height is 1. Above one half (the dashed line) a space follows, except after the latest letter. \`|\` marks a space too many, \`_\` a missing one. On orange letters the judgement has changed since they arrived: as more text shows up, only the one that reads both ways can do that. The two were trained separately, so the same letters can get different bars. In the first two examples both directions end up right, in the third they don't; one sentence decides nothing. On 500 unseen pieces F1 is ${f1("one")} and ${f1("both")} (these networks are smaller than those above, and trained separately).`]));

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
        chips.draw(own() ? -1 : TEXTS[values.s] ? values.s : 0);
        field.draw(values.own);
        const truth = meant(sentence()), found = {};
        if (truth) intended.replaceChildren(sentence());
        else Kit.say(intended, ["没有给出；打字时带上空格就有", "not given; type the spaces too"]);
        intended.classList.toggle("fig-muted", !truth);
        for (const row of rows) {
          const p = thinks(row.id, n), turns = changes(row.id, n), result = spaced(letters, p), { parts, wrong } = judged(letters, p, truth);
          row.places.forEach(({ bar, letter, el }, j) => {
            bar.style.setProperty("--p", j < n ? p[j].toFixed(3) : 0);
            el.classList.toggle("is-end", j < n && p[j] > 0.5);
            el.classList.toggle("is-ahead", j >= n);
            letter.classList.toggle("is-changed", j < n && turns[j] > 0);
          });
          row.written.replaceChildren(...parts);
          const changed = turns.filter(Boolean).length;
          found[row.id] = { text: result, changed, wrong: truth ? wrong : null, p: Number(p[n - 1].toFixed(4)) };
          row.side.replaceChildren(
            truth ? Kit.el("div", { class: "fig-big" }, Kit.el("b", {}, String(wrong)), " ", ["处错", "wrong"]) : "",
            Kit.el("small", { class: changed ? "is-changed" : "" }, [`改过 ${changed} 个字母的判断`, `${changed} ${changed === 1 ? "letter" : "letters"} rejudged`]));
        }
        host.dataset.found = JSON.stringify(found);
        const errors = ({ wrong }) => (wrong === null ? ["", ""] : [`，错 ${wrong} 处`, `, ${wrong} wrong`]);
        const [one, both] = [errors(found.one), errors(found.both)];
        fig.say([`单向：${found.one.text}${one[0]}。双向：${found.both.text}${both[0]}`,
          `One direction: ${found.one.text}${one[1]}. Both: ${found.both.text}${both[1]}`]);
      },
    };
  }

  Kit.figure("directions", {
    title: ["两个标注器，一个不看后文", "Two taggers, one of which cannot look ahead"],
    defaults: { s: 0, own: "", n: 14 },
    packs: ["taggers"],
    make,
  });
})(globalThis.Kit);
