/* A tree that can be opened: the search for a continuation, a character a node.

   const tree = Kit.tree(label, {pick, open})
     pick(node)   the reader chooses a node (click, Enter or space)
     open         how many levels stand open at first (1)
   tree.el
   tree.draw([{id, c, p, kept, words, children}], at)
     c the character, p its probability (the bar), kept: still in the search (others are faded), words: a pair
     after the bar (a score, a reason), children: the same again; at: the id of the chosen node
   tree.open(id, yes)   open or close a node from outside
   Keyboard: Up, Down, Home, End from node to node; Right opens or goes in, Left closes or goes out; Enter,
   space choose; * opens all at this level. What is open stays open when the tree is drawn again. */
(function (Kit) {
  "use strict";
  const percent = (p) => (p >= 0.0995 ? Math.round(100 * p) : (100 * p).toFixed(1)) + " %";
  const spoken = (c) => (c === " " ? ["空格", "space"] : [c, c]);

  function tree(label, { pick, open = 1 } = {}) {
    const el = Kit.el("ul", { class: "fig-tree", role: "tree", "aria-label": label });
    const opened = new Map(),
      items = new Map();
    let nodes = [],
      chosen = null,
      focus = null;

    const inside = (node) => (node.children || []).length > 0;
    const isOpen = (node, depth) => (opened.has(node.id) ? opened.get(node.id) : depth < open);

    function name(node) {
      const [zh, en] = spoken(node.c),
        also = node.words || ["", ""];
      const state =
        node.kept === undefined ? ["", ""] : node.kept ? ["，留下", ", kept"] : ["，放弃", ", dropped"];
      const p = node.p === undefined ? "" : percent(node.p);
      return [
        `${zh}，${p}${state[0]} ${plain(also[0])}`.trim(),
        `${en}, ${p}${state[1]} ${plain(also[1])}`.trim(),
      ];
    }
    const plain = (s) => s.replace(/[*_]/g, "");

    function row(node, on) {
      const dropped = node.kept === false;
      return Kit.el(
        "div",
        { class: "fig-tree__row" + (dropped ? " is-dropped" : ""), "aria-hidden": "true" },
        Kit.el("span", { class: "fig-tree__twist" }, inside(node) ? (on ? "\u25be" : "\u25b8") : ""),
        Kit.el("span", { class: "fig-tree__letter" }, Kit.shown(node.c)),
        node.p === undefined
          ? null
          : Kit.el("span", { class: "fig-tree__bar" }, Kit.el("i", { style: { "--p": node.p.toFixed(4) } })),
        node.p === undefined ? null : Kit.el("span", { class: "fig-tree__value" }, percent(node.p)),
        node.words ? Kit.el("span", { class: "fig-tree__words" }, node.words) : null,
        node.kept === undefined
          ? null
          : Kit.el("span", { class: "fig-tree__kept" }, node.kept ? "\u2713" : "\u00d7"),
      );
    }
    function item(node, parent, depth, position, size) {
      const on = inside(node) && isOpen(node, depth);
      const li = Kit.el(
        "li",
        {
          class: "fig-tree__item",
          role: "treeitem",
          tabindex: "-1",
          "aria-label": name(node),
          "aria-level": depth + 1,
          "aria-setsize": size,
          "aria-posinset": position + 1,
          "aria-expanded": inside(node) ? String(on) : null,
          "aria-selected": String(node.id === chosen),
          "data-id": node.id,
        },
        row(node, on),
      );
      items.set(node.id, { node, li, parent, depth });
      if (on)
        li.append(
          Kit.el(
            "ul",
            { role: "group" },
            ...node.children.map((child, k) => item(child, node, depth + 1, k, node.children.length)),
          ),
        );
      return li;
    }
    function render() {
      const had = el.contains(document.activeElement);
      items.clear();
      el.replaceChildren(...nodes.map((node, k) => item(node, null, 0, k, nodes.length)));
      if (!items.has(focus)) focus = items.has(chosen) ? chosen : nodes.length ? nodes[0].id : null;
      if (!items.has(focus)) return;
      items.get(focus).li.tabIndex = 0;
      if (had) items.get(focus).li.focus({ preventScroll: true });
    }
    function turn(id, yes) {
      const found = items.get(id);
      opened.set(id, yes);
      if (found && inside(found.node)) render();
    }
    function go(id) {
      if (!items.has(id)) return;
      if (items.has(focus)) items.get(focus).li.tabIndex = -1;
      focus = id;
      items.get(id).li.tabIndex = 0;
      items.get(id).li.focus();
    }
    function choose(id) {
      focus = id;
      if (pick) pick(items.get(id).node);
    }

    el.addEventListener("click", (event) => {
      const li = event.target.closest("[role=treeitem]");
      if (!li) return;
      const { node, depth } = items.get(idOf(li));
      go(node.id);
      if (inside(node) && (event.target.closest(".fig-tree__twist") || !pick || node.id === chosen))
        turn(node.id, !isOpen(node, depth));
      else choose(node.id);
    });
    const idOf = (li) => [...items].find(([, value]) => value.li === li)[0];

    function move(key) {
      const list = [...items.keys()],
        i = list.indexOf(focus),
        { node, parent, depth } = items.get(focus),
        on = inside(node) && isOpen(node, depth);
      if (key === "ArrowDown") return go(list[i + 1]);
      if (key === "ArrowUp") return go(list[i - 1]);
      if (key === "Home") return go(list[0]);
      if (key === "End") return go(list[list.length - 1]);
      if (key === "ArrowRight") return on ? go(node.children[0].id) : turn(node.id, true);
      if (key === "ArrowLeft") return on ? turn(node.id, false) : parent && go(parent.id);
      for (const child of parent ? parent.children : nodes) opened.set(child.id, true); // "*"
      return render();
    }
    el.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !items.has(focus)) return;
      const keys = ["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End", "*"];
      if (keys.includes(event.key)) move(event.key);
      else if (event.key === "Enter" || event.key === " ") choose(focus);
      else return;
      event.preventDefault();
    });
    return {
      el,
      open: turn,
      draw(next, at) {
        nodes = next;
        chosen = at === undefined ? null : at;
        render();
      },
    };
  }

  Kit.tree = tree;
})(globalThis.Kit);
