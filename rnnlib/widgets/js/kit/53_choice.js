/* Choosing: a few buttons of which one is on, a word in a sentence, a box to tick.

   Kit.choice(label, choices, change, {value, hide})
     buttons in a row, role radiogroup; hide: the label is for ears only
   Kit.word(label, choices, change, {value, after})
     a native <select> that looks like an underlined word; after: punctuation that must not start a line
   Kit.toggle(label, change, {value})
     a box to tick, with its words
   choices   [{value, words: ["中文", "English"], off}]; off: cannot be chosen now
   change(value)
   Each gives {el, draw(value)}; choice and word also take draw(value, choices) for new choices.
   Keyboard: choice: arrows, Home, End move and choose; the others as in every browser. */
(function (Kit) {
  "use strict";
  function choice(label, choices, change, { value, hide } = {}) {
    const id = Kit.id("choice"),
      group = Kit.el("div", { class: "fig-choice__group", role: "radiogroup", "aria-labelledby": id });
    const el = Kit.el(
      "div",
      { class: "fig-choice" },
      Kit.el("span", { class: hide ? "fig-hidden" : "fig-choice__label", id }, label),
      group,
    );
    let buttons = [],
      now = value,
      list = [];

    function mark() {
      const on = list.findIndex((c) => c.value === now),
        first = list.findIndex((c) => !c.off);
      buttons.forEach((button, i) => {
        button.setAttribute("aria-checked", String(i === on));
        button.tabIndex = i === (on < 0 ? first : on) ? 0 : -1;
      });
      el.dataset.value = now;
    }
    function take(i) {
      if (list[i].off) return;
      const same = list[i].value === now;
      now = list[i].value;
      mark();
      buttons[i].focus({ preventScroll: true });
      if (!same) change(now);
    }
    function build(next) {
      list = next;
      buttons = list.map((c, i) =>
        Kit.el(
          "button",
          {
            class: "fig-choice__one",
            type: "button",
            role: "radio",
            "aria-disabled": c.off ? "true" : null,
            onclick: () => take(i),
          },
          c.words,
        ),
      );
      group.replaceChildren(...buttons);
    }
    group.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: "first", End: "last" }[
        event.key
      ];
      if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const free = list.map((c, i) => i).filter((i) => !list[i].off),
        at = free.indexOf(buttons.indexOf(document.activeElement));
      if (free.length)
        take(
          by === "first"
            ? free[0]
            : by === "last"
              ? free[free.length - 1]
              : free[(at + by + free.length) % free.length],
        );
    });
    build(choices);
    mark();
    return {
      el,
      draw(v, next) {
        if (next) build(next);
        now = v;
        mark();
      },
    };
  }

  /* The words of an option are its text and its label, which follow the switch of language: a select shows the
     label, some screen readers read the text only. */
  function word(label, choices, change, { value, after } = {}) {
    const select = Kit.el("select", { class: "fig-word", "aria-label": label });
    const el = after ? Kit.el("span", { class: "fig-keep" }, select, after) : select;
    let list = [];
    const write = () => list.forEach((c, i) => (select.options[i].textContent = Kit.text(c.words)));
    function build(next) {
      list = next;
      select.replaceChildren(
        ...list.map((c, i) => Kit.el("option", { value: i, label: c.words, disabled: c.off })),
      );
      write();
    }
    Kit.onLang(Object.assign(write, { node: select }));
    function draw(v, next) {
      if (next) build(next);
      select.selectedIndex = list.findIndex((c) => c.value === v);
    }
    select.addEventListener("change", () => change(list[select.selectedIndex].value));
    build(choices);
    draw(value === undefined ? choices[0].value : value);
    return { el, select, draw };
  }

  function toggle(label, change, { value = false } = {}) {
    const input = Kit.el("input", {
      type: "checkbox",
      class: "fig-toggle__box",
      onchange: () => change(input.checked),
    });
    const draw = (v) => {
      input.checked = Boolean(v);
    };
    draw(value);
    return { el: Kit.el("label", { class: "fig-toggle" }, input, Kit.el("span", {}, label)), input, draw };
  }

  Object.assign(Kit, { choice, word, toggle });
})(globalThis.Kit);
