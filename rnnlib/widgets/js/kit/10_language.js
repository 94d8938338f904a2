/* Words come in pairs, ["中文", "English"]. Both halves stand in the page and a style sheet shows the chosen one, so a
   switch of language costs no redrawing; attributes are set anew. Within words, *F* is a symbol, _7.7_ is
   bold, `h_n` is code, H_{t−1} has a subscript and 0.5^{10} an exponent. In attributes and Kit.text they stay as they are.

     Kit.lang()               "zh", "en" or "both": that of the page, unless Kit.speak(lang) gave these figures their own
     Kit.text(pair)           the pair as a plain text in that language
     Kit.words(pair)          the pair as nodes
     Kit.say(node, pair)      put the pair in the place of a node's content
     Kit.attr(node, name, pair)   an attribute that follows the switch
     Kit.onLang(run), Kit.onTheme(run)   run after a switch, as long as the node of `run.node`, if given, is there
     Kit.look(), Kit.again()  language and theme in one word; run all of these once more, for a figure that was out of the
                              page while they changed */
(function (Kit) {
  "use strict";
  const root = document.documentElement;

  let own = "";

  Kit.lang = () => own || root.dataset.booklang || "both";
  Kit.text = ([zh, en]) => (Kit.lang() === "zh" ? zh : Kit.lang() === "en" ? en : zh === en ? zh : `${zh} | ${en}`);

  Kit.words = function ([zh, en]) {
    const part = document.createDocumentFragment();
    if (zh === en) return part.append(rich(zh)), part;
    part.append(half("lang-zh", "zh-CN", rich(zh)), half("lang-sep", "", " | "), half("lang-en", "en", rich(en)));
    return part;
  };

  function half(cls, code, content) {
    const span = document.createElement("span");
    span.className = cls;
    if (code) span.lang = code;
    span.append(content);
    return span;
  }

  /* What opens and closes a piece that is set in its own way, and the element that it becomes. */
  const MARKS = [["`", "`", "code", "fig-code"], ["_{", "}", "sub"], ["^{", "}", "sup"], ["*", "*", "i", "fig-symbol"], ["_", "_", "b"]];
  function rich(string) {
    const part = document.createDocumentFragment();
    for (const piece of String(string).split(/(`[^`]+`|[_^]\{[^}]+\}|\*[^*\s][^*]*\*|_[^_\s{][^_]*_)/)) {
      const mark = MARKS.find(([open, close]) => piece.length > open.length + close.length && piece.startsWith(open) && piece.endsWith(close));
      if (!mark) { part.append(piece); continue; }
      const [open, close, name, cls] = mark, node = document.createElement(name);
      if (cls) node.className = cls;
      node.textContent = piece.slice(open.length, -close.length);
      part.append(node);
    }
    return part;
  }

  Kit.say = (node, pair) => node.replaceChildren(Kit.words(pair));

  const pairs = new WeakMap(), bearers = new Set();
  Kit.attr = function (node, name, pair) {
    if (!pairs.has(node)) { pairs.set(node, {}); bearers.add(new WeakRef(node)); }
    pairs.get(node)[name] = pair;
    node.setAttribute(name, Kit.text(pair));
  };

  const speaking = new Set(), repainting = new Set();
  Kit.onLang = (run) => speaking.add(run);
  Kit.onTheme = (run) => repainting.add(run);
  /* A notebook takes whole figures out of the page and puts them back; what has left its figure never returns. */
  const call = (runs) => {
    for (const run of runs) {
      if (!run.node || run.node.isConnected) run();
      else if (!run.node.closest("figure.fig")) runs.delete(run);
    }
  };
  Kit.again = () => { call(speaking); call(repainting); };

  /* Where each host says that it is dark, as in kit.css: the book, Colab, JupyterLab. */
  const body = document.body;
  const shade = () => [root.dataset.theme, root.getAttribute("theme"), body && body.dataset.jpThemeLight].join();
  Kit.look = () => `${Kit.lang()} ${shade()}`;

  let spoken = Kit.lang(), theme = shade();
  function heed() {
    if (Kit.lang() !== spoken) {
      spoken = Kit.lang();
      for (const ref of bearers) {
        const node = ref.deref();
        if (!node) { bearers.delete(ref); continue; }
        for (const [name, pair] of Object.entries(pairs.get(node))) node.setAttribute(name, Kit.text(pair));
      }
      call(speaking);
    }
    if (shade() !== theme) {
      theme = shade();
      call(repainting);
    }
  }
  Kit.speak = (lang) => { own = lang; heed(); };
  const observer = new MutationObserver(heed), attributeFilter = ["data-booklang", "data-theme", "theme", "data-jp-theme-light"];
  for (const node of [root, body]) if (node) observer.observe(node, { attributes: true, attributeFilter });
})(globalThis.Kit);
