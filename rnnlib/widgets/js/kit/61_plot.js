/* A small x-y plot with axes that stay: a function, measured points, something to take hold of.

   const plot = Kit.plot(label, {x: {min, max, log, words, ticks}, y: {...}, height, handle})
     words    a pair: the name of the axis, at its end
     handle   {label, axis: "x" | "y" | "xy", move(x, y), speak(x, y)}: a grip that the reader drags; move
              reports where it would be (a direction that the axis forbids keeps its value)
   plot.el, plot.key (the legend; put it under el)
   plot.draw({series: [{id, words, points: [[x, y], ...], kind: "line" | "points" | "bars", stroke: 0..5}],
              lines: [{x or y, words, mark}], notes: [{x, y, words}], handle: {x, y}, legend, x, y})
     x, y     {min, max, ...}: overrides, when an axis has to move after all
   Values outside are drawn at the edge.
   Keyboard on the grip: arrows by a fiftieth of the axis, Page Up / Down by a tenth, Home, End. */
(function (Kit) {
  "use strict";
  function plot(label, options) {
    const { height = 220, handle } = options,
      { axes, path, linearTicks, logTicks, tickWords, legend } = Kit.axes;
    const svg = Kit.svg("svg", { "aria-hidden": "true" }),
      over = Kit.el("div", { class: "fig-curve__over", "aria-hidden": "true" });
    const grip =
      handle &&
      Kit.el("div", {
        class: "fig-plot__grip is-" + (handle.axis || "xy"),
        role: "slider",
        tabindex: "0",
        "aria-label": handle.label,
        "aria-valuemin": 0,
        "aria-valuemax": 1,
        "aria-valuenow": 0,
        hidden: true,
      });
    const picture = Kit.el(
      "div",
      { class: "fig-plot__picture", role: "img", "aria-label": label },
      svg,
      over,
    );
    const el = Kit.el(
      "div",
      { class: "fig-curve fig-curve--still fig-plot", style: { height: height + "px" } },
      picture,
      grip,
    );
    const key = Kit.el("p", { class: "fig-curve__key", hidden: true });
    let model = null,
      box = null,
      map = null,
      x = null,
      y = null;

    const draw = (name, attributes) => svg.append(Kit.svg(name, attributes));
    const say = (left, top, cls, words) =>
      over.append(
        Kit.el(
          "div",
          {
            class: "fig-curve__label " + cls,
            style: { left: left.toFixed(1) + "px", top: top.toFixed(1) + "px" },
          },
          words,
        ),
      );
    const ticks = (axis, count) =>
      axis.ticks || (axis.log ? logTicks(axis.min, axis.max) : linearTicks(axis.min, axis.max, count));
    const strokeOf = (s, i) => (s.stroke === undefined ? i : s.stroke);

    function prepare() {
      const W = el.clientWidth,
        H = el.clientHeight;
      if (!W) return false;
      x = { ...options.x, ...model.x };
      y = { ...options.y, ...model.y };
      const left = Math.max(26, 9 + 7 * Math.max(...ticks(y, 4).map((v) => tickWords(v).length))),
        top = y.words ? 26 : 10;
      box = { left, top, width: W - left - 14, height: H - top - (x.words ? 42 : 26) };
      map = axes(box, x, y);
      svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
      svg.replaceChildren();
      over.replaceChildren();
      return true;
    }
    function paintAxes() {
      const foot = box.top + box.height,
        right = box.left + box.width;
      for (const v of ticks(y, 4)) {
        draw("path", { class: "fig-curve__grid", d: `M${box.left} ${map.Y(v)}H${right}` });
        say(box.left - 6, map.Y(v), "is-y", tickWords(v));
      }
      for (const v of ticks(x, box.width > 420 ? 6 : 4)) say(map.X(v), foot + 1, "is-x", tickWords(v));
      draw("path", { class: "fig-plot__axis", d: `M${box.left} ${box.top}V${foot}H${right}` });
      if (y.words) say(0, 0, "is-top", y.words);
      if (x.words) say(right, foot + 20, "is-right", x.words);
    }
    function paintSeries(s, i) {
      const cls = `fig-stroke-${strokeOf(s, i)} is-${s.id}`;
      if (s.kind === "points") {
        for (const [a, b] of s.points)
          draw("circle", { class: `fig-curve__dot ${cls}`, cx: map.X(a), cy: map.Y(b), r: 3.2 });
      } else if (s.kind === "bars") {
        const wide = Math.max(1.5, (0.72 * box.width) / Math.max(1, s.points.length)),
          foot = box.top + box.height;
        for (const [a, b] of s.points) {
          draw("rect", {
            class: `fig-plot__bar ${cls}`,
            x: (map.X(a) - wide / 2).toFixed(1),
            width: wide.toFixed(1),
            y: map.Y(b).toFixed(1),
            height: Math.max(0, foot - map.Y(b)).toFixed(1),
          });
        }
      } else if (s.points.length > 1)
        draw("path", { class: `fig-curve__series ${cls}`, d: path(s.points, map) });
    }
    function paintLines() {
      for (const l of model.lines || []) {
        const cls = "fig-curve__line" + (l.mark ? " is-marked" : ""),
          up = l.x !== undefined;
        draw("path", {
          class: cls,
          d: up
            ? `M${map.X(l.x)} ${box.top}V${box.top + box.height}`
            : `M${box.left} ${map.Y(l.y)}H${box.left + box.width}`,
        });
        if (!l.words) continue;
        if (up) say(map.X(l.x) + 5, box.top, "is-corner" + (l.mark ? " is-marked" : ""), l.words);
        else say(box.left + box.width, map.Y(l.y), "is-above" + (l.mark ? " is-marked" : ""), l.words);
      }
      for (const n of model.notes || []) say(map.X(n.x), map.Y(n.y), "is-note", n.words);
    }
    function placeGrip() {
      if (!grip) return;
      grip.hidden = !model.handle;
      if (grip.hidden) return;
      const { x: a, y: b } = model.handle,
        axis = handle.axis === "y" ? [y, b] : [x, a];
      grip.style.left = map.X(a).toFixed(1) + "px";
      grip.style.top = map.Y(b).toFixed(1) + "px";
      grip.setAttribute("aria-valuemin", axis[0].min);
      grip.setAttribute("aria-valuemax", axis[0].max);
      grip.setAttribute("aria-valuenow", axis[1]);
      grip.setAttribute("aria-orientation", handle.axis === "y" ? "vertical" : "horizontal");
      const said = handle.speak
        ? handle.speak(a, b)
        : [
            `${tickWords(Number(a.toPrecision(3)))}，${tickWords(Number(b.toPrecision(3)))}`,
            `${Number(a.toPrecision(3))}, ${Number(b.toPrecision(3))}`,
          ];
      grip.setAttribute("aria-valuetext", Kit.text(said));
    }
    function paint() {
      if (!model || !prepare()) return;
      paintAxes();
      (model.series || []).forEach(paintSeries);
      paintLines();
      placeGrip();
      const named = (model.series || [])
        .map((s, i) => ({ words: s.words, stroke: strokeOf(s, i), kind: s.kind }))
        .filter((s) => s.words);
      key.hidden = model.legend === false || !named.length;
      key.replaceChildren(...legend(named));
    }

    function hold(a, b) {
      const free = handle.axis || "xy",
        now = model.handle;
      handle.move(free.includes("x") ? a : now.x, free.includes("y") ? b : now.y);
    }
    if (grip) {
      let held = false;
      grip.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        held = true;
        try {
          grip.setPointerCapture(event.pointerId);
        } catch (gone) {
          /* the pointer has already left */
        }
        event.preventDefault();
        grip.focus({ preventScroll: true });
      });
      grip.addEventListener("pointermove", (event) => {
        if (!held) return;
        const frame = el.getBoundingClientRect();
        hold(map.toX(event.clientX - frame.left), map.toY(event.clientY - frame.top));
      });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
        grip.addEventListener(end, () => {
          held = false;
        });
      grip.addEventListener("keydown", (event) => {
        const by = {
          ArrowLeft: [-1, 0],
          ArrowRight: [1, 0],
          ArrowDown: [0, -1],
          ArrowUp: [0, 1],
          PageDown: [-5, -5],
          PageUp: [5, 5],
          Home: [-50, -50],
          End: [50, 50],
        }[event.key];
        if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const one = handle.axis === "x" || handle.axis === "y",
          [dx, dy] = one ? [by[0] || by[1], by[0] || by[1]] : by;
        hold(
          map.toX(map.X(model.handle.x) + (dx / 50) * box.width),
          map.toY(map.Y(model.handle.y) - (dy / 50) * box.height),
        );
      });
    }
    new ResizeObserver(() => paint()).observe(el);
    Kit.onLang(Object.assign(() => model && map && placeGrip(), { node: el }));
    let queued = 0;
    return {
      el,
      key,
      grip,
      draw(next) {
        model = next;
        if (!queued)
          queued = requestAnimationFrame(() => {
            queued = 0;
            paint();
          });
      },
    };
  }

  Kit.plot = plot;
})(globalThis.Kit);
