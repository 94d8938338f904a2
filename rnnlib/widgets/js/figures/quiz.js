/* The questions at the end of a chapter (pack "quizzes"): checked in the page, explained in both languages, kept in this
   browser only. */
(function (Kit) {
  "use strict";
  const name = (chapter) => String(Math.round(chapter)).padStart(2, "0");

  async function make(host, fig) {
    const pack = await fig.pack("quizzes"), id = name(fig.values.chapter), questions = pack.chapters[id];
    if (!questions) throw new Error(`there are no questions for chapter ${id}`);
    const done = ({ answered, right }) => { host.dataset.answered = answered; host.dataset.right = right; };
    host.dataset.questions = questions.length;
    const quiz = Kit.quiz(host, { id, questions, title: ["考考自己", "Check yourself"], change: done });
    done(quiz.el.dataset); // what was kept from before
    host.append(Kit.el("p", { class: "fig-note" }, ["答案只留在这个浏览器里。", "Your answers stay in this browser."]));
    return { draw() {} };
  }

  Kit.figure("quiz", { title: ["考考自己", "Check yourself"], defaults: { chapter: 1 }, packs: ["quizzes"], make });
})(globalThis.Kit);
