/* What is wider than the page scrolls in a box of its own. A box that scrolls can be reached with the Tab key
   and has a name; one that does not scroll is no stop. */
(function () {
  "use strict";
  const kinds = [
    [".math__box, .bd-article span.math", "公式 | Formula"],
    [".pst-scrollable-table-container, .table-box, .output.text_html", "表格 | Table"],
    [".cell_output pre", "输出 | Output"],
    [".bd-article pre", "代码 | Code"],
    ["figure.plot, .cell_output .output", "图 | Figure"],
  ];
  const LONG = 120; /* columns: a longer line of output is a text and wraps, a shorter one is part of a table */
  const boxes = new Map();
  for (const [selector, name] of kinds) {
    for (const el of document.querySelectorAll(selector)) if (!boxes.has(el)) boxes.set(el, name);
  }
  for (const el of document.querySelectorAll(".cell_output :is(.stream, .text_plain) pre")) {
    el.classList.toggle("wraps", el.textContent.split("\n").some((line) => line.length > LONG));
  }

  const named = new WeakSet(); /* boxes that got their role and name here */
  function mark(el) {
    if (!el.clientWidth) return; /* not on show */
    if (el.scrollWidth > el.clientWidth + 1) {
      el.tabIndex = 0;
      if (named.has(el) || el.hasAttribute("aria-label")) return;
      named.add(el);
      if (!el.hasAttribute("role")) el.setAttribute("role", "group");
      el.setAttribute("aria-label", boxes.get(el));
    } else {
      el.removeAttribute("tabindex");
      if (!named.delete(el)) return;
      el.removeAttribute("aria-label");
      if (el.getAttribute("role") === "group") el.removeAttribute("role");
    }
  }
  /* Told of a box when its size changes, when it is opened or when its language starts to show. */
  const seen = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
  for (const el of boxes.keys()) seen.observe(el);
  window.addEventListener("load", () => boxes.forEach((_, el) => mark(el)));
  document.addEventListener("booklang", () => boxes.forEach((_, el) => mark(el)));
})();
