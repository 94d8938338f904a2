/* Figures in a notebook, as an anywidget: the state is the trait `values`, in both directions. Data that Python gives
   (trait `packs`, name -> {..., bytes}) take the place of those that came with the package. */
(function (Kit) {
  "use strict";
  const buffer = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);

  Kit.notebook = function ({ model, el }) {
    const host = Kit.el("figure", { class: "fig" });
    const lang = model.get("lang"), theme = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
    const box = Kit.el("div", { class: "fig-notebook", "data-booklang": lang, "data-theme": theme }, host);
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
    const id = `${model.get("name")}-${Math.random().toString(36).slice(2, 8)}`;
    Kit.mount(host, model.get("name"), { values: model.get("values"), bridge, id, packs, fetch });
    return () => Kit.mounted.delete(id);
  };
})(globalThis.Kit);
