/* Words come in pairs, ["中文", "English"]. Both halves stand in the page and a style sheet shows the chosen one, so a
   switch of language costs no redrawing; attributes are set anew. Within words, *F* is a symbol and _7.7_ is bold.

     Kit.lang()               "zh", "en" or "both"
     Kit.text(pair)           the pair as a plain text in that language
     Kit.words(pair)          the pair as nodes
     Kit.say(node, pair)      put the pair in the place of a node's content
     Kit.attr(node, name, pair)   an attribute that follows the switch
     Kit.onLang(run), Kit.onTheme(run)   run after a switch, as long as the node of `run.node`, if given, is there */
(function (Kit) {
  "use strict";
  const root = document.documentElement;

  Kit.lang = () => root.dataset.booklang || "both";
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

  function rich(string) {
    const part = document.createDocumentFragment();
    for (const piece of String(string).split(/(\*[^*\s][^*]*\*|_[^_\s][^_]*_)/)) {
      const mark = piece.length > 2 && piece[0] === piece[piece.length - 1] ? piece[0] : "";
      if (mark !== "*" && mark !== "_") { part.append(piece); continue; }
      const node = document.createElement(mark === "*" ? "i" : "b");
      if (mark === "*") node.className = "fig-symbol";
      node.textContent = piece.slice(1, -1);
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
  const call = (runs) => {
    for (const run of runs) if (run.node && !run.node.isConnected) runs.delete(run); else run();
  };

  let spoken = Kit.lang(), theme = root.dataset.theme;
  new MutationObserver(() => {
    if (Kit.lang() !== spoken) {
      spoken = Kit.lang();
      for (const ref of bearers) {
        const node = ref.deref();
        if (!node) { bearers.delete(ref); continue; }
        for (const [name, pair] of Object.entries(pairs.get(node))) node.setAttribute(name, Kit.text(pair));
      }
      call(speaking);
    }
    if (root.dataset.theme !== theme) {
      theme = root.dataset.theme;
      call(repainting);
    }
  }).observe(root, { attributes: true, attributeFilter: ["data-booklang", "data-theme"] });
})(globalThis.Kit);
