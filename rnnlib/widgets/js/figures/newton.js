/* How many rounds Newton needs (chapter 15): all states of a small tanh RNN at once, H_t = tanh(X_t + H_{t-1} W), from a
   guess of zeros. Above, one unit over time, walked and guessed; under it, on the same axis, the error of every step
   in this round, and how far the guess is right; below, the rounds over the spectral radius for three networks.

   State: rho, size ("small", "medium", "large"), seed, round (0: the guess of zeros).
   Kit.newton = {network, walk, solve}: the arithmetic, on flat arrays, row by row; solve is rnnlib.today.newton. */
(function (Kit) {
  "use strict";
  const { el } = Kit, H = 16, T = 96, NEAR = 1e-6, SEEDS = 999, OTHERS = 2, MOST_RHO = 2.5, MOST_ERROR = 100, CONTRARY = 5;
  const SIZES = { small: 0.3, medium: 0.6, large: 1 };
  const WORDS = { small: ["小", "small"], medium: ["中", "medium"], large: ["大", "large"] };
  const RHOS = Array.from({ length: 26 }, (_, i) => i / 10);
  const START = { rho: 2, round: 20, size: "small", seed: 1 };
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

  /* ---------- the arithmetic ---------- */
  /* W [H, H] with spectral radius 1 and inputs X [T, H]; they are scaled by `scaled`. */
  function network(seed) {
    const rng = Kit.random(seed), W = Kit.normals(rng, H * H), X = Kit.normals(rng, T * H), radius = Kit.radius(W, H);
    return { W: W.map((v) => v / radius), X };
  }
  const scaled = (net, rho, size) => [net.W.map((v) => rho * v), net.X.map((v) => size * v), H];

  /* The states [T, H], step by step. */
  function walk(W, X, n) {
    const out = new Float64Array(X.length);
    for (let at = 0; at < X.length; at += n) for (let j = 0; j < n; j++) {
      let a = X[at + j];
      if (at) for (let i = 0; i < n; i++) a += out[at - n + i] * W[i * n + j];
      out[at + j] = Math.tanh(a);
    }
    return out;
  }

  /* Newton's rounds, until no state changed by more than NEAR: {guesses, changes}. A round puts the tangent at the guess
     G in the place of tanh and solves what is then linear, H_t = f_t + J_t (H_{t-1} - G_{t-1}), by a loop. */
  function solve(W, X, n, keep = true) {
    const guesses = [], changes = [], before = new Float64Array(n), off = new Float64Array(n);
    let G = new Float64Array(X.length);
    do {
      const next = new Float64Array(X.length);
      let change = 0;
      for (let at = 0; at < X.length; at += n) {
        if (at) for (let i = 0; i < n; i++) {
          before[i] = G[at - n + i];
          off[i] = next[at - n + i] - before[i];
        } else { before.fill(0); off.fill(0); }
        for (let j = 0; j < n; j++) {
          let a = X[at + j], moved = 0;
          for (let i = 0, k = j; i < n; i++, k += n) { a += before[i] * W[k]; moved += off[i] * W[k]; }
          const f = Math.tanh(a), v = f + (1 - f * f) * moved;
          change = Math.max(change, Math.abs(v - G[at + j]));
          next[at + j] = v;
        }
      }
      G = next;
      changes.push(change);
      if (keep) guesses.push(G);
    } while (changes.length < X.length / n && !(changes[changes.length - 1] <= NEAR));
    return { guesses, changes };
  }
  Kit.newton = { network, walk, solve };

  const kept = new Map();
  const once = (key, make) => { if (!kept.has(key)) kept.set(key, make()); return kept.get(key); };
  const drawn = (seed) => once(seed, () => network(seed));
  const rounds = (seed, size, rho) => solve(...scaled(drawn(seed), rho, SIZES[size]), false).changes.length;
  const name = (seed, size) => `${seed} ${size}`;
  const swept = (seed, size) => once(name(seed, size), () => RHOS.map((rho) => rounds(seed, size, rho)));

  /* All that is shown of one network: the true states, each round's guess with its largest error at every step, and
     how many steps from the first on are right. */
  function measure({ rho, size, seed }) {
    const given = scaled(drawn(seed), rho, SIZES[size]), truth = walk(...given), { guesses, changes } = solve(...given);
    const all = [new Float64Array(T * H), ...guesses];
    const errors = all.map((G) => Array.from({ length: T }, (_, t) => {
      let worst = 0;
      for (let k = t * H; k < (t + 1) * H; k++) worst = Math.max(worst, Math.abs(G[k] - truth[k]));
      return worst;
    }));
    const right = errors.map((list) => { const k = list.findIndex((e) => !(e <= NEAR)); return k < 0 ? T : k; });
    const unit = (G) => Array.from({ length: T }, (_, t) => G[t * H]);
    return { needed: changes.length, changes, errors, right, truth: unit(truth), guesses: all.map(unit) };
  }

  /* ---------- words ---------- */
  const plain = (pair) => pair.map((s) => s.replace(/[_*]/g, ""));
  const many = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

  function verdict(m, r) {
    const k = m.right[r], more = r ? k - m.right[r - 1] : 0, most = Math.max(...m.errors[r]), worst = Kit.short(Number(most.toPrecision(2)));
    if (!r) return [`第 0 轮是猜的：全是零，最多差 ${worst}。一共要 _${m.needed} 轮_。`,
      `Round 0 is the guess: all zeros, off by up to ${worst}. It will take _${many(m.needed, "round")}_.`];
    const before = more <= 0 || k === 1 ? ["", ""] : k < T ? [`，比上一轮多 ${more} 步`, `, ${more} more than a round ago`]
      : [`，上一轮是 ${T - more} 步`, `; a round ago it was ${T - more}`];
    const how = k === 1 ? ["，这是一定的", ", as guaranteed"]
      : k < T ? [`；一定准的是头 ${r} 步`, `; ${r} ${r === 1 ? "was" : "were"} guaranteed`]
      : more > T / 2 ? ["：一下子到处都对了", ": all at once, everywhere"] : ["", ""];
    const all = k === 1 ? [`第 _1_ 步对了（共 ${T} 步）`, `the first of ${T} steps is right`]
      : k < T ? [`前 _${k}_ 步对了（共 ${T} 步）`, `the first _${k}_ of ${T} steps are right`] : [`_${T}_ 步全对了`, `all _${T}_ steps are right`];
    const end = r < m.needed ? [`一共要 _${m.needed} 轮_。`, `It will take _${many(m.needed, "round")}_.`]
      : m.changes[r - 1] <= NEAR ? [`没有状态再变过 ${Kit.short(NEAR)}：_${m.needed} 轮_，到头了。`, `No state changes by more than ${Kit.short(NEAR)}: done in _${many(m.needed, "round")}_.`]
        : [`${T} 轮总是够的。`, `${T} rounds always suffice.`];
    const off = most <= MOST_ERROR ? ["", ""] : ["，画在框边", ", drawn at the frame's edge"];
    return [`第 ${r} 轮，${all[0]}${before[0]}${how[0]}。最大误差 ${worst}${off[0]}。${end[0]}`,
      `Round ${r}: ${all[1]}${before[1]}${how[1]}. Largest error: ${worst}${off[1]}. ${end[1]}`];
  }

  /* ---------- the picture: a unit and the errors on one axis of time ---------- */
  const UNIT = 176, GAP = 52, ERRORS = 150, TOP = 24, TALL = TOP + UNIT + GAP + ERRORS + 36;

  function picture(step, go, play) {
    const svg = Kit.svg("svg", { "aria-hidden": "true" }), over = el("div", { class: "fig-curve__over", "aria-hidden": "true" });
    const node = el("div", { class: "fig-curve fig-curve--still newton__stage", role: "slider", tabindex: "0",
      "aria-label": ["牛顿法的第几轮", "Round of Newton"], "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0,
      style: { height: TALL + "px" } }, svg, over);
    const frame = Kit.id("newton");
    let shown = null;
    const put = (kind, attributes, ...inside) => svg.append(Kit.svg(kind, attributes, ...inside));
    function say(x, y, cls, words) {
      const label = el("div", { class: "fig-curve__label " + cls, style: { left: x.toFixed(1) + "px", top: y.toFixed(1) + "px" } }, words);
      over.append(label);
      return label;
    }

    function panel(box, y, ticks, title) {
      const map = Kit.axes.axes(box, { min: 0.5, max: T + 0.5 }, y), foot = box.top + box.height;
      for (const v of ticks) {
        put("path", { class: "fig-curve__grid", d: `M${box.left} ${map.Y(v)}H${box.left + box.width}` });
        say(box.left - 6, map.Y(v), "is-y", Kit.short(v));
      }
      put("path", { class: "fig-plot__axis", d: `M${box.left} ${box.top}V${foot}H${box.left + box.width}` });
      say(0, box.top - 23, "is-top", title);
      return map;
    }
    function paint() {
      const wide = node.clientWidth;
      if (!shown || !wide) return;
      const { m, r } = shown, k = m.right[r], box = { left: 46, width: wide - 46 - 8 };
      svg.setAttribute("viewBox", `0 0 ${wide} ${TALL}`);
      svg.replaceChildren();
      over.replaceChildren();
      const upper = { ...box, top: TOP, height: UNIT }, lower = { ...box, top: TOP + UNIT + GAP, height: ERRORS };
      const X = Kit.axes.axes(upper, { min: 0.5, max: T + 0.5 }, { min: 0, max: 1 }).X, foot = lower.top + ERRORS;
      if (k) put("rect", { class: "newton__right", x: box.left, y: upper.top, width: X(k + 0.5) - box.left, height: foot - upper.top });
      const unit = panel(upper, { min: -1.3, max: 1.3 }, [-1, 0, 1], ["第 1 个单元的状态", "state of unit 1"]);
      const error = panel(lower, { min: 1e-16, max: MOST_ERROR, log: true }, [1e-16, 1e-12, 1e-8, 1e-4, 1], ["每一步的最大误差", "largest error at each step"]);
      const points = (list) => list.map((v, t) => [t + 1, v]);
      put("clipPath", { id: frame }, Kit.svg("rect", { x: box.left, y: upper.top, width: box.width, height: UNIT }));
      put("path", { class: "newton__truth", d: Kit.axes.path(points(m.truth), unit) });
      const free = { X: unit.X, Y: (v) => clamp(upper.top + UNIT * (0.5 - v / 2.6), -1e4, 1e4) };
      put("path", { class: "fig-curve__series fig-stroke-1 newton__guess", "clip-path": `url(#${frame})`, d: Kit.axes.path(points(m.guesses[r]), free) });
      put("path", { class: "fig-curve__line", d: `M${box.left} ${error.Y(NEAR)}H${box.left + box.width}` });
      if (r) put("path", { class: "fig-curve__ghost fig-stroke-5", d: Kit.axes.path(points(m.errors[r - 1]), error) });
      put("path", { class: "fig-curve__series fig-stroke-1 newton__error", d: Kit.axes.path(points(m.errors[r]), error) });
      const x = X(k + 0.5), words = k === T ? ["全对", "all right"] : [`对到第 ${k} 步`, `right up to step ${k}`];
      if (k) {
        put("path", { class: "newton__edge", d: `M${x} ${upper.top}V${foot}` });
        const label = say(0, upper.top + UNIT + 6, "newton__mark", words), long = label.offsetWidth;
        label.style.left = (x + 5 + long <= wide ? x + 5 : x - 5 - long >= 0 ? x - 5 - long : wide - long).toFixed(1) + "px";
      }
      for (const t of wide > 480 ? [1, 24, 48, 72, T] : [1, 24, 48, T]) say(X(t), foot + 1, "is-x" + (t === T ? " is-end" : ""), t === T ? [`第 ${t} 步`, `step ${t}`] : String(t));
    }
    function tell() {
      if (!shown) return;
      node.setAttribute("aria-valuemax", shown.m.needed);
      node.setAttribute("aria-valuenow", shown.r);
      node.setAttribute("aria-valuetext", Kit.text(plain(verdict(shown.m, shown.r))));
    }
    node.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 }[event.key];
      const to = { Home: 0, End: T }[event.key];
      if (by === undefined && to === undefined && event.key !== " ") return;
      event.preventDefault();
      if (by) step(by); else if (to !== undefined) go(to); else play();
    });
    new ResizeObserver(paint).observe(node);
    Kit.onLang(Object.assign(() => { paint(); tell(); }, { node }));
    return { el: node, draw(m, r) { shown = { m, r }; paint(); tell(); } };
  }

  /* ---------- rounds over the spectral radius ---------- */
  function chart() {
    const label = ["", ""], plot = Kit.plot(label, { height: 250, x: { min: 0, max: MOST_RHO, ticks: [0, 0.5, 1, 1.5, 2, 2.5], words: ["谱半径 *ρ*", "spectral radius *ρ*"] },
      y: { min: 1, max: 120, log: true, ticks: [1, 3, 10, 30, T], words: ["轮数", "rounds"] } });
    let ticket = 0;
    function draw(v, needed) {
      const mine = ++ticket, seeds = Array.from({ length: 1 + OTHERS }, (_, i) => v.seed + i);
      const series = seeds.filter((seed) => kept.has(name(seed, v.size))).map((seed, i) => ({ id: `seed${seed}`,
        points: swept(seed, v.size).map((n, k) => [RHOS[k], n]), stroke: seed === v.seed ? 0 : 5,
        words: seed === v.seed ? [`这个网络（种子 ${seed}）`, `this network (seed ${seed})`] : i === 1 ? [`种子 ${seeds.slice(1).join(" 和 ")}`, `seeds ${seeds.slice(1).join(" and ")}`] : null }));
      plot.draw({ series: [...series.reverse(), { id: "here", kind: "points", stroke: 1, points: [[v.rho, needed]] }],
        lines: [{ x: v.rho, mark: true }, { y: T, words: [`${T} 轮，和步数一样多`, `${T} rounds, one per step`] }] });
      plot.el.classList.toggle("is-marked-right", v.rho > MOST_RHO / 2); // the words keep out of the marker's way
      const told = [0.5, 1, 1.5, 2, 2.5].map((rho) => [rho, kept.has(name(v.seed, v.size)) && swept(v.seed, v.size)[RHOS.indexOf(rho)]]);
      Kit.attr(plot.el.firstChild, "aria-label", [`轮数随谱半径 ρ：${told.map(([rho, n]) => `ρ = ${rho} 时 ${n} 轮`).join("，")}。`,
        `Rounds over the spectral radius ρ: ${told.map(([rho, n]) => `${n} at ρ = ${rho}`).join(", ")}.`]);
      const missing = seeds.find((seed) => !kept.has(name(seed, v.size)));
      if (missing) setTimeout(() => { if (mine === ticket) { swept(missing, v.size); draw(v, needed); } });
    }
    return { el: plot.el, key: plot.key, draw };
  }

  /* ---------- a guess first ---------- */
  function question(host, fig) {
    const asked = [0.5, 1, 1.5, 2], of = (size) => asked.map((rho) => rounds(START.seed, size, rho));
    const small = of("small"), large = of("large"), zh = (ns) => ns.join("、"), en = (ns) => ns.join(", ");
    const choice = (ns, words, right) => ({ words: [`${zh(ns)}：${words[0]}`, `${en(ns)}: ${words[1]}`], right });
    const times = (by) => small.map((n) => clamp(Math.round(by * n), 1, T));
    return Kit.predict(host, { id: "newton", remember: false,
      question: [`种子 ${START.seed}，*ρ* = ${zh(asked)}，小的输入要 ${zh(small)} 轮。_大的_输入呢？`,
        `Seed ${START.seed}, *ρ* = ${en(asked)}: small inputs take ${en(small)} rounds. And _large_ inputs?`],
      choices: [choice(small, ["一样", "the same"]), choice(large, ["*ρ* 大的少了", "fewer where *ρ* is large"], true),
        choice(times(0.5), ["处处减半", "half of it everywhere"]), choice(times(2), ["处处加倍", "twice as many"])],
      reveal() {
        fig.set({ ...START, rho: 2, size: "large", round: Math.round(large[3] / 2) });
        const [few, more] = ["small", "large"].map((one) => rounds(CONTRARY, one, 2));
        return [[`_${zh(large)}_。在这个网络里，输入大，tanh 更饱和，切线更平，前面的误差传不远。这不是定律：要是小的输入已经更饱和、不走向混沌，也会反过来。种子 ${CONTRARY}，*ρ* = 2：小的输入 ${few} 轮，大的 ${more} 轮。刚才把上面换成了种子 ${START.seed}、大的输入、*ρ* = 2，走到一半。`,
          `_${en(large)}_. In this network large inputs saturate tanh more: its tangents are flatter, and errors don't get far. That's no law: if small inputs already saturate it more and don't lead to chaos, it can be the other way round. With seed ${CONTRARY} and *ρ* = 2, small inputs take ${few} rounds and large ones ${more}. The picture above was set to seed ${START.seed} with large inputs at *ρ* = 2, halfway through.`]];
      } });
  }

  /* ---------- the figure ---------- */
  function make(host, fig) {
    let m = null, key = "", painted = "", held = null;
    const settled = (v) => ({ rho: clamp(Math.round(v.rho * 20) / 20, 0, MOST_RHO), size: v.size in SIZES ? v.size : START.size,
      seed: clamp(Math.round(v.seed), 1, SEEDS), round: clamp(Math.round(v.round), 0, T) });
    const now = () => Math.min(settled(fig.values).round, m.needed);
    function look(v) {
      const wanted = `${v.rho} ${v.size} ${v.seed}`;
      if (wanted !== key) { key = wanted; fig.result = m = measure(v); }
      return m;
    }
    /* Another radius, size or network: the share of rounds done stays (held, lest rounding shift it). */
    function change(part) {
      const same = held && held.round === now() && held.needed === m.needed, share = same ? held.share : now() / m.needed;
      const { needed } = look(settled({ ...fig.values, ...part }));
      held = { share, needed, round: Math.round(share * needed) };
      fig.set({ ...part, round: held.round });
    }
    const go = (round) => fig.set({ round: clamp(round, 0, m.needed) });
    function step(by) {
      const to = clamp(now() + by, 0, m.needed), moves = to !== now();
      if (moves) go(to);
      return moves;
    }
    const player = Kit.player(step, () => go(0), { every: 700, speeds: null, label: ["一轮一轮地放", "Round by round"],
      back: ["上一轮", "Previous round"], on: ["下一轮", "Next round"] });
    const rho = Kit.slider(["谱半径 ρ", "Spectral radius ρ"], { min: 0, max: MOST_RHO, step: 0.05, value: START.rho,
      ticks: [0, 0.5, 1, 1.5, 2, 2.5] }, (v) => change({ rho: v }));
    const size = Kit.choice(["输入", "Inputs"], Object.keys(SIZES).map((value) => ({ value, words: WORDS[value].map((w) => `${w} × ${SIZES[value]}`) })),
      (v) => change({ size: v }), { value: START.size });
    const button = (words, act) => el("button", { class: "fig-button", type: "button", onclick: act }, words);
    const stage = picture((by) => { player.stop(); step(by); }, go, player.toggle), plot = chart();
    const count = el("p", { class: "newton__count" }), line = el("p", { class: "newton__verdict" });
    host.append(
      el("p", { class: "newton__ask" }, ["牛顿法要几轮？状态先从哪里对起？", "How many rounds does Newton need, and where do the states get right first?"]),
      el("div", { class: "newton__controls" }, rho.el, size.el, el("div", { class: "newton__buttons" },
        button(["换一个网络", "Another random network"], () => change({ seed: (settled(fig.values).seed % SEEDS) + 1 })),
        button(["还原", "Reset"], () => { player.stop(); guess.ask(); fig.set({ ...START }); }))),
      el("div", { class: "newton__rounds" }, player.el, count), stage.el,
      el("p", { class: "fig-curve__key newton__key" }, el("span", { class: "is-truth" }, ["一步一步算的", "step by step"]),
        el("span", { class: "is-guess" }, ["这一轮", "this round"]), el("span", { class: "is-before" }, ["上一轮的误差", "errors of the round before"]),
        el("span", { class: "is-near" }, Kit.short(NEAR))),
      line, plot.el, plot.key);
    const guess = question(host, fig);
    host.append(el("figcaption", { class: "fig-note" }, [
      `*H*_{t} = tanh(*X*_{t} + *H*_{t−1} *W*)，${H} 个单元，${T} 步，*H*_{0} = 0，*W* 缩放到谱半径 *ρ*，全在这一页里算。误差取 ${H} 个单元里最大的；“对”是指误差不超过 ${Kit.short(NEAR)}。猜测飞出上面的框时不画；误差超出下面的框时，画在框边上。第 *r* 轮之后，头 *r* 步一定准，所以 ${T} 轮总够让它们全对。没有状态再变过 ${Kit.short(NEAR)} 就停，因此最后一轮只是核对（走满 ${T} 轮的除外）。改动 *ρ*、输入或网络时，走完的轮数所占的比例不变。每轮是一个线性循环，这里一步一步解；扫描两两相并，只要 ${Math.ceil(Math.log2(T))} 趟。换个网络，轮数可以差很多；走得混沌时，单是舍入就能差几轮。`,
      `*H*_{t} = tanh(*X*_{t} + *H*_{t−1} *W*) with ${H} units, ${T} steps, *H*_{0} = 0 and *W* scaled to the spectral radius *ρ*; all of it is computed on this page. The error is the largest of the ${H} units', and a step is right if it's at most ${Kit.short(NEAR)}. Where the guess leaves the upper frame it isn't drawn; errors beyond the lower one are drawn at its edge. After round *r* the first *r* steps are certainly right, so ${T} rounds always suffice to get them all right. The rounds end when no state changes by more than ${Kit.short(NEAR)}; so the last one only confirms (unless all ${T} are run). When *ρ*, the inputs or the network change, the share of rounds done stays. Each round is a linear recurrence, solved here step by step; a scan would join it in ${Math.ceil(Math.log2(T))} passes. Another network may need far more rounds, or far fewer; in chaos, rounding alone can shift the count by a few.`]));

    function draw(values, keys) {
      const v = settled(values);
      look(v);
      if (painted !== key) {
        painted = key;
        rho.draw(v.rho);
        size.draw(v.size);
        plot.draw(v, m.needed);
      }
      const r = Math.min(v.round, m.needed), said = verdict(m, r);
      Kit.say(count, [`第 _${r}_ 轮，共 ${m.needed} 轮`, `Round _${r}_ of ${m.needed}`]);
      Kit.say(line, said);
      stage.draw(m, r);
      Object.assign(host.dataset, { round: r, needed: m.needed, right: m.right[r], seed: v.seed });
      if (keys) fig.say(plain(said));
    }
    return { draw };
  }

  Kit.figure("newton", { title: ["牛顿法要几轮", "How many rounds Newton needs"], defaults: START, packs: [], make });
})(globalThis.Kit);
