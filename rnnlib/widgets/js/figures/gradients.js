/* How far a gradient gets (chapter 4): ten small networks with fixed random matrices, their gradient sent back
   from the last step, its norm at every lag on a logarithmic axis; above, the unrolled graph on the same axis. */
(function (Kit) {
  "use strict";
  const H = 16, LONGEST = 100, NETWORKS = 10, LOW = 1e-10, HIGH = 1e8;
  const HALF_BIT = 2 ** -24; // a float32 of 1 plus less than this is 1
  const FAN = [0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3];
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const norm = (list) => Math.sqrt(list.reduce((sum, v) => sum + v * v, 0));

  /* ---------- the networks ---------- */
  /* Network m: W_hh with spectral radius 1, a direction u of length 1 for the gradient at the last step, and inputs,
     counted from the last step backward, so that a longer text is the same one with more in front. */
  function network(m) {
    const rng = Kit.random(m), W = Kit.normals(rng, H * H), u = Kit.normals(rng, H), X = Kit.normals(rng, LONGEST * H);
    const rho = Kit.radius(W, H), long = norm(Array.from(u));
    return { W: W.map((v) => v / rho), u: u.map((v) => v / long), X };
  }

  function forward(net, W, { T, tanh, size }) {
    const states = [new Float64Array(H)];
    for (let t = 1; t <= T; t++) {
      const before = states[t - 1], now = new Float64Array(H);
      for (let j = 0; j < H; j++) {
        let a = size * net.X[(T - t) * H + j];
        for (let i = 0; i < H; i++) a += before[i] * W[i * H + j];
        now[j] = tanh ? Math.tanh(a) : a;
      }
      states.push(now);
    }
    return states;
  }

  /* The gradient sent back: norms[k] is that of dH at lag k, all of them; slope is the mean of 1 - H^2; total is the
     norm of the gradient of W_hh and b_h together, to which only the last `cut` steps contribute. */
  function backward(net, { rho, T, tanh, size, cut = T }) {
    const W = net.W.map((v) => rho * v), states = forward(net, W, { T, tanh, size });
    const dW = new Float64Array(H * H), db = new Float64Array(H), dA = new Float64Array(H), norms = [1];
    let d = Float64Array.from(net.u), slopes = 0;
    for (let t = T; t >= 1; t--) {
      const counted = T - t < cut, next = new Float64Array(H);
      for (let j = 0; j < H; j++) {
        const slope = tanh ? 1 - states[t][j] ** 2 : 1;
        slopes += slope;
        dA[j] = d[j] * slope;
      }
      for (let i = 0; i < H; i++) {
        for (let j = 0; j < H; j++) {
          next[i] += dA[j] * W[i * H + j];
          if (counted) dW[i * H + j] += states[t - 1][i] * dA[j];
        }
      }
      if (counted) for (let j = 0; j < H; j++) db[j] += dA[j];
      d = next;
      norms.push(norm(Array.from(d)));
    }
    return { norms, slope: slopes / (T * H), total: norm([...dW, ...db]) };
  }

  function median(list) {
    const sorted = [...list].sort((a, b) => a - b), half = sorted.length / 2;
    return (sorted[Math.floor(half - 0.5)] + sorted[Math.ceil(half - 0.5)]) / 2;
  }
  /* All that is shown, from the settings. Clipping multiplies a network's whole gradient by one factor. */
  function measure(nets, v) {
    const settings = { rho: v.rho, T: v.T, tanh: v.tanh, size: v.size, cut: v.cut ? v.k : v.T };
    const runs = nets.map((net) => backward(net, settings));
    const factors = runs.map((r) => (v.clip ? Math.min(1, v.theta / r.total) : 1));
    const lags = Array.from({ length: v.T + 1 }, (_, k) => k);
    const full = lags.map((k) => median(runs.map((r) => r.norms[k])));
    const reach = v.cut ? Math.min(v.k - 1, v.T) : v.T; // the last lag that the gradient gets to
    /* The first steps turn a random direction into those that W_hh keeps: the factor is that of the steps after. */
    const settled = Math.min(10, Math.floor(v.T / 2));
    return {
      runs, factors,
      lines: runs.map((r, i) => r.norms.slice(0, reach + 1).map((n) => n * factors[i])), full, reach,
      middle: lags.slice(0, reach + 1).map((k) => median(runs.map((r, i) => r.norms[k] * factors[i]))),
      settled, perStep: (full[v.T] / full[settled]) ** (1 / (v.T - settled)),
      slope: median(runs.map((r) => r.slope)),
      total: median(runs.map((r) => r.total)), factor: median(factors), clipped: factors.filter((f) => f < 1).length,
      early: runs.filter((r) => Math.max(...r.norms) > 1.05 && r.norms[v.T] < 1).length,
      tenth: full.findIndex((n) => n < 0.1), lowest: full.indexOf(Math.min(...full)),
    };
  }

  /* ---------- words ---------- */
  const SUPER = { "-": "\u207b", 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3", 4: "\u2074", 5: "\u2075",
    6: "\u2076", 7: "\u2077", 8: "\u2078", 9: "\u2079" };
  const power = (e) => "10" + String(e).replace(/./g, (c) => SUPER[c]);
  function number(v) {
    if (v === 0) return "0";
    let e = Math.floor(Math.log10(v)), m = (v / 10 ** e).toFixed(1);
    if (m === "10.0") { m = "1.0"; e += 1; }
    if (e < -3 || e > 4) return `${m.replace(".0", "")}\u00b7${power(e)}`;
    return e >= 2 ? Math.round(v).toLocaleString("en") : String(Number(v.toPrecision(2)));
  }
  const symbol = (letter, low) => Kit.el("i", { class: "fig-symbol" }, letter,
    low ? Kit.el("sub", {}, low) : null);

  /* What clipping does to the ten networks, each with a factor of its own. */
  function clipping(v, m) {
    const total = number(m.total), theta = number(v.theta), all = m.clipped === NETWORKS;
    if (!m.clipped) {
      return [`总范数 ${total}（中位数）没到 θ = ${theta}，裁剪什么也没做。`,
        `The total norm, ${total} (median), is below θ = ${theta}: clipping does nothing.`];
    }
    const who = all ? ["每个网络", "each network multiplies"]
      : [`超过的 ${m.clipped} 个网络各自`, `the ${m.clipped} above it multiply`];
    return [`总范数 ${total}（中位数），θ = ${theta}：${who[0]}把所有步乘上同一个数` +
      `（中位数 ${number(m.factor)}），线平移，斜率不变。`,
    `Total norm ${total} (median), θ = ${theta}: ${who[1]} all steps by one number ` +
      `(median ${number(m.factor)}), so the line moves and its slope stays.`];
  }
  /* How the line runs when nothing is clipped. */
  function course(v, m) {
    const low = number(m.full[m.lowest]), back = m.full[v.T] > 1.2 * m.full[m.lowest];
    if (v.rho > 1 && m.full[v.T] < 1) {
      return back
        ? [`ρ 大于 1，它还是先缩小，到第 ${m.lowest} 步剩 ${low}，往后才慢慢回升。`,
          `ρ is above 1, yet it shrinks, to ${low} at step ${m.lowest}; only beyond does it creep up again.`]
        : ["ρ 大于 1，还是变小。", "ρ is above 1, and still it shrinks."];
    }
    if (m.tenth < 1 || m.full[v.T] >= 1) return null;
    const steep = m.full[m.settled] < 0.8 * m.perStep ** m.settled;
    return [`${steep ? "起初掉得更快：" : ""}走 ${m.tenth} 步就不到十分之一。`,
      `${steep ? "It falls faster at first: after" : "After"} ${m.tenth} ${m.tenth === 1 ? "step" : "steps"} ` +
      "less than a tenth is left."];
  }
  function verdict(v, m) {
    const at = Math.min(v.at, v.T), steps = [`往回 ${at} 步`, `${at} ${at === 1 ? "step" : "steps"} back`];
    if (at > m.reach) {
      const full = number(m.full[at]), both = v.clip && m.clipped;
      return [`${steps[0]}：已经截断，什么也传不到。${both ? "不截断、不裁剪时" : "不截断的话"}是 _${full}_ 倍。`,
        `${steps[1]}: behind the cut, so nothing gets there. ` +
        `Without ${both ? "truncation and clipping" : "the cut"} it would be × _${full}_.`];
    }
    const left = number(m.middle[at]), said = [v.clip && m.clipped
      ? [`${steps[0]}，裁剪后的梯度是最后一步原先的 _${left}_ 倍。`,
        `${steps[1]}, the clipped gradient is _${left}_ times what the last step's was before clipping.`]
      : [`${steps[0]}，梯度是最后一步的 _${left}_ 倍。`,
        `${steps[1]}, the gradient is _${left}_ times that of the last step.`]];
    said.push(v.clip ? clipping(v, m) : course(v, m));
    if (v.cut && m.reach === v.T) {
      said.push([`k = ${v.k} 比 T = ${v.T} 长：截断没截掉什么。`,
        `k = ${v.k} is longer than T = ${v.T}: truncation cuts nothing off.`]);
    }
    if (v.rho < 1 && m.early) {
      said.push([`（十个里有 ${m.early} 个起初变大过：ρ < 1 只保证最终变小。）`,
        `(${m.early} of the ten grew at first: ρ < 1 only promises the long run.)`]);
    }
    const given = said.filter(Boolean);
    return [given.map((pair) => pair[0]).join(""), given.map((pair) => pair[1]).join(" ")];
  }
  /* The factor under the slider, and where it comes from. */
  function factor(v, m) {
    const after = [`头 ${m.settled} 步之后实测`, `measured past the first ${m.settled}`];
    if (!v.tanh) {
      return [`${after[0]}；没有 tanh，远处只由 ρ 决定`, `${after[1]}; no tanh: in the long run ρ alone decides`];
    }
    const rho = v.rho.toFixed(2), slope = m.slope.toFixed(3), product = (v.rho * m.slope).toFixed(3);
    return [`${after[0]}；粗略估计：ρ × tanh 平均斜率 = ${rho} × ${slope} ≈ ${product}`,
      `${after[1]}; roughly ρ × mean slope of tanh = ${rho} × ${slope} ≈ ${product}`];
  }

  /* ---------- the picture: graph and curve on one time axis ---------- */
  const GRAPH = 144, CHART = 292, TALL = GRAPH + CHART + 34;

  function picture(scrub, step, speak) {
    const svg = Kit.svg("svg", { "aria-hidden": "true" }), over = Kit.el("div",
      { class: "grad-over", "aria-hidden": "true" });
    const el = Kit.el("div", { class: "grad-stage", role: "slider", tabindex: "0",
      "aria-label": ["往回走多少步", "How many steps back"],
      "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0, style: { height: TALL + "px" } }, svg,
        over);
    let shown = null, box = null;

    const put = (name, attributes) => svg.append(Kit.svg(name, attributes));
    const say = (x, y, cls, ...words) => over.append(Kit.el("span",
      { class: cls, style: { left: x.toFixed(1) + "px", top: y.toFixed(1) + "px" } }, ...words));
    const X = (lag) => box.right - (lag / shown.v.T) * (box.right - box.left);
    const Y = (n) => GRAPH + CHART * (1 - Math.log(clamp(n, LOW, HIGH) / LOW) / Math.log(HIGH / LOW));

    /* A line as far as it stays inside the chart, ended on its edge. */
    function path(values) {
      let d = "", last = null;
      values.forEach((n, k) => {
        const inside = n > LOW && n < HIGH;
        if (inside || (last &&
          last.inside)) d += `${d && last.inside ? "L" : "M"}${X(k).toFixed(1)} ${Y(n).toFixed(1)}`;
        else if (values[k + 1] > LOW && values[k + 1] < HIGH) { d += `M${X(k).toFixed(1)} ${Y(n).toFixed(1)}`;
          last = { inside: true }; return; }
        last = { inside };
      });
      return d;
    }

    function grid() {
      put("rect", { class: "grad-lost", x: box.left, width: box.right - box.left, y: Y(HALF_BIT),
        height: GRAPH + CHART - Y(HALF_BIT) });
      for (let e = -8; e <= 8; e += 4) {
        put("path", { class: "grad-grid" + (e ? "" : " is-one"),
          d: `M${box.left} ${Y(10 ** e)}H${box.right}` });
        say(box.left - 6, Y(10 ** e), "grad-tick is-y", e ? power(e) : "1");
      }
      const { T } = shown.v, ticks = [0.25, 0.5, 0.75, 1].map((f) => Math.round((f * T) / 5) * 5 ||
        1).filter((k, i, all) => k <= T && all.indexOf(k) === i);
      for (const k of ticks) say(X(k), GRAPH + CHART + 5, "grad-tick is-x", String(k));
      say(box.left - 36, GRAPH - 17, "grad-title", !box.wide
        ? ["∂ℓ/∂*H* 的范数", "norm of ∂ℓ/∂*H*"] : shown.v.clip
        ? ["∂ℓ/∂*H* 的范数（裁剪前最后一步 = 1）", "norm of ∂ℓ/∂*H* (last step before clipping = 1)"]
        : ["∂ℓ/∂*H* 的范数（最后一步 = 1）", "norm of ∂ℓ/∂*H* (last step = 1)"]);
      say(box.right, GRAPH + CHART + 5, "grad-tick " + (box.wide ? "is-end" : "is-x"), box.wide ? ["往回 0 步", "0 steps back"] : "0");
    }
    /* What a constant factor per step would do: straight lines. */
    function fan() {
      const { T } = shown.v, crowded = Math.abs(Y(1) - Y(1.1 ** T)) < 13;
      for (const f of FAN) {
        const limit = f > 1 ? HIGH : LOW, end = f === 1 ? T : Math.min(T, Math.log(limit) / Math.log(f));
        put("path", { class: "grad-fan", d: `M${X(0)} ${Y(1)}L${X(end)} ${Y(f ** end)}` });
        if (crowded && f !== 0.7 && f !== 1 && f !== 1.3) continue;
        const inside = end === T;
        say(X(end) + (inside ? 3 : 0), Y(f ** end), "grad-factor " + (f === 1 ? "is-one" : inside ? "is-left"
          : f > 1 ? "is-top" : "is-foot"), "\u00d7 " + f);
      }
    }
    function curves() {
      const { v, m } = shown;
      for (const line of m.lines) put("path", { class: "grad-thin", d: path(line) });
      if (v.clip || v.cut) put("path", { class: "grad-ghost", d: path(m.full) });
      put("path", { class: "grad-middle", d: path(m.middle) });
      if (v.clip && m.clipped && Y(m.middle[0]) - Y(m.full[0]) > 14) {
        put("path", { class: "grad-shift", d: `M${box.right + 9} ${Y(m.full[0])}V${Y(m.middle[0])}` });
        put("path", { class: "grad-shift is-head",
          d: `M${box.right + 5} ${Y(m.middle[0]) - 6}l4 6l4 -6` });
      }
    }

    /* The unrolled network: dots in a row, thin arrows forward, the gradient below them as arrows that thin out. */
    function graph() {
      const { v, m } = shown, y = 62, column = (box.right - box.left) / v.T, r = clamp(column * 0.32, 1.3, 8);
      put("path", { class: "grad-on", d: `M${box.left} ${y}H${box.right}` });
      for (let k = 0; k <= v.T; k++) put("circle", { class: "grad-node" + (k > m.reach ? " is-cut" : ""),
        cx: X(k), cy: y, r });
      put("circle", { class: "grad-end", cx: X(0), cy: y, r: 9 });
      put("circle", { class: "grad-end is-loss", cx: X(0), cy: 18, r: 9 });
      say(X(0), 18, "grad-name is-loss", "\u2113");
      say(X(0) - 15, 18, "grad-word is-right", ["最后一步的损失", "loss at the last step"]);
      say(X(0) + 12, y, "grad-name is-state", symbol("H", "T"));
      say(box.left - 4, y, "grad-name is-first", symbol("H", String(0)));
      put("path", { class: "grad-down", d: `M${X(0)} 28V${y - 12}` });
      put("path", { class: "grad-head", d: `M${X(0)} ${y - 9}l-4 -7h8Z` });
      const group = Math.max(1, Math.ceil(20 / column)), flow = y + 34;
      for (let from = 0; from < m.reach; from += group) {
        const to = Math.min(m.reach, from + group), n = m.middle[from],
          wide = n <= 1 ? 1 + 11 * n : Math.min(30, 12 + 4 * Math.log10(n));
        arrow(X(from) - 1.5, X(to) + 1.5, flow, wide, n <= 1 ? 0.25 + 0.75 * Math.sqrt(n) : 1);
      }
      if (m.reach < v.T) {
        const x = (X(m.reach) + X(m.reach + 1)) / 2;
        put("path", { class: "grad-cut", d: `M${x} ${y - 18}V${GRAPH + CHART}` });
        say(x - 5, y - 22, "grad-word is-cut", [`截断，k = ${v.k}`, `truncated, k = ${v.k}`]);
      }
    }
    function arrow(x0, x1, y, wide, opacity) {
      const head = Math.min(Math.max(5, wide * 0.62), (x0 - x1) * 0.75), neck = x1 + head, half = wide / 2,
        wing = Math.max(2.5, half * 1.5);
      put("path", { class: "grad-flow", opacity: opacity.toFixed(2),
        d: `M${x0} ${y - half}H${neck}V${y - wing}L${x1} ${y}L${neck} ${y + wing}V${y + half}H${x0}Z` });
    }
    function scrubber() {
      const { v, m } = shown, at = Math.min(v.at, v.T), x = X(at), cut = at > m.reach,
        n = cut ? m.full[at] : m.middle[at];
      put("path", { class: "grad-at", d: `M${x} 50V${GRAPH + CHART}` });
      put("circle", { class: "grad-grip", cx: x, cy: GRAPH + CHART, r: 6 });
      const off = n >= HIGH ? "\u2191 " : n <= LOW ? "\u2193 " : "", high = n > 1e5;
      if (!off) put("circle", { class: "grad-dot" + (cut ? " is-cut" : ""), cx: x, cy: Y(n), r: 5 });
      const flip = x > box.right - 90, y = Y(n) + (high ? 16 : -16);
      /* At the left end it stands beside the names of the pale lines, not on them. */
      say(flip ? x - 9 : Math.max(x + 9, box.left + 44), clamp(y, GRAPH + 10, GRAPH + CHART - 12),
        "grad-value" + (flip ? " is-flipped" : "") + (cut ? " is-cut" : ""), off + number(n));
    }
    /* On the right, where every line starts at 1, the corners are free. */
    function places() {
      say(box.right - 4, GRAPH + 12, "grad-zone", ["爆炸", "exploding"]);
      say(box.right - 4, Y(HALF_BIT) - 14, "grad-zone", ["消失", "vanishing"]);
      say(box.right - 4, GRAPH + CHART - 16, "grad-float", box.wide
        ? ["与 1 相加，float32 里就丢了", "lost in float32 when added to 1"]
        : ["float32 里加了等于没加", "lost in float32"]);
    }
    function paint() {
      const W = el.clientWidth;
      if (!shown || !W) return;
      box = { left: 42, right: W - 34, wide: W > 560 };
      svg.setAttribute("viewBox", `0 0 ${W} ${TALL}`);
      svg.replaceChildren();
      over.replaceChildren();
      grid();
      fan();
      places();
      curves();
      graph();
      scrubber();
      tell();
    }
    function tell() {
      el.setAttribute("aria-valuemax", shown.v.T);
      el.setAttribute("aria-valuenow", Math.min(shown.v.at, shown.v.T));
      el.setAttribute("aria-valuetext", Kit.text(speak()));
    }

    let held = false;
    const at = (event) => {
      const x = event.clientX - el.getBoundingClientRect().left;
      scrub(Math.round(clamp((box.right - x) / (box.right - box.left), 0, 1) * shown.v.T));
    };
    el.addEventListener("pointerdown", (event) => {
      if (event.button || !box) return;
      held = true;
      try { el.setPointerCapture(event.pointerId); } catch (gone) { /* the pointer has already left */ }
      if (event.pointerType === "mouse") { event.preventDefault(); el.focus({ preventScroll: true }); }
      at(event);
    });
    el.addEventListener("pointermove", (event) => { if (held) at(event); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) el.addEventListener(end,
      () => { held = false; });
    el.addEventListener("keydown", (event) => {
      /* Left is further back, as in the picture; up is more steps, as in every slider. */
      const by = { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1, PageUp: 5, PageDown: -5,
        Home: -1e9, End: 1e9 }[event.key];
      if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      step(by);
    });
    new ResizeObserver(() => paint()).observe(el);
    Kit.onLang(Object.assign(() => shown && tell(), { node: el }));
    return { el, draw(v, m) { shown = { v, m }; paint(); } };
  }

  Kit.figure("gradients", {
    title: ["梯度往回走多远", "How far a gradient gets"],
    defaults: { rho: 0.9, T: 60, tanh: true, size: 0.1, cut: false, k: 20, clip: false, theta: 1, at: 35 },
    packs: [],
    make(host, fig) {
      const nets = Array.from({ length: NETWORKS }, (_, i) => network(i + 1));
      let said = ["", ""];
      const set = fig.set;
      const settled = (v) => ({ ...v, rho: clamp(v.rho, 0.5, 1.5), T: clamp(Math.round(v.T), 5, LONGEST),
        size: clamp(v.size, 0, 2), k: clamp(Math.round(v.k), 1, LONGEST), theta: clamp(v.theta, 0.001, 100),
        at: clamp(Math.round(v.at), 0, LONGEST) });

      const rho = Kit.slider(["谱半径 ρ", "Spectral radius ρ"], { min: 0.5, max: 1.5, step: 0.01, value: 0.9,
        ticks: [0.5, 0.7, 0.9, 1.1, 1.3, 1.5] }, (v) => set({ rho: v }));
      const T = Kit.slider(["长度 T", "Length T"], { min: 5, max: LONGEST, step: 5, value: 60 },
        (v) => set({ T: v }));
      const size = Kit.slider(["输入大小", "input size"], { min: 0, max: 2, step: 0.05, value: 0.1 },
        (v) => set({ size: v }));
      const k = Kit.slider(["k", "k"], { min: 1, max: LONGEST, step: 1, value: 20 }, (v) => set({ k: v }));
      const theta = Kit.slider(["θ", "θ"], { min: 0.001, max: 100, log: true, step: 10, value: 1 },
        (v) => set({ theta: v }));
      const tanh = Kit.toggle(["过 tanh", "tanh"], (on) => set({ tanh: on }));
      const cut = Kit.toggle(["截断", "Truncate"], (on) => set({ cut: on }));
      const clip = Kit.toggle(["裁剪", "Clip"], (on) => set({ clip: on }));
      const big = Kit.el("b"), parts = Kit.el("p", { class: "grad-parts" }),
        line = Kit.el("p", { class: "grad-verdict" });
      const stage = picture((at) => set({ at }), (by) => set({ at: clamp(Math.min(fig.values.at,
        fig.values.T) + by, 0, fig.values.T) }), () => said);
      const setting = (toggle, slider) => Kit.el("div", { class: "grad-setting" }, toggle && toggle.el,
        slider.el);

      host.append(
        Kit.el("p", { class: "grad-ask" }, ["很久以前的事，还听得见吗？", "Can the far past still be heard?"]),
        Kit.el("div", { class: "grad-top" }, rho.el, Kit.el("div", {},
          Kit.el("p", { class: "fig-big" }, ["每往回一步", "each step back"], " ", big), parts)),
        stage.el, line,
        Kit.el("div", { class: "grad-settings" }, setting(tanh, size), setting(cut, k), setting(clip, theta),
          setting(null, T)),
        Kit.el("figcaption", { class: "fig-note" }, [
          "十个随机网络（16 个单元，矩阵缩放到同一个 ρ），损失只在最后一步；细线各是一个网络，粗线是中位数。" +
            "纵轴是对数，所以每步乘同一个数就是一条直线，淡线标出了那个数。" +
            "裁剪看的是 *W*_{hh} 与 *b*_{h} 的梯度合起来的总范数，超过 θ 就一起缩小：远处消失的回不来。",
          "Ten random networks of 16 units, scaled to the same ρ, with a loss at the last step only: a thin line " +
            "each, the bold one is their median. The axis is logarithmic, so one factor per step makes a straight " +
            "line; the pale lines name the factor. Clipping looks at the total norm of the gradients of " +
            "*W*_{hh} and *b*_{h}; above θ it shrinks all alike, and what vanished stays vanished."]));

      let m = null;
      function draw(values, keys) {
        const v = settled(values);
        if (!m || !keys || keys.some((key) => key !== "at")) m = measure(nets, v); // the cursor alone changes nothing
        fig.result = m;
        said = verdict(v, m);
        Kit.say(line, said);
        said = said.map((s) => s.replace(/_/g, ""));
        if (keys) fig.say(said);
        big.textContent = "\u00d7 " + m.perStep.toFixed(3);
        Kit.say(parts, factor(v, m));
        for (const [slider, name] of [[rho, "rho"], [T, "T"], [size, "size"], [k, "k"],
          [theta, "theta"]]) slider.draw(v[name]);
        tanh.draw(v.tanh);
        cut.draw(v.cut);
        clip.draw(v.clip);
        size.el.hidden = !v.tanh;
        k.el.hidden = !v.cut;
        theta.el.hidden = !v.clip;
        stage.draw(v, m);
        const at = Math.min(v.at, v.T);
        Object.assign(host.dataset, { perStep: m.perStep.toFixed(4), full: m.full[at].toExponential(4),
          middle: at > m.reach ? "" : m.middle[at].toExponential(4),
          total: m.total.toExponential(4), factor: m.factor.toExponential(4), slope: m.slope.toFixed(4),
            reach: m.reach });
      }
      return { draw };
    },
  });
})(globalThis.Kit);
