/* The theme marks in a page's contents where the reader is. On a page without contents it would follow every link
   instead, and stumble over those that set a figure (#quiz:chapter=1 is no selector): there it has nothing to do. */
(function () {
  "use strict";
  const target = document.body.dataset.bsTarget;
  if (target && !document.querySelector(target)) document.body.removeAttribute("data-bs-spy");
})();
