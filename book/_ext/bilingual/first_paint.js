/* Runs in the head, before anything is painted: which language to show.
   ?lang= in the address, else the reader's stored choice, else the browser's languages. */
(function () {
  "use strict";
  var root = document.documentElement, known = /^(zh|en|both)$/;
  try {
    window.localStorage.setItem("bookLangTest", "1");
    window.localStorage.removeItem("bookLangTest");
  } catch (forbidden) {
    /* The theme reads localStorage unguarded: give it one that forgets. */
    var kept = {};
    var memory = {
      getItem: function (key) { return key in kept ? kept[key] : null; },
      setItem: function (key, value) { kept[key] = String(value); },
      removeItem: function (key) { delete kept[key]; }
    };
    try {
      Object.defineProperty(window, "localStorage", { value: memory, configurable: true });
    } catch (fixed) { /* nothing more can be done */ }
    root.dataset.forgetful = "";
  }
  function stored() {
    try { return window.localStorage.getItem("bookLang"); } catch (forbidden) { return null; }
  }
  function browser() {
    var wanted = navigator.languages || [navigator.language || ""];
    for (var i = 0; i < wanted.length; i++) {
      var code = wanted[i].slice(0, 2).toLowerCase();
      if (code === "zh" || code === "en") return code;
    }
    return "en";
  }
  var asked = new URLSearchParams(window.location.search).get("lang"), saved = stored();
  var lang = known.test(asked) ? asked : known.test(saved) ? saved : browser();
  root.dataset.booklang = lang;
  root.lang = lang === "en" ? "en" : "zh-CN";
})();
