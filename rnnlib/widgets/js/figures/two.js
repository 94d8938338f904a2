/* Two numbers of memory (chapter 3): the network that was computed by hand, drawn with its numbers. Its state is two
   numbers, so a place in a square;
     every letter moves it to another place. Two texts are read side by side. */
(function (Kit) {
  "use strict";
  const LETTERS = ["a", "b", "c"], MOST = 8, LIMIT = 3, EDGE = 1.14;
  const SIZES = { W_xh: [3, 2], W_hh: [2, 2], b_h: [1, 2], W_hq: [2, 3], b_q: [1, 3] };
  const BASE = { W_xh: "1,0,0,1,-1,0", W_hh: "1,0,-1,0", b_h: "0,0", W_hq: "-1,0,1,0,-1,0", b_q: "0,0,0" };
  const FULL = ["最多 8 个字母", "8 letters at most"];
  const ORDINAL = [["第一个数", "the first number"], ["第二个数", "the second number"]];

  /* ---------- the network ---------- */
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const letters = (text) => Array.from(String(text)).filter((c) => LETTERS.includes(c)).slice(0, MOST);

  /* "1,0,-1" -> [1, 0, -1]; what is missing or no number is that of the chapter. */
  function numbers(text, base) {
    const given = String(text).split(",");
    return base.split(",").map((usual, i) => {
      const v = given[i] === undefined || given[i].trim() === "" ? NaN : Number(given[i]);
      return Number.isFinite(v) ? clamp(v, -LIMIT, LIMIT) : Number(usual);
    });
  }
  const weightsOf = (values) => Object.fromEntries(Object.keys(SIZES).map((name) =>
    [name, numbers(values[name], BASE[name])]));

  /* What is added up for unit j when the state is H and a letter is read. */
  function sum(w, H, letter, j) {
    const row = LETTERS.indexOf(letter), parts = [w.W_xh[row * 2 + j], H[0] * w.W_hh[j], H[1] * w.W_hh[2 + j],
      w.b_h[j]];
    const total = parts.reduce((a, b) => a + b, 0);
    return { parts, total, value: Math.tanh(total) };
  }
  const step = (w, H, letter) => [0, 1].map((j) => sum(w, H, letter, j).value);

  /* H_0 = (0, 0) and the state after each letter. */
  function states(w, word) {
    const path = [[0, 0]];
    for (const letter of word) path.push(step(w, path[path.length - 1], letter));
    return path;
  }
  const logits = (w, H) => LETTERS.map((_, v) => H[0] * w.W_hq[v] + H[1] * w.W_hq[3 + v] + w.b_q[v]);
  function probabilities(w, H) {
    const z = logits(w, H), top = Math.max(...z), e = z.map((v) => Math.exp(v - top)),
      all = e.reduce((a, b) => a + b, 0);
    return e.map((v) => v / all);
  }

  /* Where in the square the network bets on letter v: the part in which its logit is the largest. A logit is a linear
     function of the place, so each rival cuts off the part beyond a straight line. */
  function region(w, v) {
    let corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    for (let rival = 0; rival < 3; rival++) {
      if (rival === v) continue;
      const lead = (H) => { const z = logits(w, H); return z[v] - z[rival]; }, kept = [];
      corners.forEach((here, i) => {
        const next = corners[(i + 1) % corners.length], a = lead(here), b = lead(next);
        if (a > 0) kept.push(here);
        if (a > 0 !== b > 0) kept.push([0, 1].map((k) => here[k] + ((next[k] - here[k]) * a) / (a - b)));
      });
      corners = kept;
    }
    return corners;
  }
  function middle(corners) {
    let area = 0, x = 0, y = 0;
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % corners.length], cross = p[0] * q[1] - q[0] * p[1];
      area += cross;
      x += (p[0] + q[0]) * cross;
      y += (p[1] + q[1]) * cross;
    });
    return { area: area / 2, at: [x / (3 * area), y / (3 * area)] };
  }
  const apart = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);

  /* ---------- words ---------- */
  const minus = (text) => text.replace("-", "\u2212");
  const fixed = (v, digits) => minus((Math.abs(v) < 0.5 * 10 ** -digits ? 0 : v).toFixed(digits));
  const short = (v) => minus(String(Math.round(v * 100) / 100));
  const place = (H, digits) => `(${fixed(H[0], digits)}, ${fixed(H[1], digits)})`;
  const named = (word) => (word.length ? word.join("") : "");
  const brief = (word) => (word.length < 6 ? named(word) : `${word[0]}${word[1]}\u2026${word[word.length - 1]}`);
  const symbol = (name) => {
    const [letter, low] = name.split("_");
    return Kit.el("i", { class: "fig-symbol" }, letter, Kit.el("sub", {}, low));
  };
  function winner(p) {
    const top = Math.max(...p), best = LETTERS.filter((_, v) => top - p[v] < 5e-4), tie = best.length > 1;
    return [`_${best.join("_、_")}_（${tie ? "并列，" : ""}${fixed(top, 3)}）`,
      `_${best.join("_ or _")}_ (${tie ? "a tie, " : ""}${fixed(top, 3)})`];
  }

  /* What the two places say, in one sentence. */
  function verdict(mine, other) {
    const [m, o] = [named(mine.word), named(other.word)], gap = apart(mine.H, other.H), d = fixed(gap, 2);
    const [p, q] = [winner(mine.p), winner(other.p)];
    const bets = [`_${m}_ 之后押 ${p[0]}，_${o}_ 之后押 ${q[0]}`,
      `After _${m}_ it bets on ${p[1]}, after _${o}_ on ${q[1]}`];
    if (!m || !o) {
      return ["还没有读：状态在正中间，(0, 0)。", "Nothing read yet: the state stands in the middle, (0, 0)."];
    }
    if (m === o) return [`两段都是 _${m}_，当然停在同一个地方。`,
      `Both texts are _${m}_, so of course they end in one place.`];
    const same = m[m.length - 1] === o[o.length - 1], last = m[m.length - 1];
    if (gap < 0.005) {
      return [`_${m}_ 和 _${o}_ 停在同一个地方：对这个网络来说，它们是同一段过去。`,
        `_${m}_ and _${o}_ end in one place: to this network they are the same past.`];
    }
    if (same) {
      return [`_${m}_ 和 _${o}_ 最后都是 ${last}，停的地方却相距 _${d}_。${bets[0]}。`,
        `_${m}_ and _${o}_ both end in ${last}, and yet they stand _${d}_ apart. ${bets[1]}.`];
    }
    return [`_${m}_ 和 _${o}_ 相距 _${d}_。${bets[0]}。`, `_${m}_ and _${o}_ stand _${d}_ apart. ${bets[1]}.`];
  }

  /* ---------- a number that can be dragged ---------- */
  function weight(label, usual, change, write = short) {
    const el = Kit.el("span", { class: "two-weight", role: "slider", tabindex: "0", "aria-label": label,
      "aria-valuemin": -LIMIT, "aria-valuemax": LIMIT,
      title: ["拖动，或用方向键；双击复原", "Drag, or use the arrow keys; double click: as before"] });
    let now = usual, held = null;
    const go = (v) => change(Math.round(clamp(v, -LIMIT, LIMIT) * 10) / 10);
    el.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      el.focus({ preventScroll: true });
      try { el.setPointerCapture(event.pointerId); } catch (gone) { /* the pointer has already left */ }
      held = { x: event.clientX, y: event.clientY, from: now };
    });
    el.addEventListener("pointermove", (event) => {
      if (held) go(held.from + (event.clientX - held.x - (event.clientY - held.y)) / 60);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) el.addEventListener(end,
      () => { held = null; });
    el.addEventListener("dblclick", () => change(usual));
    el.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const by = { ArrowUp: 0.1, ArrowRight: 0.1, ArrowDown: -0.1, ArrowLeft: -0.1, PageUp: 1, PageDown: -1,
        Home: -99, End: 99 }[event.key];
      const back = event.key === "Delete" || event.key === "Backspace";
      if (by === undefined && !back) return;
      event.preventDefault();
      if (back) change(usual); else go(now + (event.shiftKey && Math.abs(by) < 1 ? by * 10 : by));
    });
    return { el, draw(v) {
      now = v;
      el.textContent = write(v);
      el.setAttribute("aria-valuenow", v);
      el.setAttribute("aria-valuetext", short(v));
      el.toggleAttribute("data-changed", v !== usual);
    } };
  }

  /* ---------- the network, drawn ---------- */
  /* x in per cent of the width, y in pixels. */
  const X = { in: 7, hidden: 46, out: 76 }, HIGH = 388;
  const Y = { in: [40, 106, 172], before: [270, 336], hidden: [120, 250], out: [75, 185, 295] };
  /* How far along its line a number stands: near the node it comes from, where the lines are still apart. */
  const NEAR = { in: 0.22, out: 0.3 };

  function network(change, choose) {
    const svg = Kit.svg("svg", { viewBox: `0 0 100 ${HIGH}`, preserveAspectRatio: "none",
      "aria-hidden": "true" });
    const el = Kit.el("div", { class: "two-net", role: "group",
      "aria-label": ["网络和它的权重", "The network and its weights"] }, svg);
    const at = (x, y, cls, ...inside) => {
      const node = Kit.el("span", { class: cls, style: { left: x + "%", top: y + "px" } }, ...inside);
      el.append(node);
      return node;
    };
    const edges = [], knobs = [];

    function knob(name, index, x, y, label) {
      const usual = Number(BASE[name].split(",")[index]), bias = (v) => (v < 0 ? "" : "+") + short(v);
      const k = weight(label, usual, (v) => change(name, index, v), name[0] === "b" ? bias : short);
      Object.assign(k.el.style, { left: x + "%", top: y + "px" });
      el.append(k.el);
      knobs.push({ ...k, name, index });
      return k;
    }
    function edge(name, index, from, to, side, label) {
      const line = Kit.svg("path", { d: `M${from[0]} ${from[1]}L${to[0]} ${to[1]}` });
      svg.append(line);
      const along = (k) => from[k] + (to[k] - from[k]) * NEAR[side], k = knob(name, index, along(0), along(1), label);
      for (const kind of ["pointerenter", "focus"]) k.el.addEventListener(kind, () => { line.dataset.hot = ""; });
      for (const kind of ["pointerleave", "blur"]) k.el.addEventListener(kind, () => {
        if (document.activeElement !== k.el || kind === "blur") delete line.dataset.hot;
      });
      edges.push({ line, k, name, index });
    }
    const unit = (j) => ORDINAL[j];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 2; j++) {
        edge("W_xh", i * 2 + j, [X.in, Y.in[i]], [X.hidden, Y.hidden[j]], "in",
          [`W_xh，从 ${LETTERS[i]} 到${unit(j)[0]}`, `W_xh, from ${LETTERS[i]} to ${unit(j)[1]}`]);
      }
    }
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 2; j++) {
        edge("W_hh", i * 2 + j, [X.in, Y.before[i]], [X.hidden, Y.hidden[j]], "in",
          [`W_hh，从上一步的${unit(i)[0]}到${unit(j)[0]}`,
            `W_hh, from ${unit(i)[1]} before to ${unit(j)[1]}`]);
      }
    }
    for (let j = 0; j < 2; j++) knob("b_h", j, X.hidden, Y.hidden[j] + 38,
      [`b_h，${unit(j)[0]}的偏置`, `b_h, bias of ${unit(j)[1]}`]);
    for (let j = 0; j < 2; j++) {
      for (let v = 0; v < 3; v++) {
        edge("W_hq", j * 3 + v, [X.hidden, Y.hidden[j]], [X.out, Y.out[v]], "out",
          [`W_hq，从${unit(j)[0]}到 ${LETTERS[v]}`, `W_hq, from ${unit(j)[1]} to ${LETTERS[v]}`]);
      }
    }
    for (let v = 0; v < 3; v++) knob("b_q", v, X.out, Y.out[v] + 28,
      [`b_q，${LETTERS[v]} 的偏置`, `b_q, bias of ${LETTERS[v]}`]);

    at(X.in, 8, "two-head", symbol("X_t"));
    at(X.in, 237, "two-head", symbol("H_t\u22121"));
    at(X.hidden, 8, "two-head", symbol("H_t"));
    const column = X.in + (X.hidden - X.in) * NEAR.in;
    at(column, 8, "two-head is-weight", symbol("W_xh"));
    at(column, 212, "two-head is-weight", symbol("W_hh"));
    at(X.hidden + (X.out - X.hidden) * NEAR.out, 8, "two-head is-weight", symbol("W_hq"));
    for (let j = 0; j < 2; j++) at(X.hidden, Y.hidden[j] - 34, "two-head is-unit",
      [["第一个数", "first"], ["第二个数", "second"]][j]);
    at(X.out + 12, 8, "two-head", ["下一个", "next"]);
    const inputs = Y.in.map((y, i) => at(X.in, y, "two-node is-letter", LETTERS[i]));
    const before = Y.before.map((y) => at(X.in, y, "two-node"));
    const hidden = Y.hidden.map((y, j) => {
      const node = Kit.el("button", { class: "two-node is-state", type: "button",
        style: { left: X.hidden + "%", top: y + "px" },
        "aria-label": [`${ORDINAL[j][0]}是怎么算的`, `How ${ORDINAL[j][1]} is computed`],
          onclick: () => choose(j) });
      el.append(node);
      return node;
    });
    const outs = Y.out.map((y, v) => {
      at(X.out, y, "two-node is-letter", LETTERS[v]);
      const bar = { mine: Kit.el("i", { class: "is-mine" }), other: Kit.el("i", { class: "is-other" }) };
      const value = Kit.el("b"), beside = Kit.el("span", { class: "two-beside" });
      el.append(Kit.el("div", { class: "two-bet", style: { left: X.out + 5.5 + "%", top: y + "px" } }, value,
        bar.mine, bar.other, beside));
      return { ...bar, value, beside };
    });

    function paint(node, v) {
      node.textContent = v === null ? "" : fixed(v, 2);
      node.style.background = v === null ? "" : Kit.colour(el.closest(".fig"), "signed", v);
      node.style.color = v === null ? "" : Kit.readable(el.closest(".fig"), "signed", v);
    }
    /* How much an edge carries now: a letter that is read carries 1, the others nothing. */
    function load({ name, index }, mine) {
      if (name === "W_xh") return LETTERS[Math.floor(index / 2)] === mine.letter ? 1 : 0;
      if (name === "W_hh") return mine.before ? Math.abs(mine.before[Math.floor(index / 2)]) : 0;
      return Math.abs(mine.H[Math.floor(index / 3)]);
    }
    return { el, draw(w, mine, other, j) {
      for (const k of knobs) k.draw(w[k.name][k.index]);
      for (const e of edges) {
        const v = w[e.name][e.index], carried = load(e, mine);
        e.line.setAttribute("class", v > 0 ? "is-plus" : v < 0 ? "is-minus" : "is-zero");
        e.line.style.strokeWidth = (v ? 0.9 + 1.5 * Math.min(2, Math.abs(v)) * carried : 1) + "px";
        e.line.style.opacity = (v ? 0.22 + 0.78 * Math.min(1, carried) : 0.3).toFixed(2);
        e.k.el.toggleAttribute("data-quiet", carried < 0.005);
      }
      for (const k of knobs) if (k.name[0] === "b") k.el.toggleAttribute("data-quiet",
        w[k.name][k.index] === 0);
      inputs.forEach((node, i) => node.toggleAttribute("data-on", LETTERS[i] === mine.letter));
      before.forEach((node, i) => paint(node, mine.before ? mine.before[i] : null));
      hidden.forEach((node, i) => {
        paint(node, mine.H[i]);
        node.setAttribute("aria-pressed", String(i === j));
      });
      outs.forEach((o, v) => {
        o.value.textContent = fixed(mine.p[v], 3);
        o.mine.style.width = 100 * mine.p[v] + "%";
        o.other.style.width = 100 * other.p[v] + "%";
        const rival = other.word.length < 4 ? named(other.word) : ["对照", "other"];
        o.beside.replaceChildren();
        if (other.word.length) Kit.fill(o.beside, fixed(other.p[v], 3), " ", rival);
        o.value.parentNode.toggleAttribute("data-best", mine.p[v] === Math.max(...mine.p));
      });
    } };
  }

  /* ---------- the square ---------- */
  function plane() {
    const svg = Kit.svg("svg", { viewBox: `${-EDGE} ${-EDGE} ${2 * EDGE} ${2 * EDGE}`,
      "aria-hidden": "true" });
    const over = Kit.el("div", { class: "two-over", "aria-hidden": "true" });
    const el = Kit.el("div", { class: "two-plane", role: "img" }, svg, over);
    const per = (v) => (100 * (v + EDGE)) / (2 * EDGE) + "%";
    const write = (H, cls, content, style) => over.append(Kit.el("span",
      { class: cls, style: { left: per(H[0]), top: per(-H[1]), ...style } }, content));
    const d = (points) =>
      points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(4)} ${(-y).toFixed(4)}`).join("");

    function ground(w) {
      svg.append(Kit.svg("path", { class: "two-square", d: "M-1 -1H1V1H-1Z" }));
      LETTERS.forEach((letter, v) => {
        const corners = region(w, v);
        if (corners.length < 3) return;
        const { area, at } = middle(corners);
        svg.append(Kit.svg("path", { class: `two-region is-${letter}`, d: d(corners) + "Z" }));
        if (area > 0.08) write(at, "two-letter", letter);
      });
      svg.append(Kit.svg("path", { class: "two-axis", d: "M-1 0H1M0 -1V1" }));
      for (const v of [-1, 1]) {
        write([v, -1.0], "two-tick is-x", minus(String(v)));
        write([-1.0, v], "two-tick is-y", minus(String(v)));
      }
      write([0, -1.0], "two-tick is-x", ORDINAL[0]);
      write([-1.0, 0], "two-tick is-up", ORDINAL[1]);
    }
    /* A step as an arc to the left of its way, the other one's flatter: there and back, or one and the other,
       never cover each other. */
    function arc(from, to, cls) {
      const far = apart(from, to), bend = Math.min(0.1, 0.15 * far) * (cls === "is-mine" ? 1 : 0.4);
      const off = [(-(to[1] - from[1]) / far), (to[0] - from[0]) / far];
      const along = (by) => [0, 1].map((k) => (from[k] + to[k]) / 2 + off[k] * by);
      return { far, bend: along(bend), label: along(bend / 2 + 0.08) };
    }
    function arrow(from, to, cls) {
      const { far, bend } = arc(from, to, cls);
      if (far < 0.03) return;
      const last = apart(bend, to), [ux, uy] = [(to[0] - bend[0]) / last, (to[1] - bend[1]) / last],
        short = cls === "is-mine" ? 0.055 : 0.085, tip = [to[0] - ux * short, to[1] - uy * short];
      const size = Math.min(0.075, far / 2), back = [tip[0] - ux * size, tip[1] - uy * size];
      const wing = (s) => [back[0] - s * uy * size * 0.5, back[1] + s * ux * size * 0.5];
      const at = ([x, y]) => `${x.toFixed(4)} ${(-y).toFixed(4)}`;
      svg.append(Kit.svg("path", { class: "two-way " + cls, d: `M${at(from)}Q${at(bend)} ${at(back)}` }));
      svg.append(Kit.svg("path", { class: "two-tip " + cls, d: d([tip, wing(1), wing(-1)]) + "Z" }));
    }
    /* The other one ends in a ring, which shows around my dot where both stand in one place. */
    function path(reader, cls) {
      const last = reader.path.length - 1;
      reader.path.forEach((H, i) => {
        if (i) arrow(reader.path[i - 1], H, cls);
        svg.append(Kit.svg("circle", { class: "two-dot " + cls + (i === last ? " is-end" : ""), cx: H[0], cy: -H[1],
          r: i < last ? 0.022 : cls === "is-mine" ? 0.05 : 0.068 }));
      });
      reader.path.slice(1).forEach((H, i) => {
        const { far, label } = arc(reader.path[i], H, cls);
        if (far >= 0.16) write(label, "two-step " + cls, reader.word[i]);
      });
    }
    /* Names of the two places, one above and one below when they are close. */
    function name(reader, cls, below) {
      const shift = { transform: `translate(${-50 - 36 * reader.H[0]}%, ${below ? 45 : -145}%)` };
      write(reader.H, "two-name " + cls, Kit.el("span", {}, Kit.el("b", {}, brief(reader.word)), " ",
        place(reader.H, 2)), shift);
    }
    return { el, draw(w, mine, other) {
      svg.replaceChildren();
      over.replaceChildren();
      ground(w);
      path(other, "is-other");
      path(mine, "is-mine");
      const gap = apart(mine.H, other.H), close = Math.abs(mine.H[0] - other.H[0]) < 1 &&
        Math.abs(mine.H[1] - other.H[1]) < 0.3;
      if (mine.word.length) name(mine, "is-mine", false);
      if (other.word.length && named(other.word) !== named(mine.word)) name(other, "is-other",
        close || (gap < 0.3));
      const after = (reader, nothing) => [named(reader.word) || nothing, place(reader.H, 2)];
      const [m, o] = [after(mine, "零个字母"), after(other, "零个字母")];
      const [n, p] = [after(mine, "no letter"), after(other, "no letter")];
      Kit.attr(el, "aria-label", [`平面：读完 ${m[0]}，状态在 ${m[1]}；读完 ${o[0]}，在 ${o[1]}`,
        `Plane: after ${n[0]} the state is at ${n[1]}; after ${p[0]}, at ${p[1]}`]);
    } };
  }

  /* ---------- one sum, spelled out ---------- */
  function spelled() {
    const el = Kit.el("div", { class: "two-terms" });
    const block = (value, words, cls) => Kit.el("span", { class: "two-term " + (cls || "") },
      Kit.el("b", {}, value), Kit.el("small", {}, words));
    /* A sign stays with what it stands before. */
    const part = (sign, ...given) => Kit.el("span", { class: "two-part" },
      Kit.el("span", { class: "two-sign" }, sign), block(...given));
    const round = (text, v) => (v < 0 && text[0] === "\u2212" ? `(${text})` : text);
    const times = (h, v) => `${round(fixed(h, 4), h)} \u00d7 ${round(short(v), v)}`;
    return { el, draw(w, mine, j) {
      if (!mine.letter) {
        el.replaceChildren(block("0", ["什么也没读", "nothing read"]));
        return null;
      }
      const s = sum(w, mine.before, mine.letter, j), row = LETTERS.indexOf(mine.letter);
      const from = (i) => ["前一步的" + ORDINAL[i][0], ORDINAL[i][1] + " before"];
      el.replaceChildren(
        block(short(w.W_xh[row * 2 + j]), [`读到 ${mine.letter}`, `reading ${mine.letter}`], "is-in"),
        part("+", times(mine.before[0], w.W_hh[j]), from(0)),
        part("+", times(mine.before[1], w.W_hh[2 + j]), from(1)),
        part("+", round(short(w.b_h[j]), w.b_h[j]), ["偏置", "bias"]),
        part("=", fixed(s.total, 4), ["加起来", "the sum"]),
        part("\u2192", fixed(s.value, 4), ["tanh 之后", "after tanh"], "is-end"));
      return s;
    } };
  }

  Kit.figure("two", {
    title: ["两个数的记忆", "Two numbers of memory"],
    defaults: { word: "ab", other: "bb", t: 2, unit: 1, W_xh: "1,0,0,1,-1,0", W_hh: "1,0,-1,0", b_h: "0,0",
      W_hq: "-1,0,1,0,-1,0", b_q: "0,0,0" },
    packs: [],
    make(host, fig) {
      const longest = (v) => Math.max(letters(v.word).length, letters(v.other).length);
      const go = (t) => fig.set({ t: clamp(t, 0, longest(fig.values)) });
      const read = () => letters(fig.values.word).slice(0, fig.values.t);

      /* The reader's hand. */
      function feed(letter) {
        const before = read();
        if (before.length >= MOST) return fig.say(FULL);
        const whole = letters(fig.values.word), next = before.length === fig.values.t &&
          whole[before.length] === letter;
        fig.set(next ? { t: before.length + 1 } : { word: named([...before, letter]), t: before.length + 1 });
      }
      function drop() {
        const before = read().slice(0, -1);
        fig.set({ word: named(before), t: before.length });
      }
      function change(name, index, v) {
        const now = numbers(fig.values[name], BASE[name]);
        now[index] = v;
        fig.set({ [name]: now.join(",") });
      }
      let said = ["", ""];

      const player = Kit.player((by) => {
        const to = fig.values.t + by;
        if (to < 0 || to > longest(fig.values)) return false;
        go(to);
        return true;
      }, () => go(0), { every: 900, speeds: null, label: ["一步一步读", "Read step by step"],
        back: ["上一个字母", "The letter before"], on: ["下一个字母", "The next letter"] });
      const box = Kit.el("div", { class: "two-track" });
      const track = Kit.track(box, (t) => { player.stop(); go(t); },
        { least: 30, toggle: () => player.toggle() });
      const strip = track.strip(["读到的字母；按 a、b、c 再喂一个", "Letters read; press a, b or c to feed one"],
        () => said);
      strip.el.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (LETTERS.includes(event.key)) feed(event.key);
        else if (event.key === "Backspace") drop();
        else return;
        event.preventDefault();
      });
      const beside = track.plain(["并排读的另一段", "The other text, read beside it"]);
      box.append(Kit.row(["读", "reads"], strip.el, null, "mine"),
        Kit.row(["对照", "beside"], beside.el, null, "other"));

      const key = (letter) => Kit.el("button", { class: "two-key", type: "button",
        "aria-label": [`喂 ${letter}`, `Feed ${letter}`], onclick: () => feed(letter) }, letter);
      const feeders = LETTERS.map(key), full = Kit.el("span", { class: "fig-muted" }, FULL);
      const erase = Kit.el("button", { class: "two-key is-erase", type: "button",
        "aria-label": ["去掉最后一个字母", "Take the last letter back"], onclick: drop }, "\u232b");
      const keep = Kit.el("button", { class: "fig-link", type: "button",
        onclick: () => fig.set({ other: named(read()) }) });
      const again = Kit.el("button", { class: "fig-link", type: "button",
        onclick: () => fig.set({ ...BASE }) }, ["权重复原", "Weights as before"]);
      const keys = Kit.el("div", { class: "two-keys" }, Kit.el("span", { class: "fig-muted" }, ["喂", "feed"]),
        ...feeders, erase, player.el);

      const net = network(change, (j) => fig.set({ unit: j + 1 })), square = plane(), terms = spelled();
      const which = Kit.choice(["怎么算出来的：", "How it is computed:"],
        [{ value: 1, words: ["第一个数", "first number"] },
          { value: 2, words: ["第二个数", "second number"] }],
        (v) => fig.set({ unit: v }), { value: 1 });
      const line = Kit.el("p", { class: "two-verdict" });
      host.append(
        Kit.el("p", { class: "two-ask" }, ["最后一个字母一样，停的地方也一样吗？", "Same last letter. Same place?"]),
        Kit.el("div", { class: "two-read" }, box, Kit.el("div", { class: "two-hand" }, keys,
          Kit.el("p", { class: "two-links" }, full, keep, again))),
        line, Kit.el("div", { class: "two-main" }, net.el, square.el),
        Kit.el("div", { class: "two-sum" }, which.el, terms.el),
        Kit.el("figcaption", { class: "fig-note" }, [
          "方框里的一点就是一个状态：横着是第一个数，竖着是第二个数；大字是网络站在那一片时押的字母。" +
            "网络上框着的每个数都可以拖动（或用方向键），圆下面的是偏置；线越粗，此刻传得越多，橙色为正，蓝色为负。",
          "A point in the square is a state: the first number across, the second one up. The large letters say what " +
            "the network bets on from there. Drag any framed number, or use the arrow keys; below a circle it's a " +
            "bias. A line is as thick as what it carries now, orange for plus, blue for minus."]));

      function reader(w, text, t) {
        const word = letters(text).slice(0, t), path = states(w, word), n = word.length;
        return { word, path, H: path[n], before: n ? path[n - 1] : null, letter: n ? word[n - 1] : null,
          p: probabilities(w, path[n]) };
      }
      function tapes(v, n) {
        const pad = (text) => ["\u25cb", ...letters(text), ...Array(MOST).fill("")].slice(0, n + 1);
        strip.write(pad(v.word));
        const last = letters(v.other).length, state = (i) =>
          (i > v.t ? "is-ahead" : i === last && v.t > last ? "is-last" : "");
        beside.write(pad(v.other).map((c, i) => Kit.el("span", { class: state(i) }, c)));
        beside.el.toggleAttribute("data-over", v.t > last);
        box.style.setProperty("--two-n", n + 1);
        track.cursor(v.t);
      }
      function show(name, value) {
        host.dataset[name] = value;
      }
      function draw(v, keys) {
        const w = weightsOf(v), n = Math.max(longest(v), 1), t = clamp(Math.round(v.t), 0, n),
          j = v.unit === 2 ? 1 : 0;
        const mine = reader(w, v.word, t), other = reader(w, v.other, t);
        const written = verdict(mine, other);
        said = written.map((s) => s.replace(/_/g, ""));
        tapes({ ...v, t }, n);
        Kit.say(line, written);
        if (keys) fig.say(said);
        net.draw(w, mine, other, j);
        square.draw(w, mine, other);
        which.draw(j + 1);
        const s = terms.draw(w, mine, j);
        Kit.say(keep, mine.word.length ? [`留下 _${named(mine.word)}_ 作对照`,
          `Keep _${named(mine.word)}_ to compare with`] : ["不要对照", "Compare with nothing"]);
        keep.hidden = named(mine.word) === named(letters(v.other));
        again.hidden = Object.keys(SIZES).every((name) => w[name].join() === numbers(BASE[name],
          BASE[name]).join());
        erase.disabled = !mine.word.length;
        full.hidden = mine.word.length < MOST;
        for (const node of feeders) node.setAttribute("aria-disabled", String(!full.hidden));
        show("word", named(mine.word));
        show("beside", named(other.word));
        show("state", mine.H.map((h) => h.toFixed(4)).join(","));
        show("other", other.H.map((h) => h.toFixed(4)).join(","));
        show("p", mine.p.map((p) => p.toFixed(3)).join(","));
        show("otherP", other.p.map((p) => p.toFixed(3)).join(","));
        show("sum", s ? s.total.toFixed(4) : "");
        show("apart", apart(mine.H, other.H).toFixed(3));
      }
      const repaint = () => draw(fig.values);
      repaint.node = host;
      Kit.onTheme(repaint);
      return { draw };
    },
  });
})(globalThis.Kit);
