/* The unrolled network: steps from left to right, layers from below to above.

   const net = Kit.network(label, {pick, speak, height, column})
     pick(t, l)   the reader chooses step t (pointer or arrow keys); l: the layer pointed at, or null by key
     speak(t)     a pair: what stands there
     column       least width of a step in pixels (30): longer networks scroll in their own box
   net.el, net.draw({T, layers: 1, directions: 1, ...})
     letters, predictions   lists of characters under and above the network, or none
     recurrent    true, or false: no arrows along time (a convolution has none)
     at           the chosen step, or null
     node(l, t, d) -> {v, words, mark}
                  v from -1 to 1 colours it, words stand in it, mark frames it; d: 0 forward, 1 backward
     edge({kind, l, t, d}) -> {strength, mark, words, hide}
                  kind: "in" (letter to layer 0), "on" (from step t to its next), "up" (layer l to l + 1),
                  "out" (top layer to prediction). strength 0..1: width and ink. mark: "path" highlights it,
                  "back" too, and turns it round
     extra        [{from: [l, t], to: [l, t], strength, mark, bend}]: other arrows; l = -1: the letters,
                  l = layers: the predictions
     flowing      true: marked arrows flow (not under reduced motion)
     names        {letters, layers: [pair, ...], predictions}: words at the left edge, where there is room
   Keyboard with pick: arrows, Home, End (role slider); without it, a picture. */
(function (Kit) {
  "use strict";
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const TOP = 30,
    FOOT = 34; // room for predictions and letters

  function network(label, { pick, speak, height, column = 30 } = {}) {
    const svg = Kit.svg("svg", { "aria-hidden": "true" }),
      over = Kit.el("div", { class: "fig-net__over", "aria-hidden": "true" });
    const inner = Kit.el("div", { class: "fig-net__inner" }, svg, over);
    const role = pick
      ? {
          role: "slider",
          "aria-valuemin": 1,
          "aria-valuemax": 1,
          "aria-valuenow": 1,
          "aria-orientation": "horizontal",
        }
      : { role: "img" };
    const el = Kit.el(
      "div",
      { class: "fig-net" + (pick ? "" : " is-still"), tabindex: "0", "aria-label": label, ...role },
      inner,
    );
    let model = null,
      plan = null;

    /* ----- places ----- */
    function layOut() {
      const { T, layers, directions } = model,
        named = model.names && el.clientWidth > 560 ? 92 : 0;
      const least = (directions > 1 ? 1.5 : 1) * column,
        width = Math.max(el.clientWidth, T * least + named);
      const pitch = (width - named) / T,
        level = directions > 1 ? 84 : 64;
      const tall = height || TOP + FOOT + layers * level,
        r = clamp(pitch * (directions > 1 ? 0.2 : 0.3), 6, 15);
      const step = (tall - TOP - FOOT) / layers,
        dx = directions > 1 ? Math.min(pitch * 0.22, 22) : 0,
        dy = directions > 1 ? step * 0.16 : 0;
      return {
        width,
        tall,
        pitch,
        r,
        named,
        x: (t, d = 0) => named + pitch * (t + 0.5) + (d ? dx : -dx),
        mid: (t) => named + pitch * (t + 0.5),
        y: (l, d = 0) =>
          l < 0 ? tall - FOOT + 4 : l >= layers ? TOP - 4 : tall - FOOT - step * (l + 0.5) + (d ? -dy : dy),
      };
    }
    /* A layer's node, a letter (l < 0) or a prediction (l = layers): the middle, and how far arrows keep
       away. */
    const node = (l, t, d) => ({
      x: l < 0 || l >= model.layers ? plan.mid(t) : plan.x(t, d),
      y: plan.y(l, d),
      r: l < 0 || l >= model.layers ? 4 : plan.r + 2,
    });

    /* ----- arrows ----- */
    function arrow(from, to, style, bend = 0) {
      const strength = style.strength === undefined ? 0.35 : clamp(style.strength, 0, 1),
        back = style.mark === "back";
      const [a, b] = back ? [to, from] : [from, to],
        dx = b.x - a.x,
        dy = b.y - a.y,
        long = Math.hypot(dx, dy) || 1;
      const wide = 0.8 + 4.2 * strength,
        head = Math.min(3.5 + 1.3 * wide, 0.5 * Math.max(1, long - a.r - b.r)),
        ux = dx / long,
        uy = dy / long;
      const start = [a.x + ux * a.r, a.y + uy * a.r],
        tip = [b.x - ux * b.r, b.y - uy * b.r],
        neck = [tip[0] - ux * head, tip[1] - uy * head];
      const wing = head * 0.55,
        flows = style.mark && model.flowing ? " is-flowing" : "",
        cls = `fig-net__edge${style.mark ? " is-" + style.mark : ""}${flows}`;
      const sides = [-1, 1].map((k) => [neck[0] + k * uy * wing, neck[1] - k * ux * wing]);
      const curve = bend ? `Q${(a.x + b.x) / 2 - uy * bend} ${(a.y + b.y) / 2 + ux * bend} ` : "L";
      const faint = style.mark ? 0.35 + 0.65 * strength : 0.22 + 0.78 * strength;
      svg.append(
        Kit.svg(
          "g",
          { class: cls, opacity: faint.toFixed(2), "data-edge": style.name },
          Kit.svg("path", {
            class: "fig-net__line",
            "stroke-width": wide.toFixed(2),
            d: `M${start.map(fix)}${curve}${neck.map(fix)}`,
          }),
          Kit.svg("path", {
            class: "fig-net__head",
            d: `M${tip.map(fix)}L${sides[0].map(fix)}L${sides[1].map(fix)}Z`,
          }),
        ),
      );
      if (style.words) say((a.x + b.x) / 2, (a.y + b.y) / 2, "is-edge", style.words);
    }
    const fix = (v) => Number(v.toFixed(1));
    function edge(kind, l, t, d, from, to) {
      const style = (model.edge && model.edge({ kind, l, t, d })) || {};
      if (!style.hide) arrow(from, to, { ...style, name: `${kind} ${l} ${t} ${d}` });
    }
    function edges() {
      const { T, layers, directions, recurrent } = model;
      for (let t = 0; t < T; t++) {
        for (let d = 0; d < directions; d++) {
          edge("in", -1, t, d, node(-1, t), node(0, t, d));
          for (let l = 0; l < layers; l++) {
            const next = d ? t - 1 : t + 1;
            if (recurrent && next >= 0 && next < T) edge("on", l, t, d, node(l, t, d), node(l, next, d));
            if (l + 1 < layers) edge("up", l, t, d, node(l, t, d), node(l + 1, t, d));
          }
          if (model.predictions) edge("out", layers - 1, t, d, node(layers - 1, t, d), node(layers, t));
        }
      }
      for (const e of model.extra || [])
        arrow(
          node(e.from[0], e.from[1], 0),
          node(e.to[0], e.to[1], 0),
          { name: `extra ${e.from} ${e.to}`, ...e },
          e.bend || 0,
        );
    }

    /* ----- nodes and words ----- */
    function say(x, y, cls, words) {
      over.append(
        Kit.el(
          "span",
          { class: "fig-net__label " + cls, style: { left: fix(x) + "px", top: fix(y) + "px" } },
          words,
        ),
      );
    }
    function nodes() {
      for (let l = 0; l < model.layers; l++) {
        for (let t = 0; t < model.T; t++) {
          for (let d = 0; d < model.directions; d++) {
            const look = (model.node && model.node(l, t, d)) || {},
              { x, y } = node(l, t, d),
              filled = look.v !== undefined;
            svg.append(
              Kit.svg("circle", {
                class: `fig-net__node${look.mark ? " is-marked" : ""}`,
                cx: fix(x),
                cy: fix(y),
                r: plan.r,
                style: filled ? `fill:${Kit.colour(el, "signed", look.v)}` : null,
                "data-node": `${l} ${t} ${d}`,
              }),
            );
            if (look.words) {
              say(x, y, "is-node", look.words);
              if (filled) over.lastChild.style.color = Kit.readable(el, "signed", look.v);
            }
          }
        }
      }
    }
    function words() {
      const { T, layers, letters, predictions, names, at } = model;
      for (let t = 0; t < T; t++) {
        const here = t === at ? " is-here" : "";
        if (letters && letters[t] !== undefined)
          say(plan.mid(t), plan.tall - FOOT / 2 + 2, "is-letter" + here, Kit.shown(letters[t]));
        if (predictions && predictions[t] !== undefined && predictions[t] !== null)
          say(plan.mid(t), TOP / 2, "is-letter" + here, Kit.shown(predictions[t]));
      }
      if (!plan.named) return;
      if (names.letters) say(0, plan.tall - FOOT / 2 + 2, "is-name", names.letters);
      if (names.predictions) say(0, TOP / 2, "is-name", names.predictions);
      for (let l = 0; l < layers; l++)
        if (names.layers && names.layers[l])
          say(0, (plan.y(l, 0) + plan.y(l, 1)) / 2, "is-name", names.layers[l]);
    }
    function column_() {
      if (model.at === null || model.at === undefined) return;
      svg.append(
        Kit.svg("rect", {
          class: "fig-net__at",
          x: fix(plan.mid(model.at) - plan.pitch / 2 + 1),
          width: fix(plan.pitch - 2),
          y: 1,
          height: plan.tall - 2,
          rx: 6,
        }),
      );
    }
    function tell() {
      if (!pick) return;
      const at = model.at || 0;
      el.setAttribute("aria-valuemax", model.T);
      el.setAttribute("aria-valuenow", at + 1);
      if (speak) el.setAttribute("aria-valuetext", Kit.text(speak(at)));
    }
    function view() {
      /* the chosen step is in view */
      if (model.at === null || model.at === undefined || plan.width <= el.clientWidth + 1) return;
      const x = plan.mid(model.at),
        room = el.clientWidth,
        edge_ = plan.pitch;
      if (x - edge_ < el.scrollLeft) el.scrollLeft = x - edge_;
      else if (x + edge_ > el.scrollLeft + room) el.scrollLeft = x + edge_ - room;
    }
    function paint() {
      if (!model || !el.clientWidth) return;
      plan = layOut();
      Object.assign(inner.style, { width: plan.width + "px", height: plan.tall + "px" });
      svg.setAttribute("viewBox", `0 0 ${plan.width} ${plan.tall}`);
      svg.replaceChildren();
      over.replaceChildren();
      column_();
      edges();
      nodes();
      words();
      tell();
      view();
    }

    if (pick) {
      const at = (event) => {
        const box = inner.getBoundingClientRect(),
          y = event.clientY - box.top;
        const t = clamp(Math.floor((event.clientX - box.left - plan.named) / plan.pitch), 0, model.T - 1);
        const l = Array.from({ length: model.layers }, (_, k) => k).sort(
          (a, b) => Math.abs(plan.y(a) - y) - Math.abs(plan.y(b) - y),
        )[0];
        return [t, y > plan.tall - FOOT ? -1 : y < TOP ? model.layers : l];
      };
      let held = false;
      el.addEventListener("pointerdown", (event) => {
        if (event.button || !plan) return;
        if (event.clientY > el.getBoundingClientRect().top + el.clientHeight) return; // the scroll bar
        held = event.pointerType === "mouse";
        pick(...at(event));
      });
      el.addEventListener("pointermove", (event) => {
        if (held && event.buttons) pick(...at(event));
      });
      for (const end of ["pointerup", "pointercancel", "pointerleave"])
        el.addEventListener(end, () => {
          held = false;
        });
      el.addEventListener("keydown", (event) => {
        if (!model || event.altKey || event.ctrlKey || event.metaKey) return;
        const now = model.at || 0,
          to = {
            ArrowLeft: now - 1,
            ArrowRight: now + 1,
            ArrowDown: now - 1,
            ArrowUp: now + 1,
            Home: 0,
            End: model.T - 1,
          }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        pick(clamp(to, 0, model.T - 1), null);
      });
    }
    new ResizeObserver(() => paint()).observe(el);
    Kit.onLang(Object.assign(() => model && tell(), { node: el }));
    Kit.onTheme(Object.assign(paint, { node: el }));
    return {
      el,
      draw(next) {
        model = { layers: 1, directions: 1, recurrent: true, at: null, ...next };
        paint();
      },
    };
  }

  Kit.network = network;
})(globalThis.Kit);
