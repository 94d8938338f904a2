/* The language switch: sets <html data-booklang>, keeps the reader's place, remembers, carries the choice
   along links. Announces a change by the event "booklang" on document; the style sheet does the rest. */
(function () {
  "use strict";
  const root = document.documentElement;
  const known = ["zh", "en", "both"];
  const blocks = ".bd-article :is(.lang-block, h1, h2, h3, h4, .cell, div.math, table, figure, pre, section > p, section > ul, section > ol)";

  const shown = (el) => el.getClientRects().length > 0;

  /* What the reader is looking at: the first block that begins near the header, else the one that runs under it. */
  function place() {
    const header = document.querySelector(".bd-header-article");
    const top = header ? header.getBoundingClientRect().bottom : 0;
    let under = null;
    for (const el of document.querySelectorAll(blocks)) {
      const box = el.getBoundingClientRect();
      if (!box.height || box.bottom <= top + 4) continue;
      if (box.top >= top && box.top < top + innerHeight / 4) return { el, top, offset: box.top - top, share: 0 };
      under = under || { el, top, offset: box.top - top, share: Math.max(0, top - box.top) / box.height };
    }
    return under;
  }

  /* The same place after the switch: the block itself, or its twin in the other language. */
  function restore(was) {
    if (!was) return;
    let el = was.el;
    if (!shown(el)) {
      const block = el.closest(".lang-block") || el;
      el = [block.nextElementSibling, block.previousElementSibling].find(
        (twin) => twin && twin.matches(".lang-block") && shown(twin));
    }
    if (!el) return;
    const box = el.getBoundingClientRect();
    const wanted = was.share ? was.top - was.share * box.height : was.top + was.offset;
    window.scrollBy({ top: box.top - wanted, behavior: "instant" });
  }

  function press(lang) {
    for (const button of document.querySelectorAll(".lang-switch button")) {
      button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
    }
  }

  function choose(lang) {
    if (!known.includes(lang)) return;
    const was = window.scrollY > 0 ? place() : null;
    root.dataset.booklang = lang;
    root.lang = lang === "en" ? "en" : "zh-CN";
    press(lang);
    document.dispatchEvent(new CustomEvent("booklang", { detail: lang }));
    restore(was);
    try { localStorage.setItem("bookLang", lang); } catch (forbidden) { root.dataset.forgetful = ""; }
    const url = new URL(location.href);
    if (url.searchParams.has("lang")) {
      url.searchParams.set("lang", lang);
      try { history.replaceState(history.state, "", url); } catch (forbidden) { /* some file:// pages */ }
    }
  }

  /* Links carry ?lang= where storage cannot: asked for by address, files, or storage that fails. */
  const mustCarry = () => "forgetful" in root.dataset || location.protocol === "file:" ||
    new URLSearchParams(location.search).has("lang");

  function carry(event) {
    const link = event.target.closest && event.target.closest("a[href]");
    if (!link || !mustCarry() || link.getAttribute("href").startsWith("#")) return;
    const url = new URL(link.href, location.href);
    if (url.protocol !== location.protocol || url.host !== location.host) return;
    if (!/(\.html|\/)$/.test(url.pathname) || url.pathname === location.pathname && url.hash) return;
    url.searchParams.set("lang", root.dataset.booklang);
    link.href = url.href;
  }

  function carryForm(event) {
    const form = event.target;
    if (!form.matches(".bd-search") || !mustCarry()) return;
    let field = form.querySelector("input[name=lang]");
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "lang" });
      form.append(field);
    }
    field.value = root.dataset.booklang;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest(".lang-switch button");
    if (button) choose(button.dataset.lang);
  });
  for (const kind of ["pointerdown", "focusin", "click"]) document.addEventListener(kind, carry, true);
  document.addEventListener("submit", carryForm, true);
  window.addEventListener("storage", (event) => {
    if (event.key === "bookLang" && event.newValue && !mustCarry()) choose(event.newValue);
  });
  press(root.dataset.booklang);
})();
