/* The search box above the page: closed with the Escape key, it gives the focus back to where it came from. */
(function () {
  "use strict";
  const box = document.querySelector(".search-button__wrapper");
  if (!box) return;
  let from = null;
  document.addEventListener("focusin", (event) => {
    if (!box.contains(event.target)) from = event.target;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.contains(event.target)) return; // the theme has let the focus go by now
    const back = from && from.isConnected && from !== document.body ? from : document.querySelector(".search-button__button");
    box.classList.remove("show");
    back?.focus();
  }, true);
})();
