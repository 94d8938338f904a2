/* Two-language texts outside the reach of CSS: the window's title, and attributes such as aria-label,
   title, alt and placeholder that hold "中文 | English". */
(function () {
  "use strict";
  const SEP = " | ", CJK = /[\u3400-\u4dbf\u4e00-\u9fff]/;
  const names = ["title", "aria-label", "alt", "placeholder", "data-bs-original-title", "data-tooltip"];
  const raw = new WeakMap(); /* element -> { attribute: its two-language text } */
  const known = new Map(); /* either half -> the two-language text: scripts copy one label to another */
  const holders = new Set();

  /* ["中文", "English"], or null for any other text. The Python side has the same rule (split_words). */
  function split(text) {
    const halves = text.trim().split(SEP).map((half) => half.trim());
    return halves.length === 2 && halves[0] && halves[1] && CJK.test(halves[0]) ? halves : null;
  }

  /* "4 " of "4 甲 | 4 A": the number, with its space, that both halves begin with. */
  function sharedNumber(zh, en) {
    const number = /^[\d.]+\s+(?=\S)/.exec(zh);
    return number && en.startsWith(number[0]) && en.length > number[0].length ? number[0] : "";
  }

  function pick(text) {
    const halves = split(text), lang = document.documentElement.dataset.booklang;
    if (!halves) return text;
    if (lang === "both") return halves[0] + SEP + halves[1].slice(sharedNumber(...halves).length);
    return halves[lang === "en" ? 1 : 0];
  }

  /* Setting an attribute to the value it has would wake the observer again, for ever. */
  function set(el, name, value) {
    if (el.getAttribute(name) !== value) el.setAttribute(name, value);
  }

  function write(el) {
    for (const [name, text] of Object.entries(raw.get(el))) set(el, name, pick(text));
  }

  /* Remember an attribute's two-language text; forget it when somebody else has written another one. */
  function take(el) {
    for (const name of names) {
      const text = el.getAttribute(name), kept = raw.get(el);
      const whole = split(text || "") ? text : known.get(text);
      if (whole) {
        raw.set(el, { ...kept, [name]: whole });
        holders.add(el);
        split(whole).forEach((half) => known.set(half, whole));
      } else if (kept && name in kept && text !== pick(kept[name])) {
        delete kept[name];
      }
    }
    if (raw.has(el)) write(el);
  }

  const selector = names.map((name) => `[${name}*="${SEP}"]`).join(",");
  function scan(node) {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.matches(selector)) take(node);
    node.querySelectorAll(selector).forEach(take);
  }

  /* "甲 | A — 书 | Book": each step is picked by itself. */
  const steps = document.title.split(/( \u2014 | - )/);
  function all() {
    document.title = steps.map(pick).join("");
    for (const el of holders) if (el.isConnected) write(el); else holders.delete(el);
  }

  /* The copy buttons come without a name: theirs is their tooltip. */
  function nameCopyButton(el) {
    if (el.matches(".copybtn") && el.dataset.tooltip) set(el, "aria-label", el.dataset.tooltip);
  }

  /* The copy button keeps its words in a table of its own. */
  if (typeof messages === "object" && window.bookWords) {
    for (const words of Object.values(messages)) {
      words.copy = window.bookWords["Copy"];
      words.copy_to_clipboard = window.bookWords["Copy to clipboard"];
      words.copy_success = window.bookWords["Copied!"];
      words.copy_failure = window.bookWords["Failed to copy"];
    }
  }

  scan(document.documentElement);
  all();
  document.addEventListener("booklang", all);
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "attributes") {
        take(change.target);
        nameCopyButton(change.target);
      } else {
        change.addedNodes.forEach((node) => {
          scan(node);
          if (node.matches && node.matches(".copybtn")) nameCopyButton(node);
        });
      }
    }
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: names });

  window.bookLabels = { split, sharedNumber };
})();
