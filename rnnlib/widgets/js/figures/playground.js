/* Train it yourself (chapter 3, and a page of its own). A network trains in a worker made from the engine's
   own source text; the page only draws. Until the reader presses the button, a run recorded with the same
   engine is shown.

   State: text (tale, more, verse, own), cell, H, T, B, opt, rate, clip (0: off), at (passes over the text
   where the cursor stands; 999: the newest), broken (which way to break it is open: forget, mislabel, same,
   rate, clip, detach). The reader's own text and weights stay in this page; they are not part of the state.

   The ways to break it stand in #playground-break if the page has such a place, else below the figure.
   Kit.playground holds what needs no page: for the tests, and for the script that records the runs. */
(function (root) {
  "use strict";
  const Kit = root.Kit, { el } = Kit;
  const NEWEST = 999;
  const LINES = [
    { id: "uniform", words: ["均匀乱猜", "knows nothing"] },
    { id: "letters", words: ["只知字频", "letter counts"] },
    { id: "pairs", words: ["看前一个字符", "one letter back"] },
    { id: "fives", words: ["看前四个字符", "four letters back"] },
  ];
  const NAMES = { rnn: "RNN", gru: "GRU", lstm: "LSTM" };
  const LIMITS = { least: 600, most: 60000, letters: 1000, held: 0.15 };
  const TALL = 1e4; // the highest perplexity that a curve shows
  const EPOCHS = { tale: 40, more: 20, verse: 12 };
  const CJK = /[\u3400-\u9fff]/;

  /* ============ numbers and words ============ */
  const epoch = (x) => (x < 10 ? x.toFixed(1) : String(Math.round(x)));
  const whole = (x) => Math.round(x).toLocaleString("en");
  const level = (y) => (y >= 100 ? whole(y) : y >= 20 ? y.toFixed(0) : y >= 10 ? y.toFixed(1) : y.toFixed(2));
  const both = (words) => [String(words), String(words)];
  const shown = (string) => string.replace(/\n/g, "↵");
  function ppl(x) {
    if (!Number.isFinite(x)) return "∞";
    return x >= 1e4 ? "> 10⁴" : x >= 100 ? whole(x) : x.toFixed(1);
  }

  /* ============ points of a run ============ */
  /* The epoch of a look; with a decimal where another one would read the same. */
  const dated = (p, run) => (looks(run).some((q) => q !== p && epoch(q.at) === epoch(p.at))
    ? p.at.toFixed(1) : epoch(p.at));

  /* A point: {at, train}; now and then also held, a "look" with text and states. */
  const looks = (run) => run.points.filter((p) => p.text);
  const measured = (run) => run.points.filter((p) => Number.isFinite(p.held));
  const lowest = (points) => points.reduce((a, b) => (b.held < a.held ? b : a));
  /* The last point of a run may come right after another, and its training perplexity is a mean over a few
     steps only: then the mean over both. */
  function smoothed(points) {
    const [a, b, c] = points.slice(-3);
    if (!c || c.broken || !((c.at - b.at) * 2 < b.at - a.at)) return points;
    const [old, fresh] = [b.at - a.at, c.at - b.at];
    const train = Math.exp((old * Math.log(b.train) + fresh * Math.log(c.train)) / (old + fresh));
    return [...points.slice(0, -1), { ...c, train }];
  }
  const nearest = (list, x) =>
    list.reduce((a, b) => (Math.abs(b.at - x) < Math.abs(a.at - x) ? b : a), list[0]);

  /* ============ texts ============ */
  const encoder = (letters) => {
    const index = new Map(letters.map((c, i) => [c, i]));
    return (characters) => Int32Array.from(characters, (c) => index.get(c) || 0);
  };

  /* One of the book's texts; "more" is the tale with all that is not held out. */
  function bookText(pack, name) {
    const source = name === "verse" ? "verse" : "tale", given = pack.texts[source], { text } = given.arrays;
    const all = Array.from(new TextDecoder().decode(new Uint8Array(pack.bytes, text.offset, text.shape[0])));
    const end = given.train + given.held, held = all.slice(given.train, end);
    const first = all.slice(0, given.train);
    const read = name === "more" ? first.concat(all.slice(end)) : first;
    const { ngrams } = name === "more" ? given.more : given;
    const letters = ["<unk>", ...given.letters], encode = encoder(letters);
    return {
      key: name, raw: read.join(""), cjk: given.language === "zh", prefix: given.prefix, epochs: EPOCHS[name],
      letters, V: letters.length, encode, train: encode(read), held: encode(held),
      base: [given.uniform, ngrams[1], ngrams[2], ngrams[5]],
      source: { corpus: source, language: given.language, checksum: given.checksum },
    };
  }

  /* What the reader pasted: {corpus, note} or {problem}, pairs of words. */
  function ownText(E, given, { B, T }) {
    const clean = Array.from(String(given).normalize().toLowerCase().replace(/\s+/g, " ").trim());
    const all = clean.slice(0, LIMITS.most), n = all.length, kinds = new Set(all).size;
    const cut = Math.floor(n * (1 - LIMITS.held)), problem = troubleWith(all, kinds, cut, B, T);
    if (problem) return { problem };
    const read = all.slice(0, cut), held = all.slice(cut), raw = read.join(""), cjk = CJK.test(raw);
    const vocabulary = E.vocabulary(read, LIMITS.letters);
    const letters = ["<unk>", ...vocabulary.letters.slice(1)];
    const corpus = {
      key: "own" + n + raw.slice(0, 60), raw, cjk, prefix: all.slice(0, cjk ? 2 : 8).join(""),
      epochs: letters.length > 100 ? EPOCHS.verse : EPOCHS.tale, letters, V: letters.length,
      encode: vocabulary.encode, train: vocabulary.encode(read), held: vocabulary.encode(held), base: null,
      source: { corpus: "own.txt", language: cjk ? "zh" : "en", checksum: "" },
    };
    const used = clean.length > n ? [`，只用前 ${whole(n)} 个`, `, the first ${whole(n)} are used`] : ["", ""];
    return { corpus, note: [
      `${whole(clean.length)} 个字符${used[0]}，${kinds} 种；学 ${whole(cut)} 个，留 ${whole(n - cut)} 个做验证。`,
      `${whole(clean.length)} characters${used[1]}, ${kinds} different; ${whole(cut)} to learn from, ` +
        `${whole(n - cut)} for validation.`] };
  }
  function troubleWith(all, kinds, cut, B, T) {
    const n = all.length, least = LIMITS.least, needed = whole(B * T + 1);
    if (!n) return ["先贴一段文字，或者打开一个文件。", "Paste a text first, or open a file."];
    if (n < least) {
      return [`只有 ${n} 个字符，至少要 ${least} 个。`, `Only ${n} characters; at least ${least} are needed.`];
    }
    if (kinds < 2) {
      return [`从头到尾只有“${all[0]}”一个字符，没有什么可猜的。`,
        `It's one character, "${all[0]}", all the way: nothing to guess.`];
    }
    return cut > B * T ? null : [
      `能学的只有 ${whole(cut)} 个字符，${B} 行、每行 ${T} 步至少要 ${needed} 个：把行数或步数改小，或者多贴一些。`,
      `There are ${whole(cut)} characters to learn from, and ${B} rows of ${T} steps need ${needed}: take ` +
        "fewer rows or steps, or more text."];
  }

  /* A file as text: UTF-8, or else the encoding of most other Chinese files. Throws a pair of words. */
  function decodeText(bytes) {
    const view = new Uint8Array(bytes);
    if (view.subarray(0, 4096).includes(0)) throw trouble("这个文件不是纯文本。", "This file is not plain text.");
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(view);
    } catch (other) {
      return new TextDecoder("gb18030").decode(view);
    }
  }
  const trouble = (zh, en) => Object.assign(new Error(en), { pair: [zh, en] });

  /* ============ what it has written: given, read before or not, recited ============ */
  const vocabularies = new Map();
  const longest = (cjk) => (cjk ? 6 : 12); // so many characters of the text in a row are recited
  function classes(string, corpus) {
    const { raw, cjk, key } = corpus, all = Array.from(string), cls = all.map(() => "");
    const given = Array.from(corpus.prefix).length, long = longest(cjk);
    if (!vocabularies.has(key)) vocabularies.set(key, new Set(raw.split(" ")));
    if (cjk) newPairs(all, cls, raw); else newWords(all, cls, raw, vocabularies.get(key));
    for (let i = given; i + long <= all.length; i++) {
      if (raw.includes(all.slice(i, i + long).join(""))) cls.fill("is-recited", i, i + long);
    }
    return { all, cls: cls.fill("is-given", 0, Math.min(given, all.length)) };
  }
  function newPairs(all, cls, raw) {
    all.forEach((c, i) => { if (i && !raw.includes(all[i - 1] + c)) cls[i] = "is-new"; });
  }
  function newWords(all, cls, raw, known) {
    for (let i = 0, j; i < all.length; i = j + 1) {
      for (j = i; j < all.length && all[j] !== " ";) j++;
      const word = all.slice(i, j).join(""), cutOff = j === all.length;
      if (j > i && !(cutOff ? raw.includes(" " + word) : known.has(word))) cls.fill("is-new", i, j);
    }
  }
  function written(string, corpus, from, to) {
    const { all, cls } = classes(string, corpus), end = Math.min(to, all.length), out = [];
    for (let i = from, j; i < end; i = j) {
      for (j = i; j < end && cls[j] === cls[i];) j++;
      out.push(el("span", { class: cls[i] || null }, shown(all.slice(i, j).join(""))));
    }
    return el("span", { class: "fig-written" }, ...out);
  }

  /* ============ weights in files ============ */
  /* A safetensors file: eight bytes, the length of a header in JSON; the header {name: {dtype, shape,
     data_offsets}}; the numbers. rnnlib's checkpoints are such files: parameters are called "model.…", all
     else stands in the metadata as JSON, with a SHA-256 over both. `rnnlib.load_checkpoint` reads what is
     written here. */
  const FORMAT = "rnnlib-checkpoint-2";
  const utf8 = (string) => new TextEncoder().encode(string);
  const unreadable = () => trouble("这个文件读不出来：它不是 safetensors 文件，或者不完整。",
    "This file cannot be read: it's no safetensors file, or not a whole one.");

  function readTensors(buffer) {
    const view = new DataView(buffer), tensors = {};
    const size = buffer.byteLength > 8 ? Number(view.getBigUint64(0, true)) : -1;
    if (!(size > 1 && 8 + size <= buffer.byteLength)) throw unreadable();
    try {
      const header = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, size));
      const { __metadata__: metadata = {}, ...entries } = JSON.parse(header), data = buffer.slice(8 + size);
      for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
        if (!(from >= 0 && to >= from && to <= data.byteLength)) throw unreadable();
        tensors[name] = { dtype, shape, bytes: data.slice(from, to) };
      }
      return { metadata, tensors };
    } catch (damaged) { throw unreadable(); }
  }
  function writeTensors(tensors, metadata) {
    const header = { __metadata__: metadata }, names = Object.keys(tensors);
    let end = 0;
    for (const name of names) {
      const { dtype, shape, bytes } = tensors[name], begin = end;
      end += bytes.byteLength;
      header[name] = { dtype, shape, data_offsets: [begin, end] };
    }
    const text = JSON.stringify(header), words = utf8(text + " ".repeat((8 - (utf8(text).length % 8)) % 8));
    const out = new Uint8Array(8 + words.length + end), from = 8 + words.length;
    new DataView(out.buffer).setBigUint64(0, BigInt(words.length), true);
    out.set(words, 8);
    for (const name of names) {
      out.set(new Uint8Array(tensors[name].bytes), from + header[name].data_offsets[0]);
    }
    return out;
  }

  /* The network in a file: {options, weights, letters, config}. Throws a pair of words. */
  function readNetwork(buffer) {
    const { metadata, tensors } = readTensors(buffer), header = headerIn(metadata);
    const found = parametersIn(tensors);
    const hidden = found["rnn.weight_hh_l0"], output = found["linear.weight"];
    if (!hidden || !output) {
      throw trouble("文件里没有 RNNModel 的参数（rnn.weight_hh_l0、linear.weight）。",
        "There are no parameters of an RNNModel in it (rnn.weight_hh_l0, linear.weight).");
    }
    if (found["rnn.weight_hh_l0_reverse"]) {
      throw trouble("这是双向的网络，不能用来往下写。", "This network reads in two directions; it cannot write.");
    }
    const [rows, H] = hidden.shape, [V] = output.shape, kind = { 1: "rnn", 3: "gru", 4: "lstm" }[rows / H];
    if (!kind) throw trouble("认不出是哪一种循环层。", "The kind of its recurrent layer is unknown.");
    const letters = (header.vocab && header.vocab.tokens) || null;
    checkLetters(letters, V);
    const L = Object.keys(found).filter((name) => /^rnn\.weight_hh_l\d+$/.test(name)).length;
    const embedding = found["embedding.weight"] ? found["embedding.weight"].shape[1] : 0;
    const weights = Object.fromEntries(Object.entries(found).map(([name, { values }]) => [name, values]));
    return { options: { kind, H, V, L, embedding }, letters, config: header.config || {}, weights };
  }
  function parametersIn(tensors) {
    const names = Object.keys(tensors), front = names.some((n) => n.startsWith("model.rnn.")) ? "model." : "";
    const plain = (name) => name.slice(front.length);
    const ours = names.filter((n) => n.startsWith(front) && /^(rnn|linear|embedding)\./.test(plain(n)));
    return Object.fromEntries(ours.map((name) => [plain(name), numbers(name, tensors[name])]));
  }
  function numbers(name, { dtype, shape, bytes }) {
    const Type = { F32: Float32Array, F64: Float64Array }[dtype];
    if (!Type) {
      throw trouble(`${name} 的类型是 ${dtype}，这里只读 float32。`, `${name} is of type ${dtype}; float32 is needed.`);
    }
    return { shape, values: Float32Array.from(new Type(bytes)) };
  }
  function headerIn(metadata) {
    try {
      return JSON.parse(metadata.rnnlib || "{}");
    } catch (damaged) { throw unreadable(); }
  }
  function checkLetters(letters, V) {
    if (!letters) {
      throw trouble("文件里没有词表，不知道第几个数是哪个字符。存的时候写 rnnlib.save_checkpoint(path, model, vocab=vocab)。",
        "It has no vocabulary, so nobody knows which number is which character. Save it with " +
          "rnnlib.save_checkpoint(path, model, vocab=vocab).");
    }
    if (letters.length !== V || !letters.every((c) => c === "<unk>" || Array.from(c).length === 1)) {
      throw trouble("它的词表不是一个个的字符，这一页只会读字符。",
        "Its vocabulary is not one of characters, and this page reads characters only.");
    }
  }

  /* A checkpoint of rnnlib, as bytes. Random generators are stored in any valid state: nothing here draws
     from them. torch's layout: seed, left, seeded, next, then the 624 words of MT19937, eight bytes each. */
  function writeNetwork(E, model, letters, config) {
    const tensors = {}, words = twister(1), generator = new DataView(new ArrayBuffer(5056));
    for (const [name, shape] of Object.entries(E.shapes(model))) {
      tensors["model." + name] = { dtype: "F32", shape, bytes: model.weights[name].slice().buffer };
    }
    generator.setBigUint64(0, 1n, true);
    generator.setInt32(8, 1, true);
    generator.setInt32(12, 1, true);
    words.forEach((w, i) => generator.setUint32(24 + 8 * i, w, true));
    tensors["rng.torch"] = { dtype: "U8", shape: [5056], bytes: generator.buffer };
    const header = { format: FORMAT, config, vocab: { tokens: letters, freqs: [] }, history: null,
      optimizer: null, loader: null, python_rng: [3, [...words, 624], null] };
    /* Python tells 1.0 from 1; JSON.stringify does not. */
    const text = JSON.stringify(header).replace(/"(lr|clip)":(\d+)(?=[,}])/g, '"$1":$2.0');
    return writeTensors(tensors, { rnnlib: text, sha256: checksum(text, tensors) });
  }
  function checksum(text, tensors) {
    const parts = [utf8(text)], types = { F32: "torch.float32", U8: "torch.uint8" };
    for (const name of Object.keys(tensors).sort()) {
      const { dtype, shape, bytes } = tensors[name];
      const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
      parts.push(utf8(`\n${name} ${types[dtype]} (${tuple})\n`), new Uint8Array(bytes));
    }
    const joined = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
    parts.reduce((at, part) => (joined.set(part, at), at + part.length), 0);
    return sha256(joined);
  }
  function twister(seed) {
    const words = new Uint32Array(624);
    words[0] = seed;
    for (let i = 1; i < 624; i++) words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i;
    return words;
  }
  /* FIPS 180-4; crypto.subtle is not there on every page. The constants are fractions of roots of primes. */
  function sha256(data) {
    const primes = [], fraction = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32);
    for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
    const H = Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
    const K = primes.map((p) => fraction(Math.cbrt(p))), w = new Uint32Array(64);
    const padded = new Uint8Array(Math.ceil((data.length + 9) / 64) * 64), view = new DataView(padded.buffer);
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    padded.set(data);
    padded[data.length] = 128;
    view.setBigUint64(padded.length - 8, BigInt(data.length) * 8n);
    for (let at = 0; at < padded.length; at += 64) {
      for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15], y = w[i - 2];
        const s = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3), m = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
        w[i] = w[i - 16] + s + w[i - 7] + m;
      }
      let [a, b, c, d, e, f, g, h] = H;
      for (let i = 0; i < 64; i++) {
        const s = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const m = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + s) | 0, c, b, a, (s + m) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((v, i) => { H[i] += v; });
    }
    return Array.from(H, (v) => v.toString(16).padStart(8, "0")).join("");
  }
  /* The settings as `python -m rnnlib` keeps them, so that its `generate` takes the file. */
  const configOf = ({ options: o, corpus }) => ({
    ...corpus.source, clean: true, level: "char", max_tokens: corpus.train.length, sampling: "sequential",
    batch_size: o.B, num_steps: o.T, layer: o.kind, num_hiddens: o.H, num_layers: o.L || 1,
    optimizer: o.optimizer, lr: o.rate, clip: o.clip || null, seed: o.seed,
  });

  /* ============ the worker ============ */
  /* Without outside references: its text is sent to the worker. Where workers are forbidden it runs on the
     page's own thread, in the same slices. Points are cut by steps, not by time: equal settings give equal
     points. */
  function work(E, post) {
    let course = null, going = false, id = 0, spent = 0, options = null, pace = null;
    const channel = new MessageChannel(), slice = 60; // setTimeout would lose 4 ms a slice
    const later = () => channel.port2.postMessage(0), say = (message) => post({ id, ...message });

    function begin(m) {
      id = m.id;
      going = false;
      course = null;
      options = m.options;
      if (m.base) say({ base: [options.V, ...[1, 2, 5].map(baseline)] });
      const next = E.course(options), { run } = next;
      /* The vocabulary's first entry stands for unknown characters; rnnlib never writes it, nor does this. */
      run.sample = (prefix, length, temperature, seed) => {
        const more = Math.max(0, length - prefix.length);
        const how = { temperature, forget: options.forget, banned: [0] };
        return E.sample(run.model, prefix, more, how, E.random(seed).uniform);
      };
      pace = options.detach === false ? timed(run) : null;
      course = next;
      spent = 0;
      say({ points: [course.start()] });
    }
    const baseline = (n) => E.ngram(options.train, n, options.V).perplexity(options.held);

    /* How long steps take, and how far back their gradients go: the shortest way and the longest. Medians, as
       the first steps wait for the compiler and any step may have to share its processor. */
    function timed(run) {
      const steps = [], step = run.step, far = () => Math.max(0, ...steps.map((s) => s.span));
      const median = (kept) => kept.map((s) => s.ms).sort((x, y) => x - y)[kept.length >> 1];
      run.step = () => {
        const t = performance.now();
        step();
        steps.push({ span: run.span, ms: performance.now() - t });
        return run;
      };
      return () => ({ span: far(), quick: median(steps.filter((s) => s.span <= options.T)),
        slow: median(steps.filter((s) => s.span >= 0.9 * far())) });
    }
    function advance() {
      const t = performance.now(), points = course.advance(slice), { run } = course;
      spent += performance.now() - t;
      if (course.done) going = false;
      say({ points, pace: pace && pace(), done: course.done, broken: run.broken, at: run.read / options.train.length,
        speed: (1000 * run.read) / spent, seconds: spent / 1000,
        clipped: course.clipped / Math.max(1, run.steps) });
    }
    channel.port1.onmessage = () => {
      if (!going) return;
      try {
        advance();
      } catch (error) { going = false; say({ failed: error.message }); }
      if (going) later();
    };
    const orders = {
      start: begin,
      more: (m) => course.more(m.epochs),
      set: (m) => Object.assign(course.run.options, m.options),
      save: () => say({ saved: course.run.save() }),
    };
    return (m) => {
      try {
        if (m.cmd !== "start" && !course) return;
        if (orders[m.cmd]) orders[m.cmd](m);
      } catch (error) { say({ failed: error.message }); return; }
      if (m.cmd === "set" || m.cmd === "save") return;
      going = m.cmd !== "pause" && !m.idle && !course.done;
      if (going) later();
    };
  }

  /* The options of a run for the engine. */
  const optionsOf = (corpus, settings) => ({
    V: corpus.V, train: corpus.train, held: corpus.held, prefix: Array.from(corpus.encode(corpus.prefix)),
    letters: corpus.cjk ? 40 : 60, B: 16, T: 32, optimizer: "adam", rate: 0.01, clip: 1, seed: 1,
    epochs: corpus.epochs, ...settings,
  });

  /* A worker and at most one run in it. onPage: called if the run had to move to the page's own thread. */
  function coach(E, onPage) {
    const self = { run: null };
    let worker = null, serial = 0, begun = null;
    function stayHere() {
      const handle = work(E, (m) => setTimeout(receive, 0, m));
      worker = { postMessage: handle, terminate() {} };
      onPage();
    }
    function hire() {
      const source = `"use strict"; const E = ${E.source}, handle = (${work})(E, (m) => postMessage(m));
        onmessage = (event) => handle(event.data);`;
      worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
      worker.onmessage = (event) => receive(event.data);
      worker.onerror = () => {
        stayHere();
        if (!self.run || !self.run.going) return;
        self.run.points.length = 0;
        worker.postMessage(begun);
      };
    }
    function send(message) {
      if (!worker) {
        try { hire(); } catch (forbidden) { stayHere(); }
      }
      worker.postMessage(message);
    }
    function receive(m) {
      const { run } = self, over = Boolean(m.done || m.failed);
      if (!run || m.id !== run.id) return;
      if (m.saved) { run.saved(m.saved); return; }
      for (const key of ["base", "speed", "seconds", "clipped", "at", "pace", "failed"]) {
        if (m[key]) run[key] = m[key];
      }
      for (const p of m.points || []) run.points.push(withText(p, run.corpus));
      if (over) {
        Object.assign(run, { going: false, done: true, broken: m.broken, points: smoothed(run.points) });
      }
      run.changed(over);
    }
    function drop() {
      const { run } = self;
      if (!run || !run.going) return;
      Object.assign(run, { going: false, lost: true });
      run.changed(false);
    }
    /* idle: measure and write once, then wait. */
    self.begin = (corpus, settings, changed, { brk = null, idle = false } = {}) => {
      drop();
      const options = optionsOf(corpus, settings), { epochs } = options;
      const run = { id: ++serial, points: [], marks: [], epochs, corpus, base: corpus.base, options,
        going: !idle, live: true, changed, brk };
      self.run = run;
      begun = { cmd: "start", id: run.id, options, base: !run.base, idle };
      send(begun);
      return run;
    };
    const tell = (run, message, change) => { Object.assign(run, change); send(message); run.changed(false); };
    self.pause = (run) => { if (run.going) tell(run, { cmd: "pause" }, { going: false }); };
    self.resume = (run) => tell(run, { cmd: "resume" }, { going: true });
    self.more = (run, epochs) =>
      tell(run, { cmd: "more", epochs }, { epochs: run.epochs + epochs, done: false, going: true });
    self.set = (run, options) => { Object.assign(run.options, options); send({ cmd: "set", options }); };
    self.save = (run) => new Promise((resolve) => { run.saved = resolve; send({ cmd: "save" }); });
    self.end = () => {
      if (worker) worker.terminate();
      worker = null;
      if (self.run) Object.assign(self.run, { going: false, lost: true });
    };
    return self;
  }
  const withText = (p, corpus) =>
    (p.ids ? { ...p, scale: 127, text: p.ids.map((i) => corpus.letters[i]).join("") } : p);

  /* ============ recorded runs ============ */
  /* {text, options, epochs, points: [[at, train, held or 0, text, states], …]}, the last two where it wrote;
     states: base64, four bits a number, 15 levels. `record` writes what `recordedRun` reads. */
  const UNITS = 32, LEVELS = 7;
  function pack4(states) {
    const half = (q) => Math.round(((q || 0) * LEVELS) / 127) + LEVELS;
    let out = "";
    for (let i = 0; i < states.length; i += 2) {
      out += String.fromCharCode(half(states[i]) * 16 + half(states[i + 1]));
    }
    return btoa(out);
  }
  function unpack4(packed) {
    const bytes = atob(packed), out = new Int8Array(2 * bytes.length);
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes.charCodeAt(i);
      out[2 * i] = (byte >> 4) - LEVELS;
      out[2 * i + 1] = (byte & 15) - LEVELS;
    }
    return out;
  }
  function recordedRun(given, corpus) {
    const points = given.points.map(([at, train, held, text, states]) => ({ at, train, text,
      held: held || undefined, states: states && unpack4(states), units: UNITS, scale: LEVELS }));
    const options = optionsOf(corpus, given.options);
    return { points: smoothed(points), marks: [], epochs: given.epochs, corpus, base: corpus.base, options };
  }
  /* For the script that makes the packs: runs to the end, on whatever thread calls it. keep: "states"
     (samples and states), "text" (samples) or "" (the curve alone). */
  function record(E, pack, { text, options, keep = "states" }) {
    const corpus = bookText(pack, text), all = optionsOf(corpus, options), points = [];
    const line = (p) => {
      const row = [+p.at.toFixed(4), +p.train.toFixed(3), p.held ? +p.held.toFixed(3) : 0];
      if (!keep || !p.ids) return row;
      const { text: words, states } = withText(p, corpus);
      return keep === "text" ? [...row, words] : [...row, words, pack4(states)];
    };
    return new Promise((resolve, reject) => {
      const handle = work(E, (m) => {
        if (m.failed) reject(new Error(m.failed));
        points.push(...(m.points || []));
        if (m.done) resolve({ text, options, epochs: all.epochs, points: points.map(line) });
      });
      handle({ cmd: "start", id: 1, options: all });
    });
  }

  /* ============ what a curve says ============ */
  /* {id, words}, or null while it is too early to tell. Only the points are looked at, not how they came
     about. */
  function verdict(run) {
    const held = measured(run), base = run.base || [], last = held[held.length - 1];
    if (run.points.some((p) => p.broken)) return { id: "nan", words: SAYS.nan };
    if (!last || held.length < 6 || last.at < 1) return null;
    const best = lowest(held), half = nearest(held, last.at / 2), settled = half.held / best.held < 1.06;
    const near = (i) => settled && base[i] && Math.abs(Math.log(best.held / base[i])) < 0.03;
    if (base[0] && last.held > base[0] * 1.15) return { id: "above", words: SAYS.above };
    if (near(1)) return { id: "letters", words: SAYS.letters };
    if (near(2) && !run.corpus.cjk) return { id: "pairs", words: SAYS.pairs };
    if (held.indexOf(best) < held.length - 2 && last.held > best.held * 1.03) {
      return { id: "heart", words: SAYS.heart(epoch(best.at), ppl(best.held)) };
    }
    if (last.held >= half.held * 0.985) return { id: "flat", words: SAYS.flat };
    if (best === last) return { id: "falling", words: SAYS.falling };
    return { id: "stalled", words: SAYS.stalled(epoch(best.at)) };
  }
  const SAYS = {
    nan: ["变成了 NaN：有一步迈得太大，数已经算不下去。把学习率调小，或者打开梯度裁剪。",
      "NaN: one step went so far that the numbers gave out. Lower the learning rate, or clip the gradients."],
    above: ["比什么都不知道还糟：它错得很有把握。步子迈得太大，把学习率调小。",
      "Worse than knowing nothing: wrong, and sure of it. The steps are too long; lower the learning rate."],
    letters: ["停在“只知字频”那条线上：输入和标签多半没有对上。先查标签。",
      "Stuck at letter counts: inputs and labels probably don't belong together. Check the labels first."],
    pairs: ["停在“看前一个字符”那条线上：状态没有传下去。",
      "Stuck at one letter back: the state is not passed on."],
    heart: (at, best) => [`第 ${at} 个周期，验证困惑度到底，${best}；之后训练照样往下走，验证掉头往上：它在背书。`,
      `Validation reached its lowest point, ${best}, at epoch ${at}. Since then training has kept falling ` +
        "and validation has turned: it's learning by heart."],
    falling: ["两条曲线都还在降：它还在学，让它读下去。",
      "Both curves are still falling: it's still learning. Let it read on."],
    stalled: (at) => [`验证困惑度从第 ${at} 个周期起没有再降。`,
      `Validation hasn't improved since epoch ${at}.`],
    flat: ["验证困惑度不怎么动了。", "Validation has come to rest."],
  };

  Kit.playground = { classes, readNetwork, sha256, record, verdict, smoothed };

  /* ============ a line that it wrote, over the state that it wrote each character from ============ */
  function line() {
    const node = el("div", { class: "play__line fig--still" });
    const track = Kit.track(node, () => {}, { least: 6 });
    const letters = track.plain(["网络写出的文字", "The text that the network writes"]);
    const band = track.band("signed", ["写每个字符时的隐状态，前 32 个单元",
      "The hidden state at every character, first 32 units"]);
    node.append(letters.el, band.el);
    let now = "";
    return { el: node, draw(p, corpus) {
      const wide = node.clientWidth > 480, room = corpus.cjk ? (wide ? 36 : 20) : wide ? 60 : 36;
      const { all, cls } = classes(p.text, corpus), n = Math.min(all.length, room);
      const key = [corpus.key, p.at, n, p.text].join();
      if (key === now || !node.clientWidth) return;
      now = key;
      track.resize(n, all.slice(0, n));
      letters.write(all.slice(0, n).map((c, i) => el("span", { class: cls[i] || null }, shown(c))));
      Kit.attr(letters.el, "aria-label", [`它写：${p.text}`, `It writes: ${p.text}`]);
      band.el.hidden = !p.states;
      if (!p.states) return;
      band.draw(Float32Array.from(p.states.subarray(0, n * p.units), (q) => q / p.scale), n, p.units);
    } };
  }

  /* ============ a stage: a run's curve, and what it writes where the cursor stands ============ */
  /* where(run): the look under the cursor; visit(look): the reader goes there. */
  function stage(where, visit, height) {
    const self = { run: null, ghost: null, guess: null, verdict: "" };
    const step = (by) => {
      const all = looks(self.run), to = all.indexOf(where(self.run)) + by;
      visit(all[Math.max(0, Math.min(all.length - 1, to))]);
    };
    const curve = Kit.curve(["训练曲线；左右键沿曲线走", "Training curve; arrow keys walk along it"], {
      unit: ["周期", "epochs"], height, scrub: (x) => visit(nearest(looks(self.run), x)), step,
      speak: () => self.describe() });
    const says = el("p", { class: "play__verdict" }), text = line();
    const title = el("p", { class: "fig-head play__title" });
    self.el = el("div", { class: "play__stage" }, curve.el, curve.key, says, title, text.el);
    self.describe = () => {
      const p = where(self.run);
      if (!p) return ["还没有结果", "nothing yet"];
      const at = dated(p, self.run);
      return [`第 ${at} 个周期：训练 ${ppl(p.train)}，验证 ${ppl(p.held)}。它写：${p.text}`,
        `epoch ${at}: training ${ppl(p.train)}, validation ${ppl(p.held)}. It writes: ${p.text}`];
    };
    self.draw = () => {
      const { run } = self, p = where(run), found = run.brk ? null : verdict(run);
      curve.draw(model(self, p));
      self.verdict = found ? found.id : "";
      says.hidden = !found;
      if (found) {
        const scope = run.going ? ["到现在：", "So far: "] : ["整条曲线：", "The whole run: "];
        Kit.say(says, scope.map((word, i) => word + found.words[i]));
      }
      title.hidden = text.el.hidden = !p;
      if (!p) return;
      const when = p.at < 0.01 ? ["还没开始，它写的是", "Before it starts, it writes"]
        : [`读了 ${dated(p, run)} 个周期，它写的是`, `After ${dated(p, run)} epochs it writes`];
      title.replaceChildren(el("b", {}, when), p.states
        ? el("span", {}, ["下面是它写每个字符时的隐状态", "below: its hidden state at every character"]) : "");
      text.draw(p, run.corpus);
    };
    return self;
  }

  /* What the curve of a stage shows. */
  function model({ run, ghost, guess }, p) {
    const held = measured(run), end = run.epochs, base = run.base || [run.corpus.V];
    const tops = [...run.points, ...(ghost || [])].flatMap((q) => [q.train, q.held]).filter(Number.isFinite);
    const yMax = Math.max(40, base[0] * 1.5, Math.min(TALL, 1.2 * Math.max(0, ...tops)));
    const over = p && p.held > p.train && p.train > 1.3; // near 1 words below would run into the axis
    const to = (x) => Math.min(end, x);
    const inside = (points, key) =>
      points.filter((q) => q[key] && q.at < end + 0.2).map((q) => [to(q.at), q[key]]);
    const curves = (points) => ["train", "held"].map((id) => ({ id, points: inside(points, id) }));
    const parted = held.filter((q) => q.held > q.train * 1.02);
    const dot = (id, y, below, zh, en) => ({ id, y, below, words: [`${zh} ${ppl(y)}`, `${en} ${ppl(y)}`] });
    const lines = (run.base || []).map((y, i) => ({ y, value: level(y), ...named(LINES[i], guess) }));
    return {
      xMax: end, yMax, at: p ? to(p.at) : null,
      series: curves(run.points), ghosts: ghost ? curves(ghost) : [],
      gap: run.brk ? null : parted.map((q) => [to(q.at), q.held, q.train]),
      lines: lines.filter(({ y }, i) => i < 3 || y < base[2] * 0.97), // two lines in one place say nothing
      dots: !p ? [] : [dot("train", p.train, over, "训练", "training"),
        dot("held", p.held, !over, "验证", "validation")],
      notes: notes(run, held, p, yMax),
    };
  }
  const named = (line_, guess) => (line_.id === guess
    ? { mark: true, words: ["你猜的这条", "your guess"] } : { mark: false, words: line_.words });

  /* Words on the curve: where the reader turned a knob, the lowest point, the gap. */
  function notes(run, held, p, top) {
    const out = run.marks.map((m) => ({ x: m.at, y: top, cls: "is-knob", words: m.words }));
    const high = run.points.filter((q) => q.train > top || q.held > top).pop(); // only beyond the tallest axis
    if (high) out.push({ x: high.at, y: top, cls: "is-high", words: ["← 高出图外", "← off the chart"] });
    if (run.brk || held.length < 7) return out;
    const best = lowest(held), last = held[held.length - 1], q = nearest(held, run.epochs * 0.75);
    if (held.indexOf(best) >= held.length - 2) return out;
    const covered = p && Math.abs(p.at - best.at) < run.epochs / 40;
    out.push({ x: best.at, y: best.held, ring: true, cls: "is-best",
      words: covered ? null : [`最好 ${ppl(best.held)}`, `best ${ppl(best.held)}`] });
    if (q.held / q.train > 2 && last.held / last.train > 2.2) {
      const y = Math.sqrt(q.held * q.train) * 1.12;
      out.push({ x: q.at, y, cls: "is-held", words: ["背下来的", "learned by heart"] });
    }
    return out;
  }

  /* ============ ways to break it ============ */
  const MORE = { above: ["比所有线都高", "above every line"], nan: ["变成 NaN，停下", "NaN, and it stops"],
    between: ["在“只知字频”和“看前一个字符”之间", "between letter counts and one letter back"],
    about: ["差不多", "about the same"], higher: ["高得多", "much higher"], lower: ["低很多", "much lower"],
    slower: ["差不多，只是慢", "about the same, only slower"] };
  const wordsOf = (id) => (LINES.find((l) => l.id === id) || { words: MORE[id] }).words;
  const BREAKS = [
    {
      id: "forget", more: { forget: true }, choices: ["uniform", "letters", "pairs", "fives"], right: "pairs",
      name: ["每一步都清空状态", "Erase the state at every step"],
      ask: ["每读一个字符之前都把状态清零，网络只看得见眼前这一个。验证曲线会停在哪条线上？",
        "The state is set to zero before every character, so the network sees only the one in front of " +
          "it. On which line will the validation curve come to rest?"],
      tell: ["没有状态，循环网络就是一张表：看这个字符，猜下一个。数一数相邻的字符，填出来的也是这张表，所以两条线几乎重合。" +
        "这条线以下的每一点，都是状态挣来的。",
      "Without a state, a recurrent network is a table: from this character, guess the next. Counting " +
        "pairs of characters fills in the same table, so the two land together. Everything below this " +
        "line is earned by the state."],
    },
    {
      id: "mislabel", more: { mislabel: true }, choices: ["uniform", "letters", "pairs", "fives"],
      right: "letters",
      name: ["标签按错的方向拉平", "Flatten the labels the wrong way"],
      ask: ["该写 Y.T.reshape(-1)，写成了 Y.reshape(-1)：长度一样，不报错。验证曲线会停在哪条线附近？",
        "Y.reshape(-1) where Y.T.reshape(-1) was meant: same length, no error. Near which line will the " +
          "validation curve come to rest?"],
      tell: ["每个位置对上的是别的行、别的时刻的标签，跟输入没有关系。从这样的标签里，只学得到每个字符出现多少次。" +
        "没有报错信息，要靠这条线认出来。",
      "Each position is paired with a label from another row and another moment, which has nothing to do " +
        "with its input. All it can learn from such labels is how often each character occurs. There's no " +
        "error message; the line gives it away."],
    },
    {
      id: "same", more: { start: "same" }, choices: ["uniform", "letters", "between", "fives"],
      right: "between",
      name: ["所有权重从同一个数开始", "Start every weight at the same number"],
      ask: ["所有权重都从 0.05 开始，别的不变。验证曲线会停在哪里？",
        "Every weight starts at 0.05; nothing else changes. Where will the validation curve come to rest?"],
      tell: ["64 个单元输入一样，梯度也一样，每一步都走得一模一样，永远是一个单元的 64 份拷贝。看色带，每一行都相同。" +
        "一个数连“前一个字符是什么”都记不全。",
      "All 64 units get the same input and the same gradient, so they take the same steps and stay 64 " +
        "copies of one unit. Look at the band: every row is alike. One number can't even hold which " +
        "character came last."],
    },
    {
      id: "rate", more: { rate: 0.3 }, choices: ["pairs", "letters", "uniform", "above"], right: "above",
      name: ["学习率乘以 30", "Learning rate times 30"],
      ask: ["学习率从 0.01 改成 0.3，梯度仍然裁剪。验证曲线最后会在哪里？",
        "The learning rate goes from 0.01 to 0.3; gradients are still clipped. Where will the validation " +
          "curve end up?"],
      tell: ["每一步都迈过头，权重越来越大，隐状态全顶在 ±1 上（看色带）。困惑度 28 是承认不知道；比 28 还高，" +
        "是错得很有把握。裁剪管得住一次意外，管不住每一步都太大。",
      "Every step overshoots, the weights grow, and the hidden state is pinned at ±1 (look at the band). " +
        "A perplexity of 28 admits to knowing nothing; more than that means being wrong with confidence. " +
        "Clipping tames the odd wild gradient, not a step that is always too long."],
    },
    {
      id: "clip", more: { optimizer: "sgd", rate: 1, clip: 0, start: "large" }, ghost: "clipped",
      choices: ["about", "higher", "nan"], right: "higher", name: ["去掉梯度裁剪", "Take away the clipping"],
      ask: ["换成 SGD，学习率 1，循环权重从谱半径约 1.8 开始。细线是有裁剪的。去掉裁剪，验证困惑度会怎样？",
        "SGD now, learning rate 1, and recurrent weights that start with a spectral radius of about 1.8. " +
          "The thin lines are with clipping. What happens to validation perplexity without it?"],
      tell: ["谱半径大于 1，梯度沿着时间往回走，越走越大（第 4 章）。裁剪让每一步的梯度范数不超过 1；不裁剪，" +
        "有几步长出许多倍，把权重甩得很远，后面的步子很难拉回来。在上面的默认设置里关掉裁剪却几乎看不出差别：" +
        "Adam 自己会按梯度的大小缩放步子。",
      "With a spectral radius above 1, gradients grow on their way back through time (chapter 4). " +
        "Clipping keeps the norm of each step's gradient at 1 or below; without it, a few steps are many " +
        "times longer and throw the weights far away, and later steps have trouble bringing them back. " +
        "Turn clipping off in the default setting above, though, and you'll hardly notice: Adam scales " +
        "its steps by the size of the gradients anyway."],
    },
    {
      id: "detach", more: { detach: false, epochs: 4.3 }, choices: ["lower", "slower", "nan"], right: "slower",
      name: ["状态从不剪断", "Never detach the state"],
      ask: ["平时，新的小批量接过状态的值，梯度到这里剪断（detach）。这回不剪，梯度一路走回这一遍的开头。" +
        "和剪断的（细线）比，验证曲线会怎样？",
      "Normally a new minibatch takes over the state's values, and the gradient is cut there (detach). " +
        "This time it isn't: the gradient runs all the way back to the start of the pass. Compared with " +
        "the cut one (thin lines), where does the validation curve go?"],
      tell: ["PyTorch 会拦住你：Trying to backward through the graph a second time（第 4 章）。" +
        "这里每一步都用现在的权重把前面的状态重算一遍，所以梯度是对的，只是没换来什么：走了几百步，剩下的梯度已经很少。",
      "PyTorch would have stopped you: Trying to backward through the graph a second time (chapter 4). " +
        "Here the states are computed again at each step with the weights of now, so the gradient is the " +
        "true one. It buys next to nothing: after hundreds of steps hardly any gradient is left."],
    },
  ];

  /* What came out, against the line or the thin curve that it was to be compared with. */
  function findings(run, b, healthy) {
    const last = measured(run).pop(), [, counts, pairs] = run.base || [];
    if (!last) return ["没有结果。", "There is no result."];
    const before = ppl(measured({ points: healthy.filter((p) => p.at < run.epochs + 0.2) }).pop().held);
    const line_ = (LINES.findIndex((l) => l.id === b.right) + 1 || 1) - 1, y = level(run.base[line_]);
    const [zh, en] = {
      clip: () => {
        const most = ppl(Math.max(...run.points.map((p) => p.norm || 0)));
        return [`有裁剪时是 ${before}；最大的一次梯度范数是 ${most}`,
          `with clipping it was ${before}; the largest gradient norm was ${most}`];
      },
      same: () => [`那两条线是 ${level(counts)} 和 ${level(pairs)}`,
        `those two lines stand at ${level(counts)} and ${level(pairs)}`],
      detach: () => slowness(before, run.pace),
      rate: () => [`最高的线是 ${y}`, `the highest line stands at ${y}`],
    }[b.id]?.() || [`那条线是 ${y}`, `the line stands at ${y}`];
    return [`验证困惑度最后是 _${ppl(last.held)}_；${zh}。`,
      `Validation perplexity ended at _${ppl(last.held)}_; ${en}.`];
  }
  function slowness(before, pace) {
    const zh = `剪断时是 ${before}`, en = `with the cut it was ${before}`;
    if (!pace || !pace.quick || !pace.slow) return [zh, en];
    const times = (pace.slow / pace.quick).toFixed(0);
    return [`${zh}。梯度最远往回走了 ${pace.span} 步，这样的一步花的时间是平时的 ${times} 倍`,
      `${en}. Gradients went back over ${pace.span} characters at the farthest, and such a step took ` +
        `${times} times as long as a usual one`];
  }

  /* The question, the run and the answer in one box. */
  function breaker({ trainer, corpus, ghosts, open }) {
    const slot = el("div"), heading = el("p", { class: "fig-head play__break-head" },
      el("b", {}, ["把它弄坏", "Break it"]),
      el("span", {}, ["先猜，再跑：RNN，64 个单元，几秒钟", "guess first, then run: an RNN with 64 units, a few seconds"]));
    const buttons = BREAKS.map((b) => el("button", { class: "fig-button", type: "button",
      "aria-pressed": "false", "data-break": b.id, onclick: () => open(b.id) }, b.name));
    const self = { el: el("div", { class: "play__break", role: "group", "aria-label": ["把它弄坏", "Break it"] },
      heading, el("div", { class: "play__breaks" }, ...buttons), slot) };
    let now = "";

    function reveal(b, guess) {
      const healthy = ghosts[b.ghost || "healthy"];
      let at = NEWEST, finish = null;
      const ended = new Promise((done) => { finish = done; });
      const where = (run) => { const all = looks(run); return all.length ? nearest(all, at) : null; };
      const scene = stage(where, (p) => { if (p) { at = p.at; scene.draw(); } }, 250);
      Object.assign(scene, { guess: guess === null ? null : b.choices[guess], ghost: healthy });
      scene.run = trainer.begin(corpus(), { kind: "rnn", H: 64, epochs: 15, ...b.more }, (over) => {
        const last = measured(scene.run).pop();
        self.el.dataset.state = over ? "done" : scene.run.lost ? "lost" : "running";
        self.el.dataset.held = last ? last.held : "";
        scene.draw();
        if (over) finish(scene.run);
      }, { brk: b });
      scene.draw();
      return { now: [scene.el], then: ended.then((run) => [findings(run, b, healthy), b.tell]) };
    }
    self.show = (id) => {
      if (id === now) return;
      now = id;
      const b = BREAKS.find((one) => one.id === id);
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(BREAKS[i] === b)));
      slot.replaceChildren();
      delete self.el.dataset.state;
      if (!b) return;
      Kit.predict(slot, { id: "break-" + b.id, question: b.ask, remember: false,
        choices: b.choices.map((choice) => ({ words: wordsOf(choice), right: choice === b.right })),
        reveal: (guess) => reveal(b, guess) });
    };
    return self;
  }

  /* ============ the settings, a sentence in each language ============ */
  const asIs = (values) => values.map((value) => ({ value, words: [String(value), String(value)] }));
  const SETTINGS = {
    cell: { label: ["网络", "Network"], choices: [
      { value: "rnn", words: ["RNN", "an RNN"] }, { value: "gru", words: ["GRU", "a GRU"] },
      { value: "lstm", words: ["LSTM", "an LSTM"] }] },
    H: { label: ["隐藏单元数 H", "Hidden units H"], choices: asIs([16, 32, 64, 128, 256]) },
    text: { label: ["文字", "Text"], choices: [
      { value: "tale", words: ["我们的故事，10,000 个字符", "10,000 characters of our tale"] },
      { value: "more", words: ["我们的故事，21,851 个字符", "21,851 characters of our tale"] },
      { value: "verse", words: ["我们的诗", "our Chinese verse"] },
      { value: "own", words: ["你的文字", "your own text"] }] },
    B: { label: ["批量大小 B", "Batch size B"], choices: asIs([4, 8, 16, 32, 64]) },
    T: { label: ["时间步数 T", "Time steps T"], choices: asIs([8, 16, 32, 64, 128]) },
    opt: { label: ["优化器", "Optimizer"], choices: [
      { value: "adam", words: ["Adam", "Adam"] }, { value: "sgd", words: ["SGD", "SGD"] }] },
    rate: { label: ["学习率", "Learning rate"], choices: asIs([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2, 4]) },
    clip: { label: ["梯度裁剪", "Gradient clipping"], choices: [0.1, 0.25, 1, 5, 0].map((value) => ({ value,
      words: value ? [`裁剪到 ${value}`, `clipped at ${value}`] : ["不裁剪", "not clipped"] })) },
  };
  /* The order of words differs, so each language has selects of its own, their options in that language. */
  function sentence(change) {
    const selects = [];
    const word = (language) => (key, after) => {
      const { label, choices } = SETTINGS[key];
      const own = choices.map(({ value, words }) => ({ value, words: both(words[language]) }));
      const made = Kit.word(label, own, (value) => change(key, value), { after: after && both(after) });
      made.select.dataset.key = key;
      selects.push({ key, made, own });
      return made.el;
    };
    const z = word(0), n = word(1), node = el("div", { class: "play__setup" },
      el("p", { class: "fig-sentence lang-block lang-zh", lang: "zh-CN" },
        "让一个 ", z("cell"), " 用 ", z("H"), " 个隐藏单元读", z("text", "，"), "每批 ", z("B"), " 行，每行 ", z("T"),
        " 步；优化器 ", z("opt", "，"), "学习率 ", z("rate", "，"), "梯度", z("clip", "。")),
      el("p", { class: "fig-sentence lang-block lang-en", lang: "en" },
        "Let ", n("cell"), " with ", n("H"), " hidden units read ", n("text", ","), " ", n("B"), " rows of ",
        n("T"), " steps at a time, using ", n("opt"), " at learning rate ", n("rate", ","), " gradients ",
        n("clip", ".")));
    return { el: node, draw(values) {
      for (const { key, made, own } of selects) {
        const known = own.some((c) => c.value === values[key]); // weights from a file may have any size
        made.draw(values[key], known ? null : [...own, { value: values[key], words: both(values[key]) }]);
      }
    } };
  }

  /* ============ files: the reader's own text, weights ============ */
  const button = (words, press, cls = "") =>
    el("button", { class: `fig-button ${cls}`.trim(), type: "button", onclick: press }, words);
  /* A button that opens a file. take(file) */
  function opener(words, accept, label, take) {
    const input = el("input", { type: "file", class: "fig-hidden", accept, tabindex: "-1",
      "aria-label": label });
    input.addEventListener("change", () => {
      const [file] = input.files;
      if (file) take(file);
      input.value = "";
    });
    return [button(words, () => input.click()), input];
  }
  function speaker(attributes) {
    const node = el("p", { class: "play__note", role: "status", ...attributes });
    return { node, say(pair, bad = false) {
      Kit.say(node, pair);
      node.classList.toggle("is-bad", bad);
    } };
  }
  const pairOf = (error) => error.pair || both(error.message);

  function ownBox(changed) {
    const id = Kit.id("own"), note = speaker({ id: id + "-note" });
    const area = el("textarea", { class: "fig-field__input", id, spellcheck: "false", autocomplete: "off",
      rows: 6, "aria-describedby": id + "-note", oninput: changed });
    const take = async (file) => {
      try {
        area.value = decodeText(await file.slice(0, 1 << 20).arrayBuffer());
        changed();
      } catch (error) { note.say(pairOf(error), true); }
    };
    const label = el("label", { for: id }, ["贴一段文字进来，中英文都行。它不会离开这台电脑。后 15% 只用来验证。",
      "Paste a text in any language. It doesn't leave this computer. The last 15% is for validation only."]);
    const node = el("div", { class: "play__own" }, label, area, el("div", { class: "play__go" },
      ...opener(["打开文件", "Open a file"], ".txt,.md,.csv,.tex,.py,.js,text/*",
        ["打开文本文件", "Open a text file"], take), note.node));
    for (const kind of ["dragover", "drop"]) node.addEventListener(kind, (event) => {
      if (!event.dataTransfer || ![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
    return { el: node, say: note.say, focus: () => area.focus(), get text() { return area.value; } };
  }

  function weightsBox(save, load) {
    const note = speaker(), command = el("code", { class: "play__code", hidden: true });
    const keep = button(["存下权重", "Save the weights"], save);
    const node = el("div", { class: "play__weights" }, el("div", { class: "play__go" }, keep,
      ...opener(["打开权重", "Load weights"], ".safetensors,.ckpt", ["打开权重文件", "Open a file of weights"],
        async (file) => load(file.name, await file.arrayBuffer())), note.node), command);
    return { el: node, draw: (can) => { keep.disabled = !can; }, say(pair, { bad = false, run = "" } = {}) {
      note.say(pair, bad);
      command.hidden = !run;
      command.textContent = run;
    } };
  }
  function download(name, bytes) {
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  /* ============ the figure ============ */
  const LASTING = ["text", "cell", "H", "T", "B", "opt"]; // what a run cannot change once it has begun
  const STAGES = [0, 0.36, 1, 2, 4.3, 7, 11.6, 20, 40, 80, 160];
  const settingsOf = (v) =>
    ({ kind: v.cell, H: v.H, B: v.B, T: v.T, rate: v.rate, optimizer: v.opt, clip: v.clip });
  /* The perplexity that a run is timed to: 8 for the tale's 28 letters. */
  const goal = (run) => Math.round((run.base || [28])[0] / 3.5);

  async function make(host, fig) {
    const E = fig.engine, packs = { tale: await fig.pack("playground") }, made = new Map();
    const once = (key, build) => made.get(key) || made.set(key, build()).get(key);
    const packOf = (name) => packs[name === "verse" ? "verse" : "tale"];
    const book = (name) => once(name, () => bookText(packOf(name), name));
    const runsOf = (name) => (packOf(name).recorded || { runs: {} }).runs;
    const recorded = (key) => once("run " + key, () => {
      const given = runsOf(key)[key];
      return recordedRun(given, book(given.text));
    });
    const trainer = coach(E, () => { host.dataset.thread = "page"; });
    if (fig.values.text === "verse") await getVerse();
    let run = recorded(fig.values.text === "own" ? "tale" : fig.values.text), stamp = "", asleep = null, troubled = false;

    const where = (r) => { const all = looks(r); return all.length ? nearest(all, fig.values.at) : null; };
    const goTo = (p) => { if (p) fig.set({ at: p === looks(run).pop() ? NEWEST : +p.at.toFixed(2) }); };
    const redraw = () => draw(fig.values, []);
    const toNewest = () => { fig.set({ at: NEWEST }); redraw(); };
    const leave = () => { if (run === trainer.run) trainer.pause(run); };
    const goesOn = () => run.live && !run.done && !run.stale && !run.lost && run.points.length > 0;

    const show = stage(where, goTo), own = ownBox(() => { ownChanged(); redraw(); });
    const files = weightsBox(save, load);
    const settings = sentence((key, value) =>
      fig.set(key === "opt" ? { opt: value, rate: value === "sgd" ? 1 : 0.01 } : { [key]: value }));
    const panel = breaker({ trainer, corpus: () => book("tale"),
      ghosts: { healthy: recorded("rnn").points, clipped: recorded("clipped").points },
      open: (id) => fig.set({ broken: fig.values.broken === id ? "" : id }) });
    const go = () => (run.going ? trainer.pause(run) : goesOn() ? trainer.resume(run) : start());
    const main = button(["", ""], go, "fig-button--main play__main");
    const again = button(["从头再来", "Start over"], () => start());
    const longer = button(["", ""], () => { trainer.more(run, run.corpus.epochs); toNewest(); });
    const back = button(["看录好的那次", "The recorded run"], () => { leave(); showRecorded(); toNewest(); });
    const status = el("span", { class: "play__status" }), diary = el("ol", { class: "play__diary" });
    const legend = el("p", { class: "fig-legend" });
    const controls = el("div", { class: "play__go" }, main, again, longer, back, status);
    const question = el("p", { class: "fig-head" },
      el("b", {}, ["学会了，还是背下来了？", "Learned, or memorized?"]));
    host.append(question, settings.el, own.el, controls, show.el, diary, legend, files.el, caption());
    placePanel(host, panel.el);

    /* ----- texts and recorded runs ----- */
    async function getVerse() {
      packs.verse = packs.verse || (await fig.pack("playground_verse"));
    }
    function showRecorded() {
      run = recorded(fig.values.text === "own" ? "tale" : fig.values.text);
      show.ghost = null;
    }
    async function openVerse() {
      Kit.say(status, ["正在打开诗……", "Opening the verse…"]);
      try {
        await getVerse();
      } catch (error) {
        Kit.say(status, [`诗没有打开：${error.message}`, `The verse did not open: ${error.message}`]);
        return;
      }
      if (fig.values.text !== "verse") return;
      if (!run.live) showRecorded();
      redraw();
    }

    /* ----- what the buttons do ----- */
    async function chosen() {
      if (fig.values.text === "verse") await getVerse();
      if (fig.values.text !== "own") return book(fig.values.text);
      const { corpus, problem } = ownText(E, own.text, fig.values);
      if (problem) { own.say(problem, true); own.focus(); }
      return corpus;
    }
    async function start() {
      const corpus = await chosen();
      if (!corpus) return;
      const before = run.corpus.key === corpus.key && run.points.length > 1;
      show.ghost = before ? run.points : fig.values.text === "own" ? null : recorded(corpus.key).points;
      run = trainer.begin(corpus, settingsOf(fig.values), redraw);
      toNewest();
    }
    async function save() {
      const now = run, { kind, H } = now.options, name = `${kind}${H}.safetensors`;
      download(name, writeNetwork(E, await trainer.save(now), now.corpus.letters, configOf(now)));
      host.dataset.saved = name;
      files.say([`存成了 ${name}。rnnlib 能接着用它：`, `Saved as ${name}. rnnlib takes it from there:`],
        { run: `python -m rnnlib generate ${name} --prefix "${now.corpus.prefix}"` });
    }
    /* Weights from a file begin a run of their own, on the text whose characters they know best. */
    async function load(name, buffer) {
      try {
        const { options, weights, letters } = readNetwork(buffer);
        const known = await familiar(encoder(letters)), encode = encoder(letters);
        const held = encode(Array.from(known.held, (i) => known.letters[i])), V = letters.length;
        const corpus = { ...known, key: `file ${name} ${known.key}`, letters, V, encode, base: null, held,
          train: encode(known.raw) };
        const text = known.key in EPOCHS ? known.key : "own";
        fig.set({ text, cell: options.kind, H: options.H, at: NEWEST });
        show.ghost = null;
        const begin = { ...settingsOf(fig.values), ...options, weights };
        run = trainer.begin(corpus, begin, redraw, { idle: true });
        run.loaded = name;
        sayOpened(name, options, V);
        redraw();
      } catch (error) { files.say(pairOf(error), { bad: true }); }
    }
    async function familiar(encode) {
      const strangers = (c) => encode(c.raw).reduce((n, i) => n + (i === 0), 0) / c.raw.length;
      const mine = fig.values.text === "own" ? ownText(E, own.text, fig.values).corpus : null;
      const first = mine || book(fig.values.text === "more" ? "more" : "tale");
      if (strangers(first) < 0.5) return first;
      await getVerse();
      return strangers(book("verse")) < strangers(first) ? book("verse") : first;
    }
    function sayOpened(name, { kind, H, L }, V) {
      const layers = L > 1 ? [`，${L} 层`, `, ${L} layers`] : ["", ""];
      files.say([`打开了 ${name}：${NAMES[kind]}，${H} 个单元${layers[0]}，${V} 个词元。按“接着训练”，它从这里学下去。`,
        `Opened ${name}: ${NAMES[kind]}, ${H} units${layers[1]}, ${V} tokens. Press “Train on” and it ` +
          "learns from here."]);
    }
    function ownChanged() {
      if (fig.values.text !== "own") return;
      const { problem, note } = ownText(E, own.text, fig.values);
      troubled = Boolean(problem);
      own.say(problem || note, Boolean(problem && own.text.trim()));
      if (run.live && run.corpus.key.startsWith("own")) { leave(); run.stale = true; }
    }
    /* Learning rate and clipping may change while it trains; the curve keeps a mark. All else needs a new
       run. */
    function turned(values, keys) {
      if (!run.live || run.done || run.stale) return;
      if (keys.some((k) => LASTING.includes(k))) { leave(); run.stale = true; return; }
      const last = run.points[run.points.length - 1], at = run.at || (last ? last.at : 0);
      if (keys.includes("rate")) run.marks.push({ at, words: both("η → " + values.rate) });
      if (keys.includes("clip")) {
        run.marks.push({ at, words: values.clip ? both("θ → " + values.clip) : ["不裁剪", "no clipping"] });
      }
      if (keys.includes("rate") || keys.includes("clip")) {
        trainer.set(run, { rate: values.rate, clip: values.clip });
      }
    }

    /* ----- drawing ----- */
    function drawButtons(values) {
      const words = run.going ? ["暂停", "Pause"] : !goesOn() ? ["▶︎ 在这一页里训练", "▶︎ Train it in this page"]
        : run.loaded ? ["接着训练", "Train on"] : ["继续", "Resume"], mine = run.live && run === trainer.run;
      Kit.say(main, words);
      main.disabled = run.live && !run.points.length && !run.failed && !run.lost;
      again.hidden = !(run.going || goesOn());
      longer.hidden = !(mine && run.done && !run.broken && !run.failed && !run.stale);
      Kit.say(longer, [`再读 ${run.corpus.epochs} 个周期`, `${run.corpus.epochs} more epochs`]);
      back.hidden = !run.live || run.going;
      files.draw(mine && run.points.length > 0 && !run.broken);
      const others = values.text === "own" && !run.live; // not what was asked for
      for (const node of [show.el, diary]) node.classList.toggle("is-other", others);
      main.classList.toggle("is-waiting", others && troubled); // pressed all the same, it says what is missing
      Kit.say(status, others ? NOT_YOURS : run.live ? progress(run) : ofRecorded(run.options));
    }
    /* For the tests, and for anybody who looks: what the figure shows, as values. */
    function publish(values) {
      const last = run.points[run.points.length - 1] || { at: 0, train: null }, p = where(run);
      const held = measured(run).pop() || { held: null };
      if (run.live && !run.below && last.train && last.train < goal(run)) run.below = run.seconds || 0;
      Object.assign(host.dataset, {
        state: run.going ? "running" : !run.live ? "recorded" : run.done ? "done" : "paused",
        last: JSON.stringify({ at: last.at, train: last.train, held: held.held }),
        here: p ? JSON.stringify({ at: p.at, train: p.train, held: p.held }) : "",
        speed: Math.round(run.speed || 0), seconds: run.seconds || 0, below: run.below || "",
        verdict: show.verdict, text: values.text,
      });
    }
    function drawDiary(all, p, corpus) {
      const now = all.length ? all[all.length - 1].at : -1;
      const stops = STAGES.filter((s) => s <= now * 1.02 + 0.01).map((s) => nearest(all, s));
      const rows = new Map([...stops, ...all.slice(-1)].map((q) => [epoch(q.at), q])); // one for each label
      diary.replaceChildren(...Array.from(rows.values(), (q) => diaryRow(q, q === p, corpus, () => goTo(q))));
    }
    function draw(values, keys) {
      if (keys && keys.length) turned(values, keys);
      if (values.text === "own" && (!keys || ["text", "B", "T"].some((k) => keys.includes(k)))) ownChanged();
      if (keys && keys.includes("text")) {
        if (values.text === "verse" && !packs.verse) openVerse();
        else if (!run.live && values.text !== "own") showRecorded();
      }
      settings.draw(values);
      own.el.hidden = values.text !== "own";
      show.run = run;
      show.draw();
      publish(values);
      drawButtons(values);
      if (!keys || keys.includes("broken")) panel.show(values.broken);
      if (values.broken && keys && keys.includes("broken")) setTimeout(() => Kit.show(panel.el));
      drawLooks(keys);
    }
    function drawLooks(keys) {
      const all = looks(run), p = where(run), now = [run.id, run.corpus.key, p && p.at, all.length].join();
      if (now === stamp) return;
      stamp = now;
      drawDiary(all, p, run.corpus);
      drawLegend(legend, run.corpus.cjk, Boolean(p && p.states));
      if (!run.going && p && keys) fig.say(show.describe());
    }
    /* Beside a sentence that speaks of an epoch: the two numbers, and the line it writes there. */
    function echo(link) {
      if (!/[:&]at=/.test(link.getAttribute("href"))) return null;
      const numbers_ = el("p", { class: "fig-head play__title" }), text = line();
      const node = el("div", { class: "fig fig-playground fig-echo play__echo" }, numbers_, text.el);
      return { el: node, draw() {
        const p = where(run);
        if (!p) return;
        const [at, train, held] = [epoch(p.at), ppl(p.train), ppl(p.held)];
        Kit.say(numbers_, [`第 ${at} 个周期，训练 _${train}_，验证 _${held}_`,
          `epoch ${at}, training _${train}_, validation _${held}_`]);
        text.draw(p, run.corpus);
      } };
    }

    /* A page that nobody looks at does not compute; one that is left ends its worker. */
    document.addEventListener("visibilitychange", () => {
      const now = trainer.run;
      if (document.hidden && now && now.going) {
        asleep = now;
        trainer.pause(now);
      } else if (!document.hidden && asleep) {
        if (asleep === now && !asleep.done) trainer.resume(asleep);
        asleep = null;
      }
    });
    new ResizeObserver(() => { if (host.isConnected) show.draw(); else trainer.end(); }).observe(host);
    return { draw, echo };
  }

  /* ----- words and pieces of the figure ----- */
  function placePanel(host, panel) {
    const place = document.getElementById("playground-break");
    if (!place || place.childElementCount) { host.append(panel); return; }
    place.classList.add("fig", "fig-playground", "fig--bare");
    place.append(panel);
  }
  const NOT_YOURS = ["下面灰色的还是录好的那次，读的是我们的故事，不是你的文字。",
    "What is grey below is still the recorded run on our tale, not your text."];
  const ofRecorded = ({ kind, H }) => [`下面是录好的一次：${NAMES[kind]}，${H} 个单元。`,
    `Below is a recorded run: a ${NAMES[kind]} with ${H} units.`];
  function progress(run) {
    const q = run.points[run.points.length - 1];
    if (run.failed) return [`没能训练：${run.failed}`, `It could not train: ${run.failed}`];
    if (!q) return ["准备中……", "Getting ready…"];
    if (run.broken) {
      return [`第 ${epoch(q.at)} 个周期，数变成了 NaN，停下了。`,
        `At epoch ${epoch(q.at)} the numbers became NaN; it stopped.`];
    }
    if (run.stale) {
      return ["设置改了，曲线还是刚才那次的。", "The settings have changed; the curve is still the last run's."];
    }
    if (run.loaded && q.at < 0.001) return ["还没有接着训练。", "Not trained any further yet."];
    const at = epoch(run.at || q.at), speed = whole(Math.round((run.speed || 0) / 100) * 100);
    const seconds = (run.seconds || 0).toFixed(1), to = whole(goal(run));
    const cut = Math.round(100 * (run.clipped || 0));
    const fast = run.below
      ? [`；第 ${run.below.toFixed(1)} 秒，训练困惑度降到 ${to} 以下`,
        `; training perplexity below ${to} after ${run.below.toFixed(1)} s`] : ["", ""];
    const clipped = cut ? [`；裁剪了 ${cut}% 的步`, `; ${cut}% of steps clipped`] : ["", ""];
    return [`第 ${at} / ${run.epochs} 个周期，${seconds} 秒，每秒 ${speed} 个字符${fast[0]}${clipped[0]}`,
      `epoch ${at} of ${run.epochs}, ${seconds} s, ${speed} characters a second${fast[1]}${clipped[1]}`];
  }
  function diaryRow(q, here, corpus, press) {
    const said = (words) => el("span", { class: "fig-said" }, words);
    const prefix = Array.from(corpus.prefix).length;
    const when = q.at < 0.01 ? ["开始", "start"] : [`${epoch(q.at)} 个周期`, `${epoch(q.at)} epochs`];
    return el("li", {}, el("button", { type: "button", "aria-pressed": String(here), onclick: press },
      el("span", { class: "is-at" }, when),
      el("span", { class: "is-ppl" }, said(["训练 ", "training "]), el("b", {}, ppl(q.train)), " / ",
        said(["验证 ", "validation "]), el("b", {}, ppl(q.held))),
      written(q.text, corpus, prefix, corpus.cjk ? 34 : 60)));
  }
  function drawLegend(node, cjk, states) {
    const n = longest(cjk);
    const sample = (cls) => el("span", { class: cls || null }, cjk ? "春风" : "abc");
    const entry = (cls, words) => el("span", {}, el("span", { class: "fig-written" }, sample(cls)), words);
    node.replaceChildren(
      !states ? "" : el("span", {}, "−1", el("i", { class: "is-state" }), "+1 ",
        ["隐状态，前 32 个单元", "hidden state, first 32 units"]),
      entry("is-given", ["给它的开头", "given to it"]),
      entry("", cjk ? ["学过的搭配", "two characters it has read together"] : ["学过的词", "a word it has read"]),
      entry("is-new", ["没学过的", "not read"]), entry("is-recited", [`背下来的：和读过的文字连着 ${n} 个以上字符相同`,
        `recited: ${n} characters or more in a row as in the text it read`]));
  }
  const caption = () => el("figcaption", { class: "fig-note" }, [
    "蓝线是训练困惑度，橙线是验证困惑度（紧接着的文字，从不拿去学），竖轴是对数的。虚线不训练，只数数，也在验证部分上量。" +
      "写字时温度 0.5。细线是上一次。同一个种子，同一套算术：用默认设置，你的曲线会压着录好的那条走。",
    "Blue is training perplexity, orange validation perplexity (the text that follows, never learned " +
      "from); the vertical axis is logarithmic. Dotted lines aren't trained, they count, and are measured " +
      "on the validation part too. It writes at temperature 0.5. Thin lines are the run before. Same " +
      "seed, same arithmetic: with the default settings your curve retraces the recorded one."]);

  Kit.figure("playground", {
    title: ["自己训练一个", "Train it yourself"],
    defaults: { text: "tale", cell: "gru", H: 64, T: 32, B: 16, opt: "adam", rate: 0.01, clip: 1, at: 999,
      broken: "" },
    packs: ["playground"],
    make,
  });
})(globalThis);
