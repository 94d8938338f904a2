/* Colour for canvases: the tokens of kit.css, mixed in OKLab, so that equal steps look equal.

   Kit.palette(host, map)      256 colours as a Uint32Array, in the byte order of ImageData
   Kit.colour(host, map, v)    one colour as CSS; v from -1 to 1 for "signed", from 0 to 1 for the others
   Kit.readable(host, map, v)  "var(--fig-on-dark)" or "var(--fig-on-light)": words to be read on it
   Kit.level(map, v)           which of the 256 colours v takes
   map: "signed" (blue, nothing, orange: states), "gate" (ink: what is let through), "amount" (blue)
   Palettes are forgotten when the theme changes; parts that paint ask again from their own Kit.onTheme. */
(function (Kit) {
  "use strict";
  const STOPS = { signed: ["below", "zero", "above"], gate: ["shut", "open"], amount: ["none", "full"] };
  const palettes = new Map();
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const gamma = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

  function oklab(hex) {
    const [r, g, b] = [1, 3, 5].map((i) => linear(parseInt(hex.slice(i, i + 2), 16) / 255));
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [
      0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
      1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
      0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
    ];
  }

  function bytes([L, a, b]) {
    const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ].map((c) => Math.round(255 * gamma(Math.min(1, Math.max(0, c)))));
  }

  /* The token as written, or grey where the style sheet is missing: a figure without its colours still
     works. */
  function token(style, name) {
    const value = style.getPropertyValue("--fig-" + name).trim();
    return oklab(/^#[0-9a-f]{6}$/i.test(value) ? value : "#888888");
  }

  function make(host, map) {
    const style = getComputedStyle(host),
      stops = STOPS[map].map((name) => token(style, name));
    const colours = new Uint32Array(256),
      view = new DataView(colours.buffer);
    for (let i = 0; i < 256; i++) {
      const x = (i / 255) * (stops.length - 1),
        k = Math.min(stops.length - 2, Math.floor(x)),
        f = x - k;
      const rgb = bytes(stops[k].map((v, c) => v + (stops[k + 1][c] - v) * f));
      rgb.concat(255).forEach((byte, c) => view.setUint8(4 * i + c, byte));
    }
    return colours;
  }

  /* Kept only for hosts in the page: before that there are no tokens to read. */
  function palette(host, map) {
    if (!STOPS[map]) throw new Error("no such map: " + map);
    if (palettes.has(map)) return palettes.get(map);
    const colours = make(host, map);
    if (host.isConnected) palettes.set(map, colours);
    return colours;
  }

  function level(map, v) {
    const x = map === "signed" ? (v + 1) / 2 : v;
    return x > 0 ? Math.min(255, Math.round(x * 255)) : 0; // NaN is 0 too
  }

  function rgb(host, map, v) {
    const bytes4 = new Uint8Array(palette(host, map).buffer),
      at = 4 * level(map, v);
    return [bytes4[at], bytes4[at + 1], bytes4[at + 2]];
  }

  const colour = (host, map, v) => `rgb(${rgb(host, map, v).join(" ")})`;

  /* Light or dark words, whichever of the two has more contrast (0.179: where black and white are even). */
  function readable(host, map, v) {
    const [r, g, b] = rgb(host, map, v).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "var(--fig-on-light)" : "var(--fig-on-dark)";
  }

  Kit.onTheme(() => palettes.clear());
  Object.assign(Kit, { palette, colour, readable, level, oklab });
})(globalThis.Kit);
