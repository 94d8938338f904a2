/* A row of a figure: what it is, the columns (or anything wide), and what belongs to it at the side.

   Kit.row(label, columns, side, kind)   -> the element
     label    a pair ["中文", "English"] or a node     columns   the el of a track's strip, band, memory, ...
     side     a node, a pair or null                  kind      a word for the style sheet: fig-row--KIND
   On narrow screens the label and the side stand above the columns. */
(function (Kit) {
  "use strict";
  Kit.row = (label, columns, side, kind) =>
    Kit.el(
      "div",
      { class: "fig-row" + (kind ? " fig-row--" + kind : "") },
      Kit.el("div", { class: "fig-row__label" }, label),
      columns,
      Kit.el("div", { class: "fig-row__side" }, side),
    );
})(globalThis.Kit);
