/* The few icons of the parts.

   Kit.icon(name)    play, pause, back, on, again, close, plus, minus, in the colour of the words
   Kit.id(prefix)    an id that this page has not seen yet, for labels and descriptions */
(function (Kit) {
  "use strict";
  const PATHS = {
    play: "M7 4.5v15l12-7.5z",
    pause: "M6.5 5h4v14h-4zM13.5 5h4v14h-4z",
    back: "M15.5 5.5v13L6.5 12z",
    on: "M8.5 5.5v13l9-6.5z",
    again: "M12 5V2L7 6l5 4V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
    close: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6l5.6-5.6L5 6.4z",
    plus: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
    minus: "M5 11h14v2H5z",
  };
  let ids = 0;

  const icon = (name) =>
    Kit.svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, Kit.svg("path", { d: PATHS[name] }));

  Object.assign(Kit, { icon, id: (prefix) => `${prefix || "fig"}-${++ids}` });
})(globalThis.Kit);
