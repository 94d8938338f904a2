/* Curves over time, with a scrubber.

   const curve = Kit.curve(label, {unit, scrub, step, speak, height})
     unit       a pair after the last number of the x axis ("epochs")
     scrub(x)   the reader drags to x
     step(by)   arrow keys: by = 1, -1, 4, -4, Infinity, -Infinity
     speak()    a pair: what stands under the scrubber.      Without scrub it is a still picture
   curve.el, curve.key (the legend; put it under el)
   curve.draw({xMin: 0, xMax, yMin: 1, yMax: 40, log: true, xTicks, yTicks, ...})
     series     [{id, words, points: [[x, y], ...], stroke}]; stroke 0 to 5: a colour and a dash (its place)
     ghosts     [{id, points, stroke}]: thin, the run before; with a stroke of its own, or that of the series id
     end        of a series or a ghost, a pair: its name at the right end, where there is room; if one has it, the
                legend is for narrow screens
     lines      [{y, value, words, mark}]: horizontal, with a name at the right, on narrow screens underneath
     at         x of the scrubber, or null
     dots       [{id, y, words, below}]: on the scrubber
     notes      [{x, y, words, ring, cls}]: words at a place
     gap        [[x, low, high], ...]: shaded between two curves
     legend     true or false (true if the series have words and there are no dots)
   Lines are SVG; every word is HTML over it, so that letters keep their size on a telephone.
   Keyboard: arrows, Page Up / Down, Home, End. */
(function (Kit) {
  "use strict";
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const round = (v) => Number(v.toPrecision(12));

  /* Round numbers for an axis, about `count` of them. */
  function linearTicks(low, high, count) {
    const rough = (high - low) / count,
      power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999),
      out = [];
    for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-6; v += step) out.push(round(v));
    return out;
  }
  function logTicks(low, high) {
    const decades = Math.log10(high / low),
      out = [];
    if (decades <= 2) {
      const first = 2 ** Math.ceil(Math.log2(low) - 1e-9);
      for (let v = first; v <= high * 1.0001; v *= 2) out.push(round(v));
      return out;
    }
    const skip = Math.ceil(decades / 7);
    for (let e = Math.ceil(Math.log10(low) - 1e-9); 10 ** e <= high * 1.0001; e += skip)
      out.push(round(10 ** e));
    if (decades < 3.5) out.push(...out.map((v) => round(v * 3)).filter((v) => v <= high));
    return out.sort((a, b) => a - b);
  }
  const tickWords = (v) => Kit.short(v);

  /* A box in pixels with its two scales; shared with Kit.plot. */
  function axes(box, x, y) {
    const share = (s, v) =>
      s.log ? Math.log(Math.max(v, s.min) / s.min) / Math.log(s.max / s.min) : (v - s.min) / (s.max - s.min);
    const back = (s, f) => (s.log ? s.min * (s.max / s.min) ** f : s.min + f * (s.max - s.min));
    const finite = (v, s) => (Number.isFinite(v) ? clamp(v, s.min, s.max) : s.max);
    return {
      X: (v) => box.left + share(x, v) * box.width,
      Y: (v) => box.top + box.height * (1 - share(y, finite(v, y))),
      toX: (px) => back(x, clamp((px - box.left) / box.width, 0, 1)),
      toY: (px) => back(y, clamp(1 - (px - box.top) / box.height, 0, 1)),
    };
  }
  const path = (points, { X, Y }) =>
    points.map(([x, y], i) => (i ? "L" : "M") + X(x).toFixed(1) + " " + Y(y).toFixed(1)).join("");

  /* A legend of strokes: [{words, stroke, kind}]. */
  const SAMPLES = {
    line: [["path", { d: "M1 4H29" }]],
    points: [5, 15, 25].map((cx) => ["circle", { cx, cy: 4, r: 3 }]),
    bars: [["rect", { x: 10, width: 10, height: 8 }]],
  };
  function legend(series) {
    return series.map((s) =>
      Kit.el(
        "span",
        { class: `fig-key fig-stroke-${s.stroke}` },
        Kit.svg(
          "svg",
          { viewBox: "0 0 30 8", "aria-hidden": "true" },
          ...SAMPLES[s.kind || "line"].map(([n, a]) => Kit.svg(n, a)),
        ),
        s.words,
      ),
    );
  }

  function curve(label, { unit = ["", ""], scrub, step, speak, height } = {}) {
    const svg = Kit.svg("svg", { "aria-hidden": "true" }),
      over = Kit.el("div", { class: "fig-curve__over", "aria-hidden": "true" });
    const key = Kit.el("p", { class: "fig-curve__key", hidden: true });
    const role = scrub
      ? { role: "slider", tabindex: "0", "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0 }
      : { role: "img" };
    const el = Kit.el(
      "div",
      {
        class: "fig-curve" + (scrub ? "" : " fig-curve--still"),
        "aria-label": label,
        ...role,
        style: height ? { height: height + "px" } : null,
      },
      svg,
      over,
    );
    let model = null,
      box = null,
      map = null,
      y = null,
      x = null,
      wide = true;

    const draw = (name, attributes) => svg.append(Kit.svg(name, attributes));
    const say = (left, top, cls, content) => {
      const node = Kit.el(
        "div",
        {
          class: "fig-curve__label " + cls,
          style: { left: left.toFixed(1) + "px", top: top.toFixed(1) + "px" },
        },
        content,
      );
      over.append(node);
      return node;
    };
    const strokeOf = (id) =>
      Math.max(
        0,
        model.series.findIndex((s) => s.id === id),
      );
    const ink = (id) => {
      const i = strokeOf(id),
        series = model.series[i];
      return `fig-stroke-${series && series.stroke !== undefined ? series.stroke : i}`;
    };
    const inkOfGhost = (g) => (g.stroke !== undefined ? `fig-stroke-${g.stroke}` : ink(g.id));
    const ended = () =>
      [...(model.ghosts || []).map((g) => [g, inkOfGhost(g)]), ...model.series.map((s) => [s, ink(s.id)])]
        .filter(([c]) => c.end && c.points.length)
        .map(([c, stroke]) => ({ words: c.end, y: c.points[c.points.length - 1][1], stroke }));

    function prepare() {
      const W = el.clientWidth,
        H = el.clientHeight;
      if (!W) return false;
      wide = W > 560;
      const log = model.log !== false,
        lines = (model.lines || []).length > 0 || ended().length > 0;
      y = { log, min: model.yMin !== undefined ? model.yMin : log ? 1 : 0, max: model.yMax || 40 };
      x = { log: false, min: model.xMin || 0, max: model.xMax };
      const left = Math.max(26, 9 + 7 * Math.max(...yTicks().map((v) => tickWords(v).length)));
      box = { left, top: 10, width: W - left - (lines ? (wide ? 152 : 42) : wide ? 24 : 12), height: H - 36 };
      map = axes(box, x, y);
      svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
      svg.replaceChildren();
      over.replaceChildren();
      return true;
    }
    function yTicks() {
      if (model.yTicks) return model.yTicks;
      return (y.log ? logTicks(y.min, y.max) : linearTicks(y.min, y.max, 5)).filter(
        (v) => v <= y.max * 1.0001,
      );
    }
    function paintAxes() {
      for (const v of yTicks()) {
        draw("path", { class: "fig-curve__grid", d: `M${box.left} ${map.Y(v)}H${box.left + box.width}` });
        say(box.left - 6, map.Y(v), "is-y", tickWords(v));
      }
      const ticks = model.xTicks || linearTicks(x.min, x.max, box.width > 420 ? 5 : 4);
      const last = ticks[ticks.length - 1],
        atEnd = last > x.max - 0.02 * (x.max - x.min);
      const named = [tickWords(last) + " " + unit[0], tickWords(last) + " " + unit[1]],
        flush = atEnd && !wide,
        long = 7.5 * Array.from(Kit.text(named)).length,
        free = flush ? el.clientWidth - long : map.X(last) - long / 2;
      const foot = box.top + box.height + 5;
      for (const v of ticks) {
        if (v === last) say(flush ? el.clientWidth : map.X(v), foot, flush ? "is-x is-end" : "is-x", named);
        else if (map.X(v) + 12 < free) say(map.X(v), foot, "is-x", tickWords(v)); // never under the last one
      }
    }
    /* In about how many rows words are set at the right: 146 pixels, a wide character counts for two; the names of
       curves are bold. */
    const rowsOf = (words, bold) =>
      Math.ceil(Array.from(words).reduce((sum, c) => sum + (c > "\u2e7f" ? 2 : 1), 0) / (bold ? 17 : 20));
    function paintLines() {
      let free = Infinity; // the top of the label below
      const right = [...(model.lines || []), ...(wide ? ended() : [])].sort((a, b) => a.y - b.y);
      for (const l of right) {
        const mark = l.mark ? " is-marked" : "",
          rows = l.stroke ? rowsOf(Kit.text(l.words), true) : rowsOf(`${l.value} ${Kit.text(l.words)}`),
          high = l.stroke ? 15 * rows : wide ? Math.max(27, 15 * rows) : 15,
          at = Math.min(map.Y(l.y), free - high / 2);
        free = at - high / 2;
        if (l.stroke) {
          say(box.left + box.width + 8, at, `is-line is-end ${l.stroke}`, l.words);
          continue;
        }
        draw("path", {
          class: "fig-curve__line" + mark,
          d: `M${box.left} ${map.Y(l.y)}H${box.left + box.width}`,
        });
        const value = Kit.el("b", {}, String(l.value));
        say(
          box.left + box.width + (wide ? 8 : 6),
          at,
          "is-line" + mark,
          wide ? Kit.el("span", {}, value, " ", l.words) : value,
        );
      }
    }
    function paintCurves() {
      for (const g of model.ghosts || [])
        draw("path", { class: `fig-curve__ghost ${inkOfGhost(g)} is-${g.id}`, d: path(g.points, map) });
      if (model.gap && model.gap.length > 1) {
        const up = path(
            model.gap.map(([v, a]) => [v, a]),
            map,
          ),
          down = path(model.gap.map(([v, , b]) => [v, b]).reverse(), map);
        draw("path", { class: "fig-curve__gap", d: up + down.replace("M", "L") + "Z" });
      }
      for (const s of model.series) {
        if (s.points.length > 1)
          draw("path", { class: `fig-curve__series ${ink(s.id)} is-${s.id}`, d: path(s.points, map) });
        else if (s.points.length)
          draw("circle", {
            class: `fig-curve__dot ${ink(s.id)}`,
            cx: map.X(s.points[0][0]),
            cy: map.Y(s.points[0][1]),
            r: 3,
          });
      }
    }
    function paintNotes() {
      for (const n of model.notes || []) {
        if (n.ring) draw("circle", { class: "fig-curve__ring", cx: map.X(n.x), cy: map.Y(n.y), r: 4 });
        say(map.X(n.x), map.Y(n.y), "is-note " + (n.cls || ""), n.words);
      }
    }
    function paintScrubber() {
      if (model.at === null || model.at === undefined) return;
      const at = map.X(model.at),
        foot = box.top + box.height + 5,
        flip = at > box.left + box.width - 110;
      draw("path", { class: "fig-curve__at", d: `M${at} ${box.top}V${foot}` });
      if (scrub) draw("circle", { class: "fig-curve__grip", cx: at, cy: foot, r: 6.5 });
      let off = 0;
      for (const d of model.dots || []) {
        if (d.y === undefined || Number.isNaN(d.y)) continue;
        const cls = `${ink(d.id)} ${flip ? "is-flipped" : ""}`;
        if (d.y >= y.max) {
          say(at + (flip ? -9 : 9), box.top + 5 + 17 * off++, `is-off ${cls}`, [
            "\u2191 " + d.words[0],
            "\u2191 " + d.words[1],
          ]);
          continue;
        }
        draw("circle", { class: `fig-curve__dot ${ink(d.id)}`, cx: at, cy: map.Y(d.y), r: 4.5 });
        say(at, map.Y(d.y), `is-dot ${cls} ${d.below ? "is-below" : ""}`, d.words);
      }
    }
    function paintKey() {
      const named = model.series.filter((s) => s.words);
      const told = wide && ended().length > 0;
      const strokes =
        !told && (model.legend !== undefined ? model.legend : named.length > 0 && !(model.dots || []).length);
      const lines = wide ? [] : [...(model.lines || [])].sort((a, b) => b.y - a.y);
      key.hidden = !(strokes && named.length) && !lines.length;
      key.replaceChildren(
        ...(strokes
          ? legend(
              named.map((s) => ({
                words: s.words,
                stroke: s.stroke !== undefined ? s.stroke : strokeOf(s.id),
              })),
            )
          : []),
        ...lines.map((l) =>
          Kit.el(
            "span",
            { class: l.mark ? "is-marked" : null },
            Kit.el("b", {}, String(l.value)),
            " ",
            l.words,
          ),
        ),
      );
    }
    function speakNow() {
      if (!scrub || !model) return;
      el.setAttribute("aria-valuemin", x.min);
      el.setAttribute("aria-valuemax", x.max);
      el.setAttribute("aria-valuenow", model.at || 0);
      if (speak) el.setAttribute("aria-valuetext", Kit.text(speak()));
    }
    function paint() {
      if (!model || !prepare()) return;
      paintAxes();
      paintLines();
      paintCurves();
      paintNotes();
      paintScrubber();
      paintKey();
      speakNow();
    }

    let held = false,
      queued = 0;
    const at = (event) => scrub(map.toX(event.clientX - el.getBoundingClientRect().left));
    if (scrub) {
      el.addEventListener("pointerdown", (event) => {
        if (event.button || !map) return;
        held = true;
        try {
          el.setPointerCapture(event.pointerId);
        } catch (gone) {
          /* the pointer has already left */
        }
        if (event.pointerType === "mouse") {
          event.preventDefault();
          el.focus({ preventScroll: true });
        }
        at(event);
      });
      el.addEventListener("pointermove", (event) => {
        if (held) at(event);
      });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
        el.addEventListener(end, () => {
          held = false;
        });
      el.addEventListener("keydown", (event) => {
        const by = {
          ArrowLeft: -1,
          ArrowDown: -1,
          ArrowRight: 1,
          ArrowUp: 1,
          PageDown: -4,
          PageUp: 4,
          Home: -Infinity,
          End: Infinity,
        }[event.key];
        if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        step(by);
      });
    }
    new ResizeObserver(() => paint()).observe(el);
    Kit.onLang(Object.assign(paint, { node: el }));
    return {
      el,
      key,
      draw(next) {
        model = { series: [], ...next };
        if (!queued)
          queued = requestAnimationFrame(() => {
            queued = 0;
            paint();
          });
      },
    };
  }

  Object.assign(Kit, { curve });
  Kit.axes = { axes, path, linearTicks, logTicks, tickWords, legend }; // for Kit.plot
})(globalThis.Kit);
