/* Elements. The figures' parts are functions of one global, Kit.

     Kit.el("button", {class: "x", onclick: run, "aria-label": ["中文", "English"]}, child, ["中文", "English"])

   makes an element. Attributes: "on..." are listeners, pairs follow the language, style is an object, false and
   null are left out. Children: nodes, texts, and pairs of words. Kit.fill(node, ...children) appends the same. */
(function (root) {
  "use strict";
  const Kit = (root.Kit = root.Kit || {});

  Kit.el = function (name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (Array.isArray(value)) Kit.attr(node, key, value);
      else if (key === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
      else node.setAttribute(key, value === true ? "" : value);
    }
    return Kit.fill(node, ...children);
  };

  Kit.fill = function (node, ...children) {
    for (const child of children) {
      if (child === undefined || child === null || child === false) continue;
      node.append(Array.isArray(child) ? Kit.words(child) : child);
    }
    return node;
  };

  /* Kit.svg("path", {d: "M0 0"}, ...children): the same for drawings. */
  Kit.svg = function (name, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (Array.isArray(value)) Kit.attr(node, key, value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children) if (child !== null && child !== undefined && child !== false) node.append(child);
    return node;
  };

  /* How a character is shown where it stands alone. */
  Kit.shown = (c) => (c === " " ? "\u2423" : c === "\n" ? "\u21b5" : c);
  Kit.calm = typeof matchMedia === "function" ? matchMedia("(prefers-reduced-motion: reduce)") : { matches: false };
})(globalThis);
