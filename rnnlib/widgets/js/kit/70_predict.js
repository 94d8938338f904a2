/* Question first, then the answer.

   const p = Kit.predict(host, {id, question, choices, reveal, remember})
     id         the guess is kept in this browser under book:guess:ID (72_progress.js)
     question   a pair
     choices    [{words, right}]
     reveal(guess, fresh)   called once the reader has committed; guess is null for "just show me"; fresh:
                just now, not remembered. Gives a list of nodes or pairs, or {now, then}: a list to show while
                it is found out, and a promise of the rest
     remember   false: forget at once
   p.el, p.ask()            asks again
   Keyboard: buttons; after a guess the answer takes the focus. */
(function (Kit) {
  "use strict";
  function predict(host, { id, question, choices, reveal, remember = true }) {
    const key = "guess:" + id,
      right = choices.findIndex((c) => c.right);
    const el = Kit.el("div", { class: "fig-predict" });
    const keep = (guess) => {
      if (remember)
        Kit.progress.set(key, guess === null ? null : { guess, right: guess === right, at: Date.now() });
    };
    host.append(el);

    function ask() {
      const button = (words, cls, guess) =>
        Kit.el(
          "button",
          {
            class: "fig-button" + cls,
            type: "button",
            onclick: () => {
              keep(guess);
              tell(guess, true);
            },
          },
          words,
        );
      el.replaceChildren(
        Kit.el(
          "fieldset",
          {},
          Kit.el("legend", {}, question),
          Kit.el(
            "div",
            { class: "fig-predict__choices" },
            ...choices.map((c, i) => button(c.words, "", i)),
            button(["直接看", "just show me"], " fig-predict__skip", null),
          ),
        ),
      );
      delete el.dataset.guess;
    }
    function judged(guess) {
      const yours = [
        Kit.el("span", { class: "fig-muted" }, ["你猜的是：", "Your guess: "]),
        choices[guess].words,
      ];
      const verdict = (words) => Kit.el("span", { class: "fig-predict__verdict" }, words);
      if (guess === right) return [verdict(["猜中了。", "You got it. "]), ...yours];
      return [
        verdict(["和你猜的不一样。", "Not what you guessed. "]),
        ...yours,
        Kit.el("span", { class: "fig-muted" }, ["；实际是：", "; what happened: "]),
        choices[right].words,
      ];
    }
    function tell(guess, fresh) {
      const verdict = Kit.el("p"),
        answer = Kit.el(
          "div",
          { class: "fig-predict__answer", tabindex: "-1" },
          Kit.el("p", { class: "fig-predict__question" }, question),
          verdict,
        );
      const put = (parts) =>
        answer.append(...parts.map((part) => (part instanceof Node ? part : Kit.el("p", {}, part))));
      const again = () =>
        answer.append(
          Kit.el(
            "p",
            {},
            Kit.el(
              "button",
              {
                class: "fig-link",
                type: "button",
                onclick: () => {
                  keep(null);
                  ask();
                  el.querySelector("button").focus();
                },
              },
              ["再问一次", "Ask me again"],
            ),
          ),
        );
      const finish = (parts) => {
        if (guess === null) verdict.remove();
        else (verdict.replaceChildren(), Kit.fill(verdict, ...judged(guess)));
        put(parts);
        again();
      };
      el.replaceChildren(answer);
      el.dataset.guess = guess === null ? "skip" : guess;
      const found = reveal(guess, fresh);
      if (Array.isArray(found)) finish(found);
      else {
        if (guess !== null)
          Kit.fill(
            verdict,
            Kit.el("span", { class: "fig-muted" }, ["你猜的是：", "Your guess: "]),
            choices[guess].words,
          );
        put(found.now);
        found.then.then(finish);
      }
      if (fresh) answer.focus({ preventScroll: true });
    }
    const kept = remember ? Kit.progress.get(key) : null;
    if (kept && choices[kept.guess]) tell(kept.guess, false);
    else ask();
    return { el, ask };
  }

  Kit.predict = predict;
})(globalThis.Kit);
