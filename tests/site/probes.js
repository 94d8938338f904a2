/* Questions that the tests ask of a page. */
(() => {
  const shown = (el) => el.checkVisibility({ visibilityProperty: true });
  const cjk = (text) => (text.match(/[\u3400-\u9fff]/g) || []).length;
  const words = (text) => (text.match(/[A-Za-z]{2,}/g) || []).length;
  const names = ["title", "aria-label", "alt", "placeholder", "data-bs-original-title", "data-tooltip"];
  /* Code, outputs, formulas and the switch's own names belong to no language. */
  // A glossary names every term in both languages: that is its job.
  const neutral =
    "pre, code, kbd, script, style, noscript, math, .math, .cell_output, .lang-switch, svg, dl.terms dt";
  const prose = "h1, h2, h3, h4, p, li, td, th, dt, dd, summary, figcaption, a, button, label, span";
  const frame =
    ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .bd-footer-content, .prev-next-footer, " +
    "summary, h1, h2, h3";
  const same = /^(English|Colab|\.ipynb|\.pdf|[\d.\s+·|#]*)$/;

  function* textNodes(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let n = walker.nextNode(); n; n = walker.nextNode()) if (n.textContent.trim()) yield n;
  }

  /* Texts on show that belong to the other language. A quotation, such as Chinese verse in an English
     sentence, is not one. */
  function strays(lang) {
    const other = lang === "zh" ? ".lang-en" : ".lang-zh";
    const found = [...document.querySelectorAll(`${other}, .lang-sep`)].filter(shown).map((el) => el.textContent);
    if (lang === "en") {
      for (const el of document.querySelectorAll(prose)) {
        if (!shown(el) || el.closest(neutral)) continue;
        const own = [...el.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.textContent).join(" ");
        if (cjk(own) > 4 && cjk(own) > words(own)) found.push(own.trim());
      }
    } else {
      for (const part of document.querySelectorAll(frame)) {
        for (const n of textNodes(part)) {
          const el = n.parentElement, whole = el.closest("a, button, p, li, h1, h2, h3, summary") || el;
          if (!shown(el) || el.closest(neutral) || same.test(n.textContent.trim())) continue;
          if (words(n.textContent) && !cjk(whole.textContent)) found.push(n.textContent.trim());
        }
      }
    }
    for (const name of names) {
      for (const el of document.querySelectorAll(`[${name}]`)) {
        const text = el.getAttribute(name);
        if (el.closest(`${other}, math`)) continue;
        const quoted = el.closest(".fig") ? words(text) : 0; // a figure names the characters that it shows
        const named = el.closest(".fig") && /^[A-Z]+( [A-Z])?$/.test(text); // RNN, LSTM: the same in both
        if (lang === "en" ? cjk(text) > quoted : words(text) && !cjk(text) && !named) found.push(`${name}=${text}`);
      }
    }
    return found;
  }

  /* Texts whose colour is too near their ground's (WCAG AA), at most five of a kind. */
  function lowContrast() {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const colours = {}, grounds = new Map(), times = {}, poor = {};
    function colour(css) {
      if (!colours[css]) {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = css;
        canvas.fillRect(0, 0, 1, 1);
        colours[css] = [...canvas.getImageData(0, 0, 1, 1).data];
      }
      return colours[css];
    }
    function ground(el) {
      if (!el) return [255, 255, 255, 255];
      if (!grounds.has(el)) {
        const own = colour(getComputedStyle(el).backgroundColor);
        grounds.set(el, own[3] > 250 ? own : ground(el.parentElement));
      }
      return grounds.get(el);
    }
    function luminance(rgba) {
      const [r, g, b] = rgba.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }
    for (const n of textNodes(document.body)) {
      const el = n.parentElement, kind = `${el.tagName}.${el.className} in ${el.parentElement.className}`;
      times[kind] = (times[kind] || 0) + 1;
      if (times[kind] > 5 || !el.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      if (el.closest("script, style, noscript, math, svg, .headerlink, .lang-sep")) continue;
      const style = getComputedStyle(el), size = parseFloat(style.fontSize);
      const a = luminance(colour(style.color)), b = luminance(ground(el));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const large = size >= 24 || (size >= 18.6 && style.fontWeight >= 600);
      if (ratio < (large ? 3 : 4.5)) poor[kind] = `${ratio.toFixed(2)} ${n.textContent.trim().slice(0, 30)}`;
    }
    return poor;
  }

  window.probes = {
    strays,
    lowContrast,
    tooWide: () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    onShow: (selector) => [...document.querySelectorAll(selector)].filter((el) => el.checkVisibility()).length,
  };
})();
