/* Figures on a page of the book: each <figure data-figure="gates" data-values='{"t": 3}'> is mounted, nearest to the
   reader first; its state is kept in the address (#gates:t=3;...), so that it can be linked to, and links of the
   class fig-set set it: what a link names, and all else as at the start, so that what the reader did before does not
   change what the link shows. Only what differs from the start is written; Back undoes a link. */
(function (Kit) {
  "use strict";
  Kit.source(globalThis.figurePacks || {});
  let timer = 0;
  const readable = (value) => encodeURIComponent(value).replace(/%40/g, "@").replace(/%2C/g, ",").replace(/%20/g, "+");

  function address() {
    const parts = [];
    for (const [id, fig] of Kit.mounted) {
      const changed = Object.entries(fig.values).filter(([k, v]) => v !== fig.defaults[k]);
      if (changed.length) parts.push(`${id}:${changed.map(([k, v]) => `${k}=${readable(v)}`).join("&")}`);
    }
    if (parts.length) return `#${parts.join(";")}`;
    return /^#[\w-]+:/.test(location.hash) ? location.pathname + location.search : null;
  }
  function write(method) {
    clearTimeout(timer);
    const now = () => {
      const to = address();
      if (to === null || to === location.hash) return;
      try { history[method](history.state, "", to); } catch (forbidden) { /* some viewers of files */ }
    };
    if (method === "pushState") now(); else timer = setTimeout(now, 250);
  }

  Kit.address = {
    get: (fig) => Kit.parse(location.hash)[fig.id] || {},
    set: () => write("replaceState"),
    listen() {},
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a.fig-set");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const named = Object.entries(Kit.parse(link.getAttribute("href").replace(/^[^#]*/, "")));
    const here = named.filter(([id]) => Kit.mounted.has(id));
    if (!here.length) return;
    event.preventDefault();
    let quiet = true;
    for (const [id, given] of here) {
      const fig = Kit.mounted.get(id);
      fig.change({ ...fig.defaults, ...Kit.known(fig.defaults, given) });
      if (!link.parentElement.parentElement.querySelector(".fig-echo")) { Kit.show(fig.host); quiet = false; }
    }
    if (quiet) Kit.marks();
    write("pushState");
  });
  addEventListener("popstate", () => {
    const found = Kit.parse(location.hash);
    for (const [id, fig] of Kit.mounted) fig.change({ ...fig.defaults, ...Kit.known(fig.defaults, found[id]) });
  });

  /* A figure inside something folded is mounted when it is opened: before, it has no width. */
  const waiting = [...document.querySelectorAll("figure[data-figure]")];
  const name = (host) => host.dataset.id || host.dataset.figure;
  const linked = (host) => name(host) in Kit.parse(location.hash);
  const near = (host) => { const box = host.getBoundingClientRect(); return Math.abs(box.top) + (linked(host) ? -1e6 : 0); };
  function mount(host) {
    let values = {};
    try { values = JSON.parse(host.dataset.values || "{}"); } catch (damaged) { /* the defaults, then */ }
    return Kit.mount(host, host.dataset.figure, { values, id: name(host), bridge: Kit.address });
  }
  const visible = (host) => host.getClientRects().length > 0;
  async function all() {
    for (const host of waiting.filter((h) => visible(h)).sort((a, b) => near(a) - near(b))) {
      waiting.splice(waiting.indexOf(host), 1);
      const asked = linked(host);
      await mount(host);
      await new Promise((rest) => setTimeout(rest));
      if (asked) Kit.show(host, "instant");
    }
  }
  all();
  for (const kind of ["toggle", "booklang", "click"]) {
    document.addEventListener(kind, () => { if (waiting.length) setTimeout(all, 50); }, true);
  }
})(globalThis.Kit);
