/* Where the time of a training step goes (chapter 13): a table that `make bench` measured over H, B and T (pack
   "speed"). Three sliders pick a size, bars split its time into products and the rest, a logarithmic plot follows the
   slider that was moved last. Only measured sizes can be chosen, and one without a measurement says so: nothing here
   lies between two measurements. */
(function (Kit) {
  "use strict";
  const AXES = ["H", "B", "T"], TALL = 330;
  const WAYS = [
    { id: "fast", stroke: 2, words: ["rnnlib 快路", "rnnlib, fast path"], short: ["快路", "the fast path"] },
    { id: "plain", stroke: 3, words: ["rnnlib 普通路", "rnnlib, plain path"], short: ["普通路", "the plain path"] },
    { id: "d2l", stroke: 1, words: ["d2l 的循环", "d2l's loop"], short: ["d2l 的循环", "d2l's loop"] },
  ];
  const FLOOR = { id: "floor", stroke: 0, words: ["只算乘积（下限）", "products alone (the floor)"] };
  const NAMES = { H: ["隐藏单元 *H*", "hidden units *H*"], B: ["批量大小 *B*", "batch size *B*"], T: ["时间步 *T*", "time steps *T*"] };
  const ASKED = { H: 512, T: 35, from: 1, to: 32 }; // the question before the answer

  /* ---------- the table ---------- */
  function table(pack) {
    const at = Object.fromEntries(pack.columns.map((name, i) => [name, i]));
    const sizes = Object.fromEntries(AXES.map((a) => [a, [...new Set(pack.cells.map((c) => c[at[a]]))].sort((x, y) => x - y)]));
    const key = (v) => AXES.map((a) => v[a]).join(" ");
    const cells = new Map(pack.cells.map((c) => [AXES.map((a) => c[at[a]]).join(" "),
      Object.fromEntries(pack.columns.map((name, i) => [name, c[i]]))]));
    /* The sizes along one axis through a size, measured or not. */
    const line = (v, axis) => sizes[axis].map((n) => cells.get(key({ ...v, [axis]: n })));
    return { sizes, line, cell: (v) => cells.get(key(v)) };
  }
  const measured = (cell) => cell.floor !== null && cell.fast !== null;
  const share = (cell, way) => cell.floor / cell[way];
  /* The first size of a line from which on the products take half of the fast path's time or more: its index, -1 if
     there is none. */
  function crossing(line) {
    let k = -1;
    line.filter(measured).forEach((cell, i) => { k = share(cell, "fast") < 0.5 ? -1 : k < 0 ? i : k; });
    return k;
  }
  const nearest = (values, v) => values.reduce((best, one) =>
    (Math.abs(Math.log(one / Math.max(v, 1e-9))) < Math.abs(Math.log(best / Math.max(v, 1e-9))) ? one : best));

  /* ---------- numbers and words ---------- */
  const three = (v) => (v < 999.5 ? v.toPrecision(3) : Number(v.toPrecision(3)).toLocaleString("en"));
  const ms = (seconds) => three(1000 * seconds);
  const times = (v) => (v < 9.95 ? v.toFixed(1).replace(/\.0$/, "") : Math.round(v).toLocaleString("en"));
  const percent = (v) => `${Math.round(100 * v)}%`;
  const join = (pairs) => [pairs.map((p) => p[0]).join(""), pairs.map((p) => p[1]).join(" ")];
  const size = (v) => AXES.map((a) => `*${a}* = ${v[a]}`);
  const plain = (pair) => pair.map((s) => s.replace(/[_*]/g, ""));

  function unmeasured(v, pack) {
    const [zh, en] = [size(v).join("、"), size(v).join(", ")];
    return [`${zh}：_没有量过_。估计一步要超过 ${pack.budget} 秒，就没有去量；这里也不猜。`,
      `${en}: _not measured_. A step was estimated to take longer than ${pack.budget} s, so it was left out, and nothing is guessed here.`];
  }
  /* What the time of this size is made of. */
  function made(v, cell) {
    const part = share(cell, "fast"), mostly = part >= 0.5 ? ["过半是算术", "arithmetic is more than half"]
      : part >= 0.25 ? ["算术不到一半", "arithmetic is less than half"] : ["大部分不是算术", "most of it is not arithmetic"];
    const d2l = cell.d2l === null ? ["", ""] : [`；d2l 的循环 ${ms(cell.d2l)} 毫秒里占 ${percent(share(cell, "d2l"))}`,
      `; of the ${ms(cell.d2l)} ms of d2l's loop they take ${percent(share(cell, "d2l"))}`];
    return [`${size(v).join("、")}：快路一步 _${ms(cell.fast)} 毫秒_，乘积占 _${percent(part)}_，${mostly[0]}${d2l[0]}。`,
      `${size(v).join(", ")}: a step of the fast path takes _${ms(cell.fast)} ms_, products _${percent(part)}_ of it: ${mostly[1]}${d2l[1]}.`];
  }
  /* How the time grew on the way here from the other end of the line. */
  function grown(v, cell, line) {
    const axis = v.along, known = line.filter(measured);
    if (known.length < 2) return null;
    const other = known[0] === cell ? known[known.length - 1] : known[0];
    const [a, b] = known[0] === cell ? [cell, other] : [other, cell];
    const by = (id) => b[id] / a[id], n = by(axis), slow = Math.log(by("fast")) / Math.log(n);
    const end = axis === "T" ? ["每一步都要等前一步，队伍有多长，就要多久。", "Each time step waits for the one before, so a longer chain just takes longer."]
      : slow < 0.35 ? ["几乎是平的：调用的次数没有变。", "Nearly flat: the number of calls hasn't changed."]
        : share(a, "fast") < 0.5 && by("fast") < by("floor") ? ["小的那一头，付的大多不是算术的账。", "At the small end most of the bill is not for arithmetic."]
          : ["时间跟着乘积走。", "The time follows the products."];
    return [`*${axis}* 从 ${a[axis]} 到 ${b[axis]}（${times(n)} 倍），乘积的时间 × ${times(by("floor"))}，快路一步 _× ${times(by("fast"))}_。${end[0]}`,
      `From *${axis}* = ${a[axis]} to ${b[axis]} (× ${times(n)}) the products take × ${times(by("floor"))} as long, the whole step _× ${times(by("fast"))}_. ${end[1]}`];
  }

  /* ---------- bars ---------- */
  function bars() {
    const cell = (role, cls, ...inside) => Kit.el("div", { role, class: "speed__cell " + cls }, ...inside);
    const heads = [["一步训练", "One training step"], ["毫秒", "ms"], ["词元/秒", "tokens/s"], ["乘积占", "products"]];
    const el = Kit.el("div", { class: "speed__bars", role: "table", "aria-label": ["一步训练的时间", "Time of one training step"] },
      Kit.el("div", { class: "speed__row is-head", role: "row" },
        ...heads.map((words, i) => cell("columnheader", i ? "is-number" : "is-name", words))));
    const rows = WAYS.map((way) => {
      const row = { way, bar: Kit.el("span", { class: "speed__bar" }, Kit.el("i", { class: "is-floor" }), Kit.el("i", { class: "is-rest" })),
        numbers: heads.slice(1).map(() => cell("cell", "is-number")) };
      row.el = Kit.el("div", { class: `speed__row fig-stroke-${way.stroke}`, role: "row", "data-way": way.id },
        cell("rowheader", "is-name", ...Kit.axes.legend([way]), row.bar), ...row.numbers);
      el.append(row.el);
      return row;
    });
    return {
      el,
      draw(v, cell) {
        const longest = Math.max(...WAYS.map(({ id }) => cell[id] || 0));
        for (const { way, el: row, bar, numbers } of rows) {
          const seconds = cell[way.id], known = seconds !== null;
          row.toggleAttribute("data-unmeasured", !known);
          bar.style.setProperty("--floor", known ? Math.min(cell.floor, seconds) / longest : 0);
          bar.style.setProperty("--rest", known ? Math.max(0, seconds - cell.floor) / longest : 0);
          bar.replaceChildren(...Array.from(bar.children).slice(0, 2), known ? "" : Kit.el("span", {}, ["没有量", "not measured"]));
          const texts = known ? [ms(seconds), three(v.B * v.T / seconds), percent(share(cell, way.id))] : ["–", "–", "–"];
          texts.forEach((text, i) => { numbers[i].textContent = text; });
        }
      },
    };
  }

  /* ---------- the plot ---------- */
  function chart(T, pick, words) {
    const svg = Kit.svg("svg", { "aria-hidden": "true" }), over = Kit.el("div", { class: "fig-curve__over", "aria-hidden": "true" });
    const el = Kit.el("div", { class: "fig-curve speed__chart", role: "img", "aria-label": words, style: { height: TALL + "px" } }, svg, over);
    const title = Kit.el("p", { class: "speed__axis", "aria-hidden": "true" });
    const put = (name, attributes) => svg.append(Kit.svg(name, attributes));
    const say = (x, y, cls, content) => over.append(Kit.el("div", { class: "fig-curve__label " + cls,
      style: { left: x.toFixed(1) + "px", top: y.toFixed(1) + "px" } }, content));
    let shown = null, map = null, box = null, y = null;
    /* Whole decades below, so that the scale stays while the size moves along the line; at least two of them. */
    function scale(line) {
      const all = line.flatMap((cell) => [...WAYS, FLOOR].map(({ id }) => cell[id])).filter((s) => s !== null).map((s) => 1000 * s);
      const min = all.length ? 10 ** Math.floor(Math.log10(Math.min(...all))) : 1;
      return { log: true, min, max: Math.max(100 * min, 1.4 * Math.max(...all, 0)) };
    }

    /* From halfway to the neighbour on the left to halfway to the one on the right. */
    function column(values, i) {
      const X = values.map(map.X), half = (k) => (X[k] + X[k + 1]) / 2;
      return [i ? half(i - 1) : box.left, i < X.length - 1 ? half(i) : box.left + box.width];
    }
    function zones(values, line) {
      const missing = line.map(measured).map((known, i) => (known ? -1 : i)).filter((i) => i >= 0);
      for (const i of missing) {
        const [a, b] = column(values, i);
        put("rect", { class: "speed__missing", x: a, width: b - a, y: box.top, height: box.height });
      }
      if (missing.length) {
        const a = column(values, missing[0])[0], b = column(values, missing[missing.length - 1])[1];
        say((a + b) / 2, box.top + box.height / 2, "speed__zone is-missing", ["没有量", "not measured"]);
      }
      const known = line.filter(measured), k = crossing(line);
      if (known.length < 2) return;
      const X = (cell) => map.X(cell[shown.v.along]), first = box.left, last = X(known[known.length - 1]);
      const room = (Kit.lang() === "both" ? 2 : 1) * 75; // for a name
      const under = ["乘积不到一半", "products under half"], over_ = ["过半", "over half"];
      if (k > 0) {
        const [a, b] = [X(known[k - 1]), X(known[k])];
        put("rect", { class: "speed__crossing", x: a, width: b - a, y: box.top, height: box.height });
        say((a + b) / 2, box.top - 19, "speed__zone is-crossing", ["交界", "crossover"]);
        if (a - first > 2 * room && b - first > 3.4 * room) say((first + a) / 2, box.top - 19, "speed__zone", under);
        if (last - b > room) say((b + last) / 2, box.top - 19, "speed__zone", over_);
      } else say(Math.max((first + last) / 2, first + room), box.top - 19, "speed__zone", k < 0 ? under : ["乘积过半", "products over half"]);
    }
    function scales(values) {
      const foot = box.top + box.height;
      for (let v = y.min; v <= y.max * 1.001; v *= 10) {
        put("path", { class: "fig-curve__grid", d: `M${box.left} ${map.Y(v)}H${box.left + box.width}` });
        say(box.left - 6, map.Y(v), "is-y", Kit.short(Number(v.toPrecision(1))));
      }
      put("path", { class: "fig-plot__axis", d: `M${box.left} ${box.top}V${foot}H${box.left + box.width}` });
      const here = shown.v[shown.v.along], named = []; // where names would touch, the chosen size keeps its own
      for (const v of [here, ...values.filter((n) => n !== here).reverse()]) {
        if (named.some((n) => Math.abs(map.X(n) - map.X(v)) < 4 * (String(n).length + String(v).length) + 6)) continue;
        named.push(v);
        say(map.X(v), foot + 2, "is-x" + (v === here ? " is-here" : "") + (measured(shown.line[values.indexOf(v)]) ? "" : " is-missing"), String(v));
      }
      say(0, 0, "is-top", ["一步，毫秒", "ms a step"]);
    }
    function curves(line) {
      const axis = shown.v.along;
      for (const { id, stroke } of [FLOOR, ...[...WAYS].reverse()]) {
        const points = line.filter((c) => c[id] !== null).map((c) => [c[axis], 1000 * c[id]]);
        if (points.length > 1) put("path", { class: `fig-curve__series fig-stroke-${stroke} is-${id}`, d: Kit.axes.path(points, map) });
        for (const [a, b] of points) {
          const here = a === shown.v[axis];
          put("circle", { class: `fig-curve__dot fig-stroke-${stroke} is-${id}${here ? " is-here" : ""}`,
            cx: map.X(a).toFixed(1), cy: map.Y(b).toFixed(1), r: here ? 5.5 : 3.2, "data-at": a, "data-ms": b });
        }
      }
    }
    function paint() {
      const W = el.clientWidth;
      if (!shown || !W) return;
      const values = T.sizes[shown.v.along], pad = W > 560 ? 30 : 18;
      box = { left: 44, top: 46, width: W - 44 - 12, height: TALL - 46 - 26 };
      y = scale(shown.line);
      const inner = { ...box, left: box.left + pad, width: box.width - 2 * pad };
      map = Kit.axes.axes(inner, { log: true, min: values[0], max: values[values.length - 1] }, y);
      svg.setAttribute("viewBox", `0 0 ${W} ${TALL}`);
      svg.replaceChildren();
      over.replaceChildren();
      zones(values, shown.line);
      scales(values);
      const x = map.X(shown.v[shown.v.along]);
      put("path", { class: "fig-curve__at", d: `M${x} ${box.top}V${box.top + box.height}` });
      curves(shown.line);
    }
    let held = false;
    const take = (event) => pick(nearest(T.sizes[shown.v.along], map.toX(event.clientX - el.getBoundingClientRect().left)));
    el.addEventListener("pointerdown", (event) => {
      if (event.button || !map) return;
      held = true;
      try { el.setPointerCapture(event.pointerId); } catch (gone) { /* the pointer has already left */ }
      take(event);
    });
    el.addEventListener("pointermove", (event) => { if (held) take(event); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) el.addEventListener(end, () => { held = false; });
    new ResizeObserver(() => paint()).observe(el);
    Kit.onLang(Object.assign(paint, { node: el }));
    return {
      el, title,
      draw(v, line) {
        shown = { v, line };
        const rest = AXES.filter((a) => a !== v.along).map((a) => `*${a}* = ${v[a]}`), name = NAMES[v.along];
        Kit.say(title, [`${name[0]}（${rest.join("，")}）`, `${name[1]} (${rest.join(", ")})`]);
        paint();
      },
    };
  }

  /* All points of the plot in words. */
  function told(v, line) {
    const axis = v.along, say = (cell) => (measured(cell) ? `${cell[axis]}: ${ms(cell.fast)} / ${ms(cell.floor)}` : null);
    const missing = line.filter((cell) => !measured(cell)).map((cell) => cell[axis]), list = line.map(say).filter(Boolean);
    const off = missing.length ? [`；没有量：${missing.join("、")}`, `; not measured: ${missing.join(", ")}`] : ["", ""];
    return [`沿 ${axis}，快路一步与其中乘积的毫秒数。${list.join("；")}${off[0]}`,
      `Along ${axis}, milliseconds of a step of the fast path, and of its products. ${list.join("; ")}${off[1]}`];
  }

  /* ---------- a guess first ---------- */
  const GUESSES = [[3, ["不到 3 倍", "less than 3 times"]], [10, ["3 到 10 倍", "3 to 10 times"]], [24, ["10 到 24 倍", "10 to 24 times"]],
    [Infinity, ["24 倍以上，差不多成正比", "24 times or more, nearly in proportion"]]];
  function question(host, T, fig) {
    const [a, b] = [ASKED.from, ASKED.to].map((B) => T.cell({ H: ASKED.H, B, T: ASKED.T }));
    if (!a || !b || !measured(a) || !measured(b)) return;
    const ratio = b.fast / a.fast, right = GUESSES.findIndex(([limit]) => ratio < limit), more = ASKED.to / ASKED.from;
    Kit.predict(host, { id: "speed", remember: false,
      question: [`*H* = ${ASKED.H}、*T* = ${ASKED.T}，*B* 从 ${ASKED.from} 加到 ${ASKED.to}，要算的是 ${more} 倍。快路一步的时间是几倍？`,
        `*H* = ${ASKED.H}, *T* = ${ASKED.T}: *B* goes from ${ASKED.from} to ${ASKED.to}, ${more} times the arithmetic. How many times as long does a step of the fast path take?`],
      choices: GUESSES.map(([, words], i) => ({ words, right: i === right })),
      reveal() {
        fig.set({ H: ASKED.H, T: ASKED.T, B: ASKED.to, along: "B" });
        return [[`_${times(ratio)} 倍_：从 ${ms(a.fast)} 毫秒到 ${ms(b.fast)} 毫秒，所以每秒处理的词元是 ${times(more / ratio)} 倍。上面的图已经换成沿 *B* 的曲线。`,
          `_${times(ratio)} times_: from ${ms(a.fast)} ms to ${ms(b.fast)} ms, so ${times(more / ratio)} times as many tokens go through in a second. The plot above now runs along *B*.`]];
      } });
  }

  /* ---------- the figure ---------- */
  async function make(host, fig) {
    const pack = await fig.pack("speed"), T = table(pack), of = pack.measured;
    const settled = (values) => ({ ...Object.fromEntries(AXES.map((a) => [a, nearest(T.sizes[a], values[a])])),
      along: AXES.includes(values.along) ? values.along : "H" });
    const sliders = Object.fromEntries(AXES.map((a) => [a, Kit.slider(NAMES[a], { min: 0, max: T.sizes[a].length - 1, step: 1,
      value: T.sizes[a].indexOf(nearest(T.sizes[a], fig.kind.defaults[a])), format: (i) => String(T.sizes[a][i]),
      ticks: T.sizes[a].map((n, i) => ({ value: i, words: String(n) })) }, (i) => fig.set({ [a]: T.sizes[a][i], along: a }))]));
    const line = Kit.el("p", { class: "speed__verdict" }), rows = bars();
    const sentence = ["", ""], plot = chart(T, (n) => { const { along } = settled(fig.values); fig.set({ [along]: n }); }, sentence);
    const key = Kit.el("p", { class: "fig-curve__key" }, ...Kit.axes.legend([...WAYS, FLOOR]));
    const parts = Kit.el("p", { class: "speed__parts" }, Kit.el("span", { class: "is-floor" }, ["乘积（下限）", "products (the floor)"]),
      Kit.el("span", { class: "is-rest" }, ["其余：调用、搬运、逐元素的运算", "the rest: calls, copies, element by element"]));
    host.append(
      Kit.el("p", { class: "speed__ask" }, ["一步训练，时间花在哪里？", "One training step: where does the time go?"]),
      Kit.el("div", { class: "speed__sliders" }, ...AXES.map((a) => sliders[a].el)),
      rows.el, parts, line, plot.el, plot.title, key);
    question(host, T, fig);
    const cores = of.threads === 1 ? ["1 个线程", "1 thread"] : [`${of.threads} 个线程`, `${of.threads} threads`];
    host.append(Kit.el("figcaption", { class: "fig-note" }, [
      `小的一步是一队调用，大的一步才是算术，中间是交界。从零写的 RNN，词表 ${pack.V}，前向、反向、裁剪、更新合起来是一步。实测的中位数（下限单独量，取最短的一次），单位毫秒：${of.hardware}，${of.processor}，${cores[0]}，torch ${of.torch}，d2l ${of.d2l}，${of.date}。别的机器，数会不同。坐标都是对数的；灰色的一栏没有量过。“交界”在两个量过的规模之间：从那里起，乘积占快路的一半以上。`,
      `A small step is a queue of calls, a big one is arithmetic; between them lies the crossover. The RNN from scratch, ${pack.V} tokens; a step is forward, backward, clipping and update together. Measured medians (the floor: on its own, the shortest), in milliseconds: ${of.hardware}, ${of.processor}, ${cores[1]}, torch ${of.torch}, d2l ${of.d2l}, ${of.date}. Other machines give other numbers. Both axes are logarithmic; grey columns were not measured. The crossover lies between two measured sizes: from there on products take half of the fast path or more.`]));

    function draw(values, keys) {
      const v = settled(values), cell = T.cell(v), along = T.line(v, v.along), known = measured(cell);
      const said = known ? join([made(v, cell), grown(v, cell, along)].filter(Boolean)) : unmeasured(v, pack);
      for (const a of AXES) {
        sliders[a].draw(T.sizes[a].indexOf(v[a]));
        const there = T.line(v, a).map(measured), ticks = sliders[a].el.querySelectorAll(".fig-slider__ticks > span");
        ticks.forEach((tick, i) => tick.toggleAttribute("data-off", !there[i]));
        sliders[a].el.toggleAttribute("data-along", a === v.along);
      }
      rows.draw(v, cell);
      Kit.say(line, said);
      Kit.attr(plot.el, "aria-label", told(v, along));
      plot.draw(v, along);
      host.toggleAttribute("data-unmeasured", !known);
      Object.assign(host.dataset, { cell: JSON.stringify(cell), along: v.along, crossing: crossing(along) });
      if (keys) fig.say(plain(said));
    }
    return { draw };
  }

  Kit.figure("speed", {
    title: ["一步训练的时间花在哪里", "Where the time of a training step goes"],
    defaults: { H: 512, B: 32, T: 35, along: "H" },
    packs: ["speed"],
    make,
  });
})(globalThis.Kit);
