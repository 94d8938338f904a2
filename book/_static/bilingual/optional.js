/* Folded sections open when somebody is led into them, and all of them on paper. */
(function () {
  "use strict";
  function openAround(target) {
    for (let fold = target && target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      fold.open = true;
    }
  }
  function follow() {
    const name = decodeURIComponent(window.location.hash.slice(1));
    const target = name && document.getElementById(name);
    if (!target) return;
    /* A link to an optional title wants to read it. */
    const own = target.querySelector(":scope > details.optional");
    if (own) own.open = true;
    openAround(target);
  }
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details.optional:not([open])").forEach((fold) => {
      fold.open = true;
      fold.dataset.closedAgain = "";
    });
  });
  window.addEventListener("afterprint", () => {
    document.querySelectorAll("details[data-closed-again]").forEach((fold) => {
      fold.open = false;
      delete fold.dataset.closedAgain;
    });
  });
  follow();
})();
