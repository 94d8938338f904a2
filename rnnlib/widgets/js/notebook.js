/* Figures in a notebook, as an anywidget: the state is the trait `values`, in both directions; the language is the trait
   `lang`. Data that Python gives (trait `packs`, name -> {..., bytes}) take the place of those that came with the package. */
(function (Kit) {
  "use strict";
  const buffer = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);

  /* Every figure of a notebook counts its ids with a kit of its own: two must not come to the same. */
  const series = Math.random().toString(36).slice(2, 8), count = Kit.id;
  Kit.id = (prefix) => count(`${prefix || "fig"}-${series}`);

  /* A key pressed in a figure is the figure's, once its own parts have seen it: to the notebook, "d d" means to delete the
     cell. Still the notebook's: what runs a cell, shortcuts with a modifier, and an Escape that the figure had no use for,
     which leads back to the cell. */
  function keep(event) {
    const leaves = event.key === "Escape" && !event.defaultPrevented, runs = event.key === "Enter" && event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !event.altKey && !leaves && !runs) event.stopPropagation();
    const cell = leaves && event.currentTarget.parentElement.closest("[tabindex]");
    if (cell) cell.focus({ preventScroll: true });
  }

  Kit.notebook = function ({ model, el }) {
    const name = model.get("name"), host = Kit.el("figure", { class: `fig fig-${name}` });
    const box = Kit.el("div", { class: "fig-notebook", onkeydown: keep }, host);
    const speak = () => { box.dataset.booklang = model.get("lang"); Kit.speak(model.get("lang")); };
    speak();
    model.on("change:lang", speak);
    el.append(box);
    const packs = Object.fromEntries(Object.entries(model.get("packs") || {}).map(([name, pack]) =>
      [name, pack.bytes ? { ...pack, bytes: buffer(pack.bytes) } : pack]));
    /* Data that come only when they are asked for: the kernel reads them. */
    const waiting = new Map();
    model.on("msg:custom", (message) => {
      if (!message || !waiting.has(message.pack)) return;
      const { resolve, reject } = waiting.get(message.pack);
      waiting.delete(message.pack);
      if (message.data) resolve(message.data); else reject(new Error(`the data "${message.pack}" are missing`));
    });
    const fetch = (name) => new Promise((resolve, reject) => {
      waiting.set(name, { resolve, reject });
      model.send({ want: name });
      setTimeout(() => { if (waiting.delete(name)) reject(new Error("no kernel answers")); }, 20000);
    });
    let own = false;
    const bridge = {
      get: () => model.get("values"),
      set(values) {
        own = true;
        model.set("values", { ...values });
        model.save_changes();
        own = false;
      },
      listen(change) { model.on("change:values", () => { if (!own) change(model.get("values")); }); },
    };
    const id = Kit.id(name);
    /* A notebook may make the figure before it puts it into the page, and takes it out while its cell is far away. Outside,
       there are no colours and no widths to read. */
    let seen = null;
    function look() {
      if (!box.isConnected) return;
      if (seen === null) Kit.mount(host, name, { values: model.get("values"), bridge, id, packs, fetch });
      else if (seen !== Kit.look()) Kit.again();
      seen = Kit.look();
    }
    const observer = new ResizeObserver(look);
    observer.observe(box);
    look();
    return () => {
      observer.disconnect();
      Kit.mounted.delete(id);
      host.classList.remove("fig"); // what repaints it is forgotten
    };
  };
})(globalThis.Kit);
