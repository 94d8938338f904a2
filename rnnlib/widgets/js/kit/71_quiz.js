/* A few questions with two tries each, explained once settled; kept in this browser under book:quiz:ID.

   const quiz = Kit.quiz(host, {id, questions, title, change})
     questions   a list of
       {kind: "choice", question, choices: [{words, right, why}], why}    one is right; the page
                                                                          shows them in another order
       {kind: "number", question, answer, tolerance, unit, why}           tolerance: absolute (0: exact)
       {kind: "shape", question, answer, axes, mistakes: [{shape, why}], why}     answer: sizes; axes: their letters
       {kind: "order", question, lines, why}       lines in the right order: strings are code, pairs are words
     why         a pair, a node, or a list of both
     change({right, of, answered})   after every question that is settled, or asked again
   quiz.el, quiz.reset()
   After a first wrong answer the reader tries again, or asks to be told; the second settles it.
   Kept: {answers: [...], right: [true, false, null, ...], tries: [1, 2, null, ...], of: 3, at: milliseconds}.
   Keyboard: buttons and fields; a line moves with its two buttons, or with Up and Down on its grip. */
(function (Kit) {
  "use strict";
  const list = (why) => (!why ? [] : why instanceof Node || typeof why[0] === "string" ? [why] : why);
  const nodes = (why) => list(why).map((part) => (part instanceof Node ? part : Kit.el("p", {}, part)));

  /* "１,5", "1.5。", "C = 1.5" and "3/2" are numbers too; "" is not. */
  function number(string) {
    const plain = string
      .normalize("NFKC")
      .replace(/[。.,;!\s]+$/, "")
      .replace(/^.*[=≈:]/, "")
      .trim();
    const halves = plain.split("/");
    return halves.length === 2 ? decimal(halves[0]) / decimal(halves[1]) : decimal(plain);
  }
  function decimal(string) {
    const plain = string
      .trim()
      .replace(/\u2212/g, "-")
      .replace(/,(?=\d{1,2}$)/, ".")
      .replace(/[,\s]/g, "")
      .replace(/%$/, "");
    return plain === "" ? NaN : Number(plain);
  }

  /* "(32, 35, 256)", "32 x 35 x 256" and "[32 35 256]" are shapes; "" and "(B, T, H)" are not. */
  function shape(string) {
    const plain = string.normalize("NFKC").replace(/^.*=/, "").trim();
    const parts = plain
      .replace(/torch\.Size/i, "")
      .split(/[\s,;x×*()[\]、。.]+/)
      .filter(Boolean);
    return parts.length && parts.every((part) => /^\d+$/.test(part)) ? parts.map(Number) : NaN;
  }
  const tuple = (sizes) => `(${sizes.join(", ")}${sizes.length === 1 ? "," : ""})`;
  /* What is wrong with a wrong shape: as the question says, else what can be said of any. */
  function astray(one, answer) {
    if (same(answer, one.answer)) return [];
    const known = (one.mistakes || []).find((mistake) => same(mistake.shape, answer));
    if (known) return list(known.why);
    const n = one.answer.length,
      axis = answer.findIndex((size, i) => size !== one.answer[i]);
    if (answer.length !== n)
      return [[`维数是 ${n}，你写了 ${answer.length} 维。`, `It has ${n} axes; you wrote ${answer.length}.`]];
    if (same([...answer].sort(), [...one.answer].sort()))
      return [["大小都对，次序不对。", "All the sizes are there, in another order."]];
    return [[`先看 ${one.axes[axis]} 这一维。`, `Look at axis ${one.axes[axis]} first.`]];
  }

  /* A field for what is typed, with a button; what can't be read is answered by words, not counted. */
  function typed(unit, read, commit, inputmode, words) {
    const note = Kit.el("span", { class: "fig-field__note", role: "status", hidden: true }),
      id = Kit.id("quiz");
    const input = Kit.el("input", {
      class: "fig-field__input fig-quiz__number",
      id,
      inputmode,
      autocomplete: "off",
      "aria-label": ["你的答案", "Your answer"],
    });
    const check = () => {
      const v = read(input.value);
      note.hidden = !Number.isNaN(v) && v !== Infinity && v !== -Infinity;
      if (note.hidden) commit(v);
      else Kit.say(note, words);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) check();
    });
    return [
      Kit.el(
        "div",
        { class: "fig-controls" },
        input,
        unit ? Kit.el("span", { class: "fig-muted" }, unit) : null,
        Kit.el("button", { class: "fig-button", type: "button", onclick: check }, ["看对不对", "check"]),
        note,
      ),
    ];
  }
  function select(box) {
    const input = box.querySelector("input");
    if (document.activeElement === input) input.select();
  }

  /* The same disorder for everybody. */
  function mixed(n, seed) {
    let s = Array.from(seed).reduce((h, c) => (h * 31 + c.codePointAt(0)) >>> 0, 7);
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      s = (s * 1664525 + 1013904223) >>> 0;
      const j = Math.floor((s / 4294967296) * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
  /* The same, and never the right order. */
  function shuffle(n, seed) {
    const order = mixed(n, seed);
    return order.every((v, i) => v === i) ? order.reverse() : order;
  }

  /* ----- four kinds: ask(one, commit) -> nodes; judge(one, answer) -> right?; told(one, answer) -> words;
     solution(one) -> words or a node; missed(box, answer): mark what was wrong ----- */
  const KINDS = {
    choice: {
      ask: (one, commit) => [
        Kit.el(
          "div",
          { class: "fig-predict__choices" },
          ...mixed(one.choices.length, JSON.stringify(one.question)).map((i) =>
            Kit.el(
              "button",
              {
                class: "fig-button",
                type: "button",
                "data-choice": i,
                onclick: (event) => {
                  if (!event.currentTarget.hasAttribute("aria-disabled")) commit(i);
                },
              },
              one.choices[i].words,
            ),
          ),
        ),
      ],
      judge: (one, answer) => Boolean(one.choices[answer] && one.choices[answer].right),
      told: (one, answer) => one.choices[answer].words,
      solution: (one) => one.choices.find((c) => c.right).words,
      missed: (box, answer) =>
        box.querySelector(`[data-choice="${answer}"]`).setAttribute("aria-disabled", "true"),
      why: (one, answer) => [...list(one.choices[answer].why), ...list(one.why)],
      valid: (one, answer) => Number.isInteger(answer) && answer >= 0 && answer < one.choices.length,
    },
    number: {
      ask: (one, commit) =>
        typed(one.unit, number, commit, "decimal", [
          "请写一个数，比如 0.5 或 1/2。",
          "Please write a number, such as 0.5 or 1/2.",
        ]),
      judge: (one, answer) => Math.abs(answer - one.answer) <= (one.tolerance || 0) + 1e-12,
      missed: select,
      told: (one, answer) => [String(answer), String(answer)],
      solution: (one) => [String(one.answer), String(one.answer)],
      why: (one) => list(one.why),
      valid: (one, answer) => Number.isFinite(answer),
    },
    shape: {
      ask: (one, commit) =>
        typed(null, shape, commit, "text", [
          "请写一个形状，比如 (2, 3)。",
          "Please write a shape, such as (2, 3).",
        ]),
      judge: (one, answer) => same(answer, one.answer),
      missed: select,
      told: (one, answer) => [tuple(answer), tuple(answer)],
      solution: (one) => [tuple(one.answer), tuple(one.answer)],
      why: (one, answer) => [...astray(one, answer), ...list(one.why)],
      valid: (one, answer) => Array.isArray(answer) && answer.length > 0 && answer.every(Number.isInteger),
    },
    order: {
      ask(one, commit) {
        const rows = Kit.el("ol", { class: "fig-order" });
        const content = (line) => (Array.isArray(line) ? Kit.el("span", {}, line) : Kit.el("code", {}, line));
        const move = (li, by, back) => {
          const next = by < 0 ? li.previousElementSibling : li.nextElementSibling;
          if (!next) return;
          if (by < 0) next.before(li);
          else next.after(li);
          back.focus();
        };
        for (const i of shuffle(one.lines.length, JSON.stringify(one.question))) {
          const li = Kit.el("li", { class: "fig-order__line", "data-line": i });
          const grip = Kit.el(
            "button",
            {
              class: "fig-order__grip",
              type: "button",
              "aria-label": ["拖动，或按上下箭头键", "Drag, or press the up and down arrows"],
            },
            "\u2261",
          );
          const button = (by, words, sign) => {
            const b = Kit.el(
              "button",
              {
                class: "fig-order__move",
                type: "button",
                "aria-label": words,
                onclick: () => move(li, by, b),
              },
              sign,
            );
            return b;
          };
          grip.addEventListener("keydown", (event) => {
            const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
            if (!by) return;
            event.preventDefault();
            move(li, by, grip);
          });
          drag(grip, li);
          li.append(
            grip,
            content(one.lines[i]),
            button(-1, ["上移", "Move up"], "\u2191"),
            button(1, ["下移", "Move down"], "\u2193"),
          );
          rows.append(li);
        }
        const read = () => Array.from(rows.children, (li) => Number(li.dataset.line));
        return [
          rows,
          Kit.el(
            "p",
            {},
            Kit.el("button", { class: "fig-button", type: "button", onclick: () => commit(read()) }, [
              "就是这个顺序",
              "this is the order",
            ]),
          ),
        ];
      },
      missed() {},
      judge: (one, answer) => answer.every((v, i) => same(one.lines[v], one.lines[i])),
      told: null,
      solution: (one) =>
        Kit.el(
          "ol",
          { class: "fig-order is-solved" },
          ...one.lines.map((line) =>
            Kit.el(
              "li",
              { class: "fig-order__line" },
              Array.isArray(line) ? Kit.el("span", {}, line) : Kit.el("code", {}, line),
            ),
          ),
        ),
      why: (one) => list(one.why),
      valid: (one, answer) => Array.isArray(answer) && answer.length === one.lines.length,
    },
  };
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b); // two equal lines may change places

  /* A line follows the pointer to the place between the middles of its neighbours. */
  function drag(grip, li) {
    let held = false;
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      held = true;
      grip.setPointerCapture(event.pointerId);
      li.toggleAttribute("data-held", true);
    });
    grip.addEventListener("pointermove", (event) => {
      if (!held) return;
      const middle = (node) => {
        const box = node.getBoundingClientRect();
        return box.top + box.height / 2;
      };
      const up = li.previousElementSibling,
        down = li.nextElementSibling;
      if (up && event.clientY < middle(up))
        li.after(up); // the neighbour moves: the grip must keep the pointer
      else if (down && event.clientY > middle(down)) li.before(down);
    });
    for (const end of ["pointerup", "pointercancel"])
      grip.addEventListener(end, () => {
        held = false;
        li.removeAttribute("data-held");
      });
  }

  function quiz(host, { id, questions, title, change }) {
    const key = "quiz:" + id,
      score = Kit.el("p", { class: "fig-quiz__score", role: "status" });
    const el = Kit.el(
      "div",
      { class: "fig-quiz" },
      title ? Kit.el("p", { class: "fig-quiz__title" }, title) : null,
    );
    const boxes = questions.map(() => Kit.el("div", { class: "fig-quiz__one" }));
    el.append(...boxes, score);
    host.append(el);
    let answers = questions.map(() => null),
      tries = questions.map(() => null);

    const judged = () =>
      answers.map((a, k) => (a === null ? null : KINDS[questions[k].kind].judge(questions[k], a)));
    function count() {
      const right = judged(),
        result = {
          right: right.filter(Boolean).length,
          of: questions.length,
          answered: right.filter((r) => r !== null).length,
        },
        later = right.filter((r, k) => r && tries[k] > 1).length;
      el.dataset.right = result.right;
      el.dataset.answered = result.answered;
      score.hidden = result.answered === 0;
      Kit.say(score, [
        `共 ${result.of} 题，答了 ${result.answered} 题，对了 ${result.right} 题` +
          (later ? `（第二次才对的 ${later} 题）。` : "。"),
        `${result.answered} of ${result.of} answered, ${result.right} right` +
          (later ? ` (${later} at the second try).` : "."),
      ]);
      return result;
    }
    function keep() {
      const empty = answers.every((a) => a === null);
      Kit.progress.set(
        key,
        empty ? null : { answers, right: judged(), tries, of: questions.length, at: Date.now() },
      );
      const result = count();
      if (change) change(result);
    }
    /* a, b, c: the chapter's exercises have the numbers. */
    const place = (k) => String.fromCharCode(97 + (k % 26)) + ". ";
    function ask(k) {
      const one = questions[k],
        kind = KINDS[one.kind],
        again = Kit.el("p", { class: "fig-quiz__again", role: "status" });
      let missed = null;
      const settle = (answer, n) => {
        answers[k] = answer;
        tries[k] = n;
        tell(k, true);
        keep();
      };
      function commit(answer) {
        if (kind.judge(one, answer)) settle(answer, missed === null ? 1 : 2);
        else if (missed === null) {
          missed = answer;
          offer();
        } else if (!same(answer, missed)) settle(answer, 2); // twice the same is one try
      }
      function offer() {
        const show = Kit.el(
          "button",
          { class: "fig-link", type: "button", onclick: () => settle(missed, 1) },
          ["直接看答案", "show me the answer"],
        );
        again.replaceChildren(
          Kit.el("span", { class: "fig-predict__verdict" }, ["不对。", "Not quite. "]),
          Kit.el("span", {}, ["再试一次，或者", "Try again, or "]),
          show,
        );
        kind.missed(boxes[k], missed);
      }
      boxes[k].removeAttribute("data-right");
      boxes[k].replaceChildren(
        Kit.el("fieldset", {}, Kit.el("legend", {}, place(k), one.question), ...kind.ask(one, commit), again),
      );
    }
    /* "You said 2; the right answer is 4.": one sentence in each language; words are quoted. */
    function said(kind, given, wanted) {
      const [a, b] = kind === "number" || kind === "shape" ? ["", ""] : ["“", "”"];
      return [
        `你答的是${a || " "}${given[0]}${b}` + (wanted ? `，正确的是${a || " "}${wanted[0]}${b}。` : "。"),
        `You said ${a}${given[1]}${b}` + (wanted ? `; the right answer is ${a}${wanted[1]}${b}.` : "."),
      ];
    }
    function tell(k, fresh) {
      const one = questions[k],
        kind = KINDS[one.kind],
        right = kind.judge(one, answers[k]);
      const solution = kind.solution(one),
        late = right && tries[k] > 1;
      const verdict = Kit.el(
        "p",
        {},
        Kit.el(
          "span",
          { class: "fig-predict__verdict" },
          late
            ? ["第二次答对了。", "Right, at the second try. "]
            : right
              ? ["对。", "Right. "]
              : ["不对。", "Not quite. "],
        ),
      );
      if (kind.told) Kit.fill(verdict, said(one.kind, kind.told(one, answers[k]), right ? null : solution));
      const answer = Kit.el(
        "div",
        { class: "fig-predict__answer", tabindex: "-1" },
        Kit.el("p", { class: "fig-predict__question" }, place(k), one.question),
        verdict,
        !kind.told ? solution : null,
        ...nodes(kind.why(one, answers[k])),
        Kit.el(
          "p",
          {},
          Kit.el(
            "button",
            {
              class: "fig-link",
              type: "button",
              onclick: () => {
                answers[k] = tries[k] = null;
                ask(k);
                keep();
                boxes[k].querySelector("button, input").focus();
              },
            },
            ["再答一次", "Answer again"],
          ),
        ),
      );
      boxes[k].dataset.right = right;
      boxes[k].replaceChildren(answer);
      if (fresh) answer.focus({ preventScroll: true });
    }
    function build() {
      questions.forEach((one, k) => {
        if (answers[k] === null) ask(k);
        else tell(k, false);
      });
      count();
    }
    function recalled() {
      const kept = Kit.progress.get(key),
        old = kept && Array.isArray(kept.tries) ? kept.tries : [];
      return answers.map((a, k) => (a === null ? null : old[k] === 2 ? 2 : 1));
    }
    function recall() {
      const kept = Kit.progress.get(key),
        old =
          kept && Array.isArray(kept.answers) && kept.answers.length === questions.length ? kept.answers : [];
      return questions.map((one, k) =>
        old[k] !== undefined && old[k] !== null && KINDS[one.kind].valid(one, old[k]) ? old[k] : null,
      );
    }
    answers = recall();
    tries = recalled();
    build();
    return {
      el,
      reset() {
        answers = questions.map(() => null);
        tries = questions.map(() => null);
        build();
        keep();
      },
    };
  }

  Kit.quiz = quiz;
})(globalThis.Kit);
