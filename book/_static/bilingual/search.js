/* Search results in the reader's language: the words around them, their titles and their summaries. */
(function () {
  "use strict";
  if (window.bookWords && typeof Documentation === "object" && Documentation.addTranslations) {
    Documentation.addTranslations({ messages: window.bookWords, plural_expr: "0", locale: "zh-en" });
  }
  const list = document.getElementById("search-results");
  if (!list) return;
  const SEP = " | ";
  const bcp47 = { zh: "zh-CN", en: "en" };

  function span(className, ...content) {
    const el = document.createElement("span");
    el.className = className;
    el.append(...content);
    return el;
  }

  /* A chapter's number stands in both halves; while both show, the second one hides. */
  function halves(zh, en) {
    const number = bookLabels.sharedNumber(zh, en);
    const english = number ? [span("lang-repeated", number), en.slice(number.length)] : [en];
    const found = [span("lang-zh", zh), span("lang-sep", SEP), span("lang-en", ...english)];
    found[0].lang = bcp47.zh;
    found[2].lang = bcp47.en;
    return found;
  }

  /* "甲 | A > 乙 | B" is a chapter and its section: 甲 > 乙 and A > B. */
  function splitTitle(text) {
    const steps = text.split(" > ").map((step) => step.split(SEP));
    if (steps.every((step) => step.length === 1)) return null;
    return [0, 1].map((i) => steps.map((step) => step[Math.min(i, step.length - 1)]).join(" > "));
  }

  /* Sphinx fills in the first ${resultCount}; the other half has one, too. */
  function splitText(node) {
    const count = /\d+/.exec(node.textContent);
    const parts = splitTitle(node.textContent.replace("${resultCount}", count ? count[0] : "0"));
    if (parts) node.replaceWith(...halves(...parts));
  }

  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const added of change.addedNodes) {
        const walker = document.createTreeWalker(added, NodeFilter.SHOW_TEXT);
        const texts = [];
        for (let node = walker.currentNode; node; node = walker.nextNode()) {
          if (node.nodeType === Node.TEXT_NODE && !node.parentElement?.closest(".lang-zh, .lang-en, .lang-sep, .context")) texts.push(node);
        }
        texts.forEach(splitText);
      }
    }
  }).observe(list, { subtree: true, childList: true });

  /* A page opened as a file may not fetch others: titles alone. */
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  /* What follows replaces functions of Sphinx's script that it promises to nobody. Should one be gone, then
     its own search stays as it is. */
  const used = ["_index", "setIndex", "htmlToText", "makeSearchSummary", "_parseQuery", "_performSearch"];
  const missing = typeof Search === "object" ? used.filter((name) => !(name in Search)) : ["Search"];
  if (missing.length) {
    console.warn(`Sphinx's search has changed (no ${missing.join(", ")}): it is used as it is, not in two languages.`);
    return;
  }

  /* The index is asked for words by name: "constructor" must not find what every object inherits. */
  const bare = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } });
  function guard(index) {
    for (const table of [index?.terms, index?.titleterms]) if (table) Object.setPrototypeOf(table, bare);
    return index;
  }
  const setIndex = Search.setIndex;
  Search.setIndex = (index) => setIndex(guard(index));
  guard(Search._index);

  /* A summary for each language, cut from that language's text alone. */
  const summarize = Search.makeSearchSummary, toText = Search.htmlToText;
  const pages = new Map(); /* a page found many times is read once */
  function articleOf(html) {
    if (!pages.has(html)) {
      const article = new DOMParser().parseFromString(html, "text/html").querySelector("article.bd-article");
      article?.querySelectorAll("noscript, script, style, svg, summary, h1, .headerlink").forEach((el) => el.remove());
      for (const [name, marks] of Object.entries({ mfrac: ["/"], msub: ["_"], msup: ["^"], msubsup: ["_", "^"] })) {
        article?.querySelectorAll(name).forEach((el) => marks.forEach((mark, i) => el.children[i]?.append(mark)));
      }
      pages.set(html, article);
    }
    return pages.get(html);
  }

  function summaryIn(code, html, keywords, anchor) {
    const article = articleOf(html);
    if (!article) return null;
    const part = (anchor && article.ownerDocument.getElementById(anchor.slice(1)) || article).cloneNode(true);
    part.querySelectorAll(code === "zh" ? ".lang-en, .lang-sep" : ".lang-zh, .lang-sep").forEach((el) => el.remove());
    const holder = document.createElement("div");
    holder.setAttribute("role", "main");
    holder.textContent = part.textContent;
    const summary = summarize(holder.outerHTML, keywords);
    if (!(summary instanceof Element)) return null;
    summary.classList.add(`lang-${code}`);
    summary.lang = bcp47[code];
    return summary;
  }
  Search.htmlToText = (html, anchor) => toText(html, anchor).replace(/[\u2061-\u2064]/g, "").replace(/\s+/g, " ");
  Search.makeSearchSummary = (...args) => {
    const both = document.createDocumentFragment();
    for (const code of ["zh", "en"]) {
      const summary = summaryIn(code, ...args);
      if (summary) both.append(summary);
    }
    return both;
  };

  if (window.bookRanking) window.bookRanking.install(Search);

  /* Mark whole runs of Chinese before the pairs that they were cut into. */
  const parse = Search._parseQuery;
  Search._parseQuery = (query) => {
    const parsed = parse(query);
    if (!(parsed?.[3] instanceof Set)) return parsed;
    const runs = query.toLowerCase().match(/[\u3400-\u4dbf\u4e00-\u9fff]+/g) || [];
    parsed[3] = new Set([...runs, ...parsed[3]]);
    try { localStorage.setItem("sphinx_highlight_terms", [...parsed[3]].join(" ")); } catch (forbidden) { /* no marks */ }
    return parsed;
  };
})();
