/* What the reader has guessed and answered, chapter by chapter (pack "quizzes" knows how much there is): shown and
   cleared here. It is kept in this browser only. */
(function (Kit) {
  "use strict";
  /* Of one chapter: guesses made, questions answered and right. */
  function chapter(page, kept, pack) {
    const id = page.slice(0, 2), questions = (pack.chapters[id] || []).length, quiz = kept[`quiz:${id}`];
    const judged = quiz && Array.isArray(quiz.right) && quiz.right.length === questions ? quiz.right : []; // else: an older book's
    const right = judged.filter((r) => r === true).length, answered = judged.filter((r) => r !== null).length;
    const guessed = Object.keys(kept).filter((key) => key.startsWith("guess:") && key.includes(`${page}-`)).length;
    const guesses = pack.guesses[page] || 0;
    return { page, id, guessed: Math.min(guessed, guesses), guesses, answered, right, questions };
  }

  async function make(host, fig) {
    const pack = await fig.pack("quizzes"), pages = Object.keys(pack.guesses).sort();
    const summary = Kit.el("p", { class: "progress__sum", role: "status" });
    const rows = Kit.el("tbody"), table = Kit.el("table", { class: "progress__table" },
      Kit.el("thead", {}, Kit.el("tr", {}, Kit.el("th", { scope: "col" }, ["章", "Chapter"]), Kit.el("th", { scope: "col" }, ["猜过", "Guessed"]),
        Kit.el("th", { scope: "col" }, ["答对", "Right"]))), rows);
    const next = Kit.el("p", { class: "progress__next" });
    const sure = Kit.el("button", { class: "fig-button", type: "button", hidden: true, onclick: () => { Kit.progress.clear(); doubt(false); } },
      ["真的清除", "Yes, clear everything"]);
    const not = Kit.el("button", { class: "fig-link", type: "button", hidden: true, onclick: () => doubt(false) }, ["留着", "No, keep it"]);
    const clear = Kit.el("button", { class: "fig-button", type: "button", onclick: () => doubt(true) },
      ["清除记录…", "Clear my record…"]);
    /* Ask once more before all is lost; the focus goes along. */
    function doubt(asking) {
      clear.hidden = asking;
      sure.hidden = not.hidden = !asking;
      (asking ? not : clear).focus();
    }
    host.append(summary, next, table, Kit.el("div", { class: "fig-controls" }, clear, sure, not),
      Kit.el("p", { class: "fig-note" }, ["记录只留在这个浏览器里，不会送到别处；换一个浏览器就看不到了。", "Your record stays in this browser and isn't sent anywhere. Another browser won't have it."]));
    /* n of them, and m of them in a lighter colour: answered, though not right. */
    const bar = (n, of, m = n) => Kit.el("td", {},
      of ? Kit.el("span", { class: "progress__bar", "aria-hidden": "true", style: { "--share": String(n / of), "--answered": String(m / of) } }) : null,
      Kit.el("span", { class: "fig-number" }, !of ? "–"
        : m > n ? [`${n} / ${of}，答过 ${m}`, `${n} / ${of}, ${m} answered`] : `${n} / ${of}`));
    const called = ({ page, id }) => pack.titles[page].map((title) => (Number(id) ? `${Number(id)} ${title}` : title));
    /* Where there is something to answer yet: the first chapter that was begun, or else the first of all. */
    function point(found) {
      const open = found.filter((one) => one.answered < one.questions), one = open.find((o) => o.answered) || open[0];
      if (!one) return next.replaceChildren(Kit.words(["所有的题都答过了。", "You have answered every question."]));
      const to = Kit.el("a", { href: `${one.page}.html#quiz:chapter=${Number(one.id)}` }, [`第 ${Number(one.id)} 章 ${pack.titles[one.page][0]}`, `chapter ${Number(one.id)}, ${pack.titles[one.page][1]}`]);
      return next.replaceChildren(Kit.words(["下一道没答的题，在", "Next open question, in "]), to);
    }
    function draw() {
      const kept = Kit.progress.all(), found = pages.map((page) => chapter(page, kept, pack));
      const sum = (key) => found.reduce((total, one) => total + one[key], 0);
      rows.replaceChildren(...found.map((one) => Kit.el("tr", { "data-page": one.page },
        Kit.el("th", { scope: "row" }, Kit.el("a", { href: `${one.page}.html` }, called(one))),
        bar(one.guessed, one.guesses), bar(one.right, one.questions, one.answered))));
      point(found);
      Kit.say(summary, [`共 ${sum("guesses")} 处可猜，猜过 ${sum("guessed")} 处；共 ${sum("questions")} 题，答过 ${sum("answered")} 题，答对 ${sum("right")} 题。`,
        `${sum("guessed")} of ${sum("guesses")} guesses made; ${sum("answered")} of ${sum("questions")} questions answered, ${sum("right")} right.`]);
      host.dataset.right = sum("right");
      host.dataset.guessed = sum("guessed");
      host.dataset.answered = sum("answered");
    }
    Kit.progress.onChange(draw);
    return { draw };
  }

  Kit.figure("progress", { title: ["学到哪里了", "How far you have come"], defaults: {}, packs: ["quizzes"], make });
})(globalThis.Kit);
