/* Figures: how they are declared, mounted, and set from outside.

     Kit.figure("gates", {
       title: ["一句话，三种记忆", "One sentence, three memories"],     the figure's name
       defaults: {t: 27, hold: ""},      its whole state: numbers, texts, booleans
       packs: ["gates"],                 data that it needs
       make(host, fig) { ...; return {draw(values, keys) {...}}; }      may be async
     });
     Kit.mount(host, "gates", {values, bridge})

   fig.values is the present state; fig.set(patch) is the reader's hand; draw(values, keys) is called once with keys
   null and then after every change. fig.pack(name) gives data (a promise), fig.say(pair) a quiet announcement.
   A bridge keeps the state elsewhere: `Kit.address` below, or a notebook's kernel. {get(), set(values), listen(run)}.

     Kit.pack("gates", {..., gz: "..."})    data, in a script of its own: gz is base64 of gzip, `bytes` once unpacked

   Whatever goes wrong is said in the figure's place, in both languages; a figure is never a blank. */
(function (Kit) {
  "use strict";
  const kinds = new Map(), packed = new Map(), unpacked = new Map(), sources = {};

  Kit.figure = (name, kind) => kinds.set(name, { ...kind, name });
  Kit.kinds = () => [...kinds.keys()];

  /* ---------- data ---------- */
  Kit.pack = (name, data) => packed.set(name, data);
  /* Where a page finds packs that are not there from the start: Kit.source({gates: "../_static/.../gates.js"}). */
  Kit.source = (addresses) => Object.assign(sources, addresses);

  function load(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = sources[name];
      script.onload = () => resolve();
      script.onerror = () => reject(new Error(`the file ${name}.js did not load`));
      document.head.append(script);
    });
  }
  async function open(name, data) {
    if (!data.gz) return data;
    const zipped = Uint8Array.from(atob(data.gz), (c) => c.charCodeAt(0));
    const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = await new Response(stream).arrayBuffer();
    if (data.size !== undefined && bytes.byteLength !== data.size) {
      throw new Error(`the data "${name}" have ${bytes.byteLength} bytes, not ${data.size}`);
    }
    const { gz, ...rest } = data;
    return { ...rest, bytes };
  }
  /* fetch(name) -> the data, for figures without addresses: a notebook asks its kernel. */
  async function unpack(name, fetch) {
    if (!packed.has(name) && sources[name]) await load(name);
    if (!packed.has(name) && fetch) packed.set(name, await fetch(name));
    if (!packed.has(name)) throw new Error(`the data "${name}" are missing`);
    return open(name, packed.get(name));
  }
  Kit.unpacked = function (name, fetch) {
    if (!unpacked.has(name)) {
      const opening = unpack(name, fetch);
      unpacked.set(name, opening);
      opening.catch(() => unpacked.delete(name)); // the next one may try again
    }
    return unpacked.get(name);
  };

  /* ---------- state ---------- */
  function cast(example, given) {
    if (typeof example === "boolean") return String(given) === "true" || given === "1";
    if (typeof example !== "number") return String(given);
    const number = given === "" || given === null ? NaN : Number(given);
    return Number.isFinite(number) ? number : example;
  }
  Kit.known = (defaults, given) =>
    Object.fromEntries(Object.keys(defaults).filter((k) => given && k in given).map((k) => [k, cast(defaults[k], given[k])]));

  /* ---------- mounting ---------- */
  const mounted = new Map();
  function message(host, error) {
    const why = String((error && error.message) || error);
    host.replaceChildren(Kit.el("p", { class: "fig-message", role: "alert" },
      [`这张图没能显示：${why}。请重新载入这一页；还不行的话，书里的文字不靠它也读得懂。`,
        `This figure could not be shown: ${why}. Please reload the page; if that doesn't help, the text can be read without it.`]));
    host.dataset.failed = why;
    delete host.dataset.ready;
    host.hidden = false;
    if (typeof console !== "undefined") console.warn("figure:", error);
  }

  /* One quiet voice for a figure: what changed, said once things have come to rest. */
  function voice(host) {
    const node = Kit.el("p", { class: "fig-said", role: "status", "aria-live": "polite" });
    host.append(node);
    let wait = 0;
    return (pair) => { clearTimeout(wait); wait = setTimeout(() => { node.textContent = Kit.text(pair); }, 700); };
  }

  Kit.mount = async function (host, name, { values = {}, bridge = null, id = name, packs = {}, fetch } = {}) {
    const kind = kinds.get(name);
    const pack = (wanted) => (wanted in packs ? Promise.resolve(packs[wanted]) : Kit.unpacked(wanted, fetch));
    host.classList.add("fig", `fig-${name}`);
    try {
      if (!kind) throw new Error(`there is no figure "${name}"`);
      host.id = host.id || id;
      host.setAttribute("role", "group");
      Kit.attr(host, "aria-label", kind.title);
      await Promise.all((kind.packs || []).map(pack));
      const start = { ...kind.defaults, ...Kit.known(kind.defaults, values) };
      let drawn = null, dead = false;
      const fig = {
        id, name, host, values: start, defaults: start, kind,
        pack,
        engine: globalThis.RNNEngine,
        change(patch) {
          const keys = Object.keys(patch).filter((k) => k in fig.values && patch[k] !== fig.values[k]);
          if (!keys.length || dead) return keys;
          fig.values = { ...fig.values, ...Object.fromEntries(keys.map((k) => [k, patch[k]])) };
          if (drawn) try { drawn.draw(fig.values, keys); } catch (error) { dead = true; message(host, error); }
          Kit.marks();
          return keys;
        },
        set(patch) { if (fig.change(patch).length && bridge) bridge.set(fig.values, fig); },
      };
      if (bridge) fig.values = { ...start, ...Kit.known(kind.defaults, bridge.get(fig)) };
      host.replaceChildren();
      fig.say = voice(host);
      drawn = (await kind.make(host, fig)) || { draw() {} };
      fig.echo = drawn.echo;
      host.hidden = false;
      drawn.draw(fig.values, null);
      mounted.set(id, fig);
      if (bridge) bridge.listen((given) => fig.change(Kit.known(kind.defaults, given)), fig);
      host.dataset.ready = "";
      if (typeof performance !== "undefined") performance.mark(`figure:${id}`);
      Kit.marks();
      return fig;
    } catch (error) {
      message(host, error);
      return null;
    }
  };
  Kit.mounted = mounted;

  /* Make sure that what has just changed can be seen. */
  Kit.show = function (node, how) {
    const box = node.getBoundingClientRect(), room = innerHeight;
    if (box.top >= 0 && box.bottom <= room) return;
    const by = box.height > room || box.top < 0 ? box.top - 70 : box.bottom - room + 16;
    scrollBy({ top: by, behavior: how || (Kit.calm.matches ? "instant" : "smooth") });
  };

  /* ---------- links in the prose that set a figure ---------- */
  /* <a class="fig-set" href="#gates:hold=F@0"> changes the settings that it names; all others go back to where they
     stood when the page was opened, so that a link always shows the same. One whose settings are the present ones says so; if the figure knows how, an echo of what matters appears beside it, because the figure
     itself may be off the screen. */
  const echoes = new Map();
  const asked = (link) => Kit.parse(link.getAttribute("href").replace(/^[^#]*/, ""));
  Kit.marks = function () {
    for (const link of document.querySelectorAll("a.fig-set")) {
      const named = Object.entries(asked(link)).filter(([id]) => mounted.has(id));
      const wanted = named.flatMap(([id, given]) =>
        Object.entries(Kit.known(mounted.get(id).defaults, given)).map(([k, v]) => [mounted.get(id), k, v]));
      const on = wanted.length > 0 && wanted.every(([fig, k, v]) => fig.values[k] === v);
      if (on) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
      echo(link, on && wanted.some(([fig, k]) => fig.values[k] !== fig.defaults[k]), named);
    }
  };
  function echo(link, on, named) {
    let shown = echoes.get(link);
    if (on && !shown) {
      const make = named.map(([id]) => mounted.get(id).echo).find(Boolean);
      shown = make && make(link);
      if (!shown) return;
      echoes.set(link, shown);
      const place = link.closest("li, p");
      if (place.matches("li")) place.append(shown.el); else place.after(shown.el);
    } else if (!on && shown) {
      shown.el.remove();
      echoes.delete(link);
      return;
    }
    if (shown) shown.draw();
  }

  /* #gates:hold=F@0&t=12;train:cell=lstm -> {gates: {hold: "F@0", t: "12"}, train: {...}} */
  Kit.parse = function (hash) {
    const found = {};
    for (const part of String(hash || "").slice(1).split(";")) {
      const cut = part.indexOf(":");
      if (cut > 0) found[part.slice(0, cut)] = Object.fromEntries(new URLSearchParams(part.slice(cut + 1)));
    }
    return found;
  };
})(globalThis.Kit);
