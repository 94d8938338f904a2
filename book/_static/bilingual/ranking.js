/* The order of search results: titles first. A name from the glossary stands for all names of its term, so that
   困惑度, perplexity and PPL find the same sections in the same order. */
(function () {
  "use strict";
  const SEP = " | ", NUMBER = /^[\d.]+\s+/;
  const plain = (text) => text.replace(NUMBER, "").trim().toLowerCase();

  /* All names of the term that a query names, in the glossary's order; the query itself for any other one. */
  function forms(query) {
    const asked = query.trim().toLowerCase();
    const term = (window.bookTerms || []).find((names) => names.includes(asked));
    return term || [asked];
  }

  /* How well a title answers: it is the name, begins with it, holds it as a word, or does not. */
  function fit(title, name) {
    if (title === name) return 100;
    if (/[\u3400-\u9fff]/.test(name)) return title.startsWith(name) ? 70 : title.includes(name) ? 50 : 0;
    const word = new RegExp(`(^|[^a-z0-9])${name.replace(/[.*+\-?^${}()|[\]\\]/g, "\\$&")}s?($|[^a-z0-9])`);
    const found = word.exec(title);
    return found ? (found.index === 0 && !found[1] ? 70 : 50) : 0;
  }

  /* The titles of pages are HTML, those of sections plain text. */
  function textOf(html) {
    return new DOMParser().parseFromString(html, "text/html").body.textContent;
  }

  function escapeHtml(text) {
    return text.replace(/[&<>]/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[mark]);
  }

  /* Results as Sphinx has them: [page, title, anchor, description, score, file]. */
  function titleHits(index, names) {
    const hits = [], pages = index.titles.map(textOf);
    for (const [title, places] of Object.entries(index.alltitles)) {
      const halves = title.split(SEP).map(plain);
      const best = Math.max(...names.flatMap((name) => halves.map((half) => fit(half, name))));
      if (!best) continue;
      for (const [file, id] of places) {
        const whole = pages[file] === title;
        hits.push([
          index.docnames[file],
          whole ? index.titles[file] : escapeHtml(`${pages[file]} > ${title}`),
          whole || id === null ? "" : `#${id}`,
          null,
          1000 + best + (whole ? 40 : 0),
          index.filenames[file],
        ]);
      }
    }
    return hits;
  }

  /* The best of each place, worst first: Sphinx shows the last one at the top. Equals keep the book's order. */
  function merge(results) {
    const best = new Map();
    for (const result of results) {
      const place = result[0] + result[2], known = best.get(place);
      if (!known || known[4] < result[4]) best.set(place, result);
    }
    const order = (a, b) => a[4] - b[4] || (a[0] < b[0] ? 1 : a[0] > b[0] ? -1 : 0);
    return [...best.values()].sort(order);
  }

  /* Wrap Sphinx's own search: it looks for every name of the term, and titles come first. */
  function install(Search) {
    const perform = Search._performSearch;
    Search._performSearch = (query, ...parsed) => {
      const names = forms(query);
      const results = names.flatMap((name) =>
        names.length === 1 ? perform(query, ...parsed) : perform(...Search._parseQuery(name)));
      if (names.length > 1) Search._parseQuery(query); /* it remembers what to mark */
      return merge([...results, ...(names[0] ? titleHits(Search._index, names) : [])]);
    };
  }

  window.bookRanking = { install };
})();
