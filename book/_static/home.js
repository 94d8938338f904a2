/* The home page's figure: an untrained recurrent network reads what is typed. Each column is its state after
   one letter, H_t = tanh(X_t W_xh + H_(t-1) W_hh + b_h); the bar below says how far that state would move if
   the first letter were another one. The weights are random, from a fixed seed. */
(function () {
  "use strict";
  const figure = document.querySelector(".memory");
  if (!figure) return;
  const LETTERS = " abcdefghijklmnopqrstuvwxyz", UNITS = 9, LONGEST = 24;
  const CELL = 14, GAP = 2, BARS = 34, SVG = "http://www.w3.org/2000/svg";

  /* mulberry32, and a normal variate from it */
  let seed = 7;
  function uniform() {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const matrix = (rows, columns, scale) =>
    Array.from({ length: rows }, () => Array.from({ length: columns }, () => scale * normal()));
  const Wxh = matrix(LETTERS.length, UNITS, 0.7);
  const Whh = matrix(UNITS, UNITS, 1.35 / Math.sqrt(UNITS));
  const bh = matrix(1, UNITS, 0.1)[0];

  function read(text) {
    let h = Array(UNITS).fill(0);
    return Array.from(text, (letter) => {
      const x = Wxh[LETTERS.indexOf(letter)];
      h = bh.map((b, j) => Math.tanh(x[j] + h.reduce((sum, value, i) => sum + value * Whh[i][j], b)));
      return h;
    });
  }
  const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]));
  const other = (letter) => LETTERS[(LETTERS.indexOf(letter) + 7) % LETTERS.length];

  function add(parent, name, attributes, text) {
    const el = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, value);
    if (text) el.textContent = text;
    parent.append(el);
  }
  /* Blue below zero, orange above, pale near zero: readable without red and green. */
  function colour(value) {
    const to = value < 0 ? [31, 103, 150] : [221, 110, 44], pale = [236, 236, 232], share = Math.abs(value);
    return `rgb(${to.map((c, i) => Math.round(pale[i] + (c - pale[i]) * share)).join(",")})`;
  }

  const field = figure.querySelector("input"), svg = figure.querySelector("svg");
  function draw() {
    const text = Array.from(field.value.toLowerCase()).filter((c) => LETTERS.includes(c)).slice(0, LONGEST).join("");
    svg.replaceChildren();
    const step = CELL + GAP, grid = UNITS * step;
    svg.setAttribute("viewBox", `0 0 ${Math.max(16, text.length) * step} ${grid + 20 + BARS}`);
    if (!text) return;
    const states = read(text), moved = read(other(text[0]) + text.slice(1)).map((h, t) => distance(h, states[t]));
    const most = Math.max(...moved);
    states.forEach((h, t) => {
      const x = t * step;
      h.forEach((value, i) => add(svg, "rect", { x, y: i * step, width: CELL, height: CELL, rx: 2, fill: colour(value) }));
      add(svg, "text", { x: x + CELL / 2, y: grid + 11 }, text[t] === " " ? "\u2423" : text[t]);
      const height = Math.max(0.5, (BARS * moved[t]) / most);
      add(svg, "rect", { x: x + 2, y: grid + 18, width: CELL - 4, height, rx: 1, class: "memory__moved" });
    });
    add(svg, "line", { x1: 0, x2: text.length * step - GAP, y1: grid + 18, y2: grid + 18, class: "memory__base" });
    figure.dataset.letters = text.length;
    figure.dataset.lastMoved = (moved[moved.length - 1] / most).toFixed(4);
  }
  figure.querySelector("button").addEventListener("click", () => {
    const first = field.value.charAt(0).toLowerCase();
    if (LETTERS.includes(first) && first) field.value = other(first) + field.value.slice(1);
    draw();
  });
  field.addEventListener("input", draw);
  figure.hidden = false;
  draw();
})();
