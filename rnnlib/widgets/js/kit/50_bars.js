/* Probability bars: what comes next.

   const bars = Kit.bars(count, {label, pick})     the `count` most probable characters, a row each
   bars.draw(p, letters, truth)
     p: probabilities; letters: a string or list; truth: the character that really comes (marked), or nothing
   const two = Kit.twobars(count, {names: [left, right], label, pick})
   two.draw(p, q, letters, truth)                  two networks: p left, q right, sorted by the larger
     pick(v, letter)   given, every row is a button: the reader chooses character v
   The bars' lengths are said as per cent. Keyboard: with pick, Tab and Enter. */
(function (Kit) {
  "use strict";
  const percent = (p) => (p > 0 && p < 0.005 ? "< 1 %" : Math.round(p * 100) + " %");
  const NEXT = ["下一个字符", "The next character"];

  function row(host, sides, pick) {
    const r = { letter: Kit.el("span", { class: "fig-bars__letter" }), v: -1 };
    r.sides = sides.map((side) => ({
      bar: Kit.el("span", { class: "fig-bars__bar is-" + side, "aria-hidden": "true" }),
      value: Kit.el("span", { class: "fig-bars__value is-" + side }),
    }));
    const [a, b] = r.sides;
    const parts = b ? [a.value, a.bar, r.letter, b.bar, b.value] : [r.letter, a.bar, a.value];
    r.el = Kit.el("div", { class: "fig-bars__row", role: "listitem" });
    if (pick)
      r.el.append(
        Kit.el(
          "button",
          { class: "fig-bars__pick", type: "button", onclick: () => r.v >= 0 && pick(r.v, r.c) },
          ...parts,
        ),
      );
    else r.el.append(...parts);
    host.append(r.el);
    return r;
  }

  function write(r, v, values, c, truth) {
    r.el.hidden = v === undefined;
    if (r.el.hidden) return;
    Object.assign(r, { v, c });
    r.letter.textContent = Kit.shown(c);
    r.el.toggleAttribute("data-true", c === truth);
    r.sides.forEach((side, i) => {
      side.bar.style.setProperty("--p", values[i].toFixed(4));
      side.value.textContent = percent(values[i]);
    });
  }

  function order(keyOf, n, count) {
    return Array.from({ length: n }, (_, v) => v)
      .sort((a, b) => keyOf(b) - keyOf(a))
      .slice(0, count);
  }

  function bars(count, { label = NEXT, pick } = {}) {
    const el = Kit.el("div", { class: "fig-bars", role: "list", "aria-label": label });
    const rows = Array.from({ length: count }, () => row(el, ["one"], pick));
    return {
      el,
      draw(p, letters, truth) {
        const best = order((v) => p[v], p.length, count);
        rows.forEach((r, i) => write(r, best[i], [p[best[i]]], letters[best[i]], truth));
      },
    };
  }

  function twobars(count, { names, label = NEXT, pick } = {}) {
    const list = Kit.el("div", { class: "fig-bars fig-bars--two", role: "list", "aria-label": label });
    const rows = Array.from({ length: count }, () => row(list, ["left", "right"], pick));
    const head =
      names &&
      Kit.el("div", { class: "fig-bars__names" }, Kit.el("span", {}, names[0]), Kit.el("span", {}, names[1]));
    return {
      el: Kit.el("div", { class: "fig-bars__two" }, head, list),
      draw(p, q, letters, truth) {
        const best = order((v) => Math.max(p[v], q[v]), p.length, count);
        rows.forEach((r, i) => write(r, best[i], [p[best[i]], q[best[i]]], letters[best[i]], truth));
      },
    };
  }

  Object.assign(Kit, { bars, twobars });
})(globalThis.Kit);
