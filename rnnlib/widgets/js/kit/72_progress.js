/* What the reader has guessed and answered, kept in this browser only and sent nowhere.

   Kit.progress.get(key)          the value, or null; keys are guess:ID and quiz:ID
   Kit.progress.set(key, value)   keep it; null forgets it. Values are plain data (JSON)
   Kit.progress.all()             {key: value} of all of them
   Kit.progress.clear()           forget all of them, and nothing else
   Kit.progress.onChange(run)     run(key or null) after each change, also from another window
   In the storage a key is book:guess:ID or book:quiz:ID.
   Where the browser forbids storage, things are remembered until the page is left. */
(function (Kit) {
  "use strict";
  const FRONT = "book:",
    OURS = /^book:(guess|quiz):/,
    memory = new Map(),
    listeners = [];

  function storage(use) {
    try {
      return use(globalThis.localStorage);
    } catch (forbidden) {
      return undefined;
    }
  }
  function parse(string) {
    try {
      return JSON.parse(string);
    } catch (damaged) {
      return null;
    }
  }
  const tell = (key) => {
    for (const run of listeners) run(key);
  };

  function keys() {
    const stored = storage((s) => Array.from({ length: s.length }, (_, i) => s.key(i))) || [];
    return [...new Set([...stored.filter((k) => OURS.test(k)), ...memory.keys()])].sort();
  }
  function get(key) {
    const name = FRONT + key,
      kept = storage((s) => s.getItem(name));
    return parse(kept !== undefined && kept !== null ? kept : memory.has(name) ? memory.get(name) : "null");
  }
  function set(key, value) {
    const name = FRONT + key,
      string = JSON.stringify(value);
    if (!OURS.test(name)) throw new Error("keys are guess:ID or quiz:ID, not " + key);
    if (value === null) {
      memory.delete(name);
      storage((s) => s.removeItem(name));
    } else if (storage((s) => (s.setItem(name, string), true))) memory.delete(name);
    else memory.set(name, string);
    tell(key);
  }
  function all() {
    return Object.fromEntries(
      keys().map((name) => [name.slice(FRONT.length), get(name.slice(FRONT.length))]),
    );
  }
  function clear() {
    for (const name of keys()) storage((s) => s.removeItem(name));
    memory.clear();
    tell(null);
  }
  window.addEventListener("storage", (event) => {
    if (event.key === null || OURS.test(event.key)) tell(event.key && event.key.slice(FRONT.length));
  });

  Kit.progress = { get, set, all, clear, onChange: (run) => listeners.push(run) };
})(globalThis.Kit);
