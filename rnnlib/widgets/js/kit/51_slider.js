/* A labelled slider with its value.

   const slider = Kit.slider(label, {min, max, value, step, log, ticks, unit, format, reset}, change)
     value    the default, and where it starts
     step     the smallest move (a hundredth of the range); with log: moves per factor of ten (20)
     log      true: equal moves multiply
     ticks    numbers, or {value, words}, written under the line
     unit     a pair after the value
     format   value -> string or pair (as short as the step allows)
     reset    false: no way back to the default (else double click, or the round arrow)
   change(value, done)   on every move; done is true when the reader lets go
   slider.el, slider.draw(value)
   Kit.short(v)   a number as short as it can be written: 0.01, 250, 3·10⁻⁴
   Keyboard: as every slider of the browser; Delete goes back to the default. */
(function (Kit) {
  "use strict";
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

  /* As many places as the step has: 0.05 -> 2. */
  const places = (step) => clamp(Math.ceil(-Math.log10(step) - 1e-9), 0, 6);

  const SUPER = {
    "-": "\u207b",
    0: "\u2070",
    1: "\u00b9",
    2: "\u00b2",
    3: "\u00b3",
    4: "\u2074",
    5: "\u2075",
    6: "\u2076",
    7: "\u2077",
    8: "\u2078",
    9: "\u2079",
  };
  /* 0.01, 250, 3·10⁻⁴ */
  function short(v) {
    const size = Math.abs(v),
      plain = String(Number(v.toPrecision(3))).replace("-", "\u2212");
    if (v === 0 || (size < 1e5 && size >= 0.001)) return plain;
    const e = Math.floor(Math.log10(size) + 1e-9),
      m = Number((v / 10 ** e).toPrecision(2));
    return (m === 1 ? "" : m + "\u00b7") + "10" + String(e).replace(/./g, (c) => SUPER[c]);
  }

  /* Between the value and the place on the line, which the browser counts in whole steps. */
  function scale({ min, max, step, log }) {
    if (!log) {
      const one = step || (max - min) / 100,
        count = Math.round((max - min) / one),
        digits = places(one);
      return {
        count,
        at: (v) => Math.round((v - min) / one),
        value: (i) => Number((min + i * one).toFixed(Math.max(digits, places(Math.abs(min) || 1)))),
        share: (v) => (v - min) / (max - min),
        say: (v) => v.toFixed(digits).replace("-", "\u2212"),
      };
    }
    const per = step || 20,
      count = Math.round(Math.log10(max / min) * per);
    const value = (i) =>
      i <= 0 ? min : i >= count ? max : Number((min * (max / min) ** (i / count)).toPrecision(2));
    const share = (v) => Math.log(v / min) / Math.log(max / min);
    return { count, at: (v) => Math.round(share(v) * count), value, share, say: short };
  }

  function slider(label, options, change) {
    const { min, max, value, ticks = [], unit, format, reset = true } = options,
      way = scale(options);
    const id = Kit.id("slider");
    const input = Kit.el("input", { class: "fig-range", type: "range", id, min: 0, max: way.count, step: 1 });
    const out = Kit.el("output", { class: "fig-slider__value", for: id });
    const back = Kit.el(
      "button",
      {
        class: "fig-slider__back",
        type: "button",
        "aria-label": ["恢复默认：" + label[0], "Back to the default: " + label[1]],
        title: ["恢复默认", "Back to the default"],
        onclick: () => {
          home();
          input.focus();
        },
      },
      Kit.icon("again"),
    );
    const marks = ticks.map((tick) => {
      const { value: v, words } = typeof tick === "object" ? tick : { value: tick },
        at = clamp(way.share(v), 0, 1);
      const side = at < 0.02 ? "is-first" : at > 0.98 ? "is-last" : null; // words never reach beyond the line
      return Kit.el("span", { class: side, style: { "--at": at.toFixed(4) } }, words || (format || short)(v));
    });
    const el = Kit.el(
      "div",
      { class: "fig-slider" },
      Kit.el("label", { class: "fig-slider__label", for: id }, label),
      Kit.el(
        "span",
        { class: "fig-slider__line" },
        input,
        marks.length ? Kit.el("span", { class: "fig-slider__ticks", "aria-hidden": "true" }, ...marks) : null,
      ),
      out,
      reset ? back : null,
    );
    let now = value;

    const words = () => {
      const said = (format || way.say)(now),
        pair = Array.isArray(said) ? said : [said, said];
      return unit ? [pair[0] + " " + unit[0], pair[1] + " " + unit[1]] : pair;
    };
    const speak = () => input.setAttribute("aria-valuetext", Kit.text(words()));
    function draw(v) {
      now = v;
      input.value = way.at(v);
      input.style.setProperty("--share", clamp(way.share(v), 0, 1).toFixed(4));
      const pair = words();
      if (pair[0] === pair[1]) out.textContent = pair[0];
      else Kit.say(out, pair);
      back.style.visibility = v === value ? "hidden" : "";
      el.dataset.value = v;
      speak();
    }
    function go(v, done) {
      draw(v);
      if (change) change(v, done);
    }
    const home = () => {
      if (now !== value) go(value, true);
    };
    input.addEventListener("input", () => go(way.value(Number(input.value)), false));
    input.addEventListener("change", () => {
      if (change) change(now, true);
    });
    if (reset) {
      input.addEventListener("dblclick", home);
      input.addEventListener("keydown", (event) => {
        if (!["Delete", "Backspace"].includes(event.key)) return;
        event.preventDefault();
        home();
      });
    }
    Kit.onLang(Object.assign(speak, { node: el }));
    draw(value);
    return { el, input, draw };
  }

  Object.assign(Kit, { slider, short });
})(globalThis.Kit);
