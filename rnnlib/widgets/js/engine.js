/* Recurrent networks in plain JavaScript: forward with every gate, backpropagation through time, SGD and
   Adam, sampling, beam search, an encoder and a decoder with attention, the n-gram baseline. Typed arrays, no
   library; the same numbers as torch.nn and rnnlib.

   The whole engine is one function without outside references, so that its own text can start a worker from a
   Blob, the only kind of worker that a page opened from a folder may start:
     new Worker(URL.createObjectURL(new Blob([`const E = ${RNNEngine.source}; onmessage = ...`])))

   Letters as in the book: T steps, B rows, V characters, H units, L layers, D directions, G blocks of H rows.
   All matrices lie row by row in a Float32Array: entry (t, b, j) of [T, B, H] is at (t * B + b) * H + j.

   A model is {kind, form, V, H, L, directions, outputs, embedding, head, weights}. Its weights have the names
   and layouts of rnnlib.models.RNNModel (so of torch.nn), with I inputs to a layer:
     embedding.weight          [V, embedding]     only with an embedding; without one, inputs are one-hot
     rnn.weight_ih_l0          [G*H, I]           I = V or embedding in layer 0, D*H above; also _l1 ...
     rnn.weight_hh_l0          [G*H, H]           of the other direction: rnn.weight_hh_l0_reverse
     rnn.bias_ih_l0, rnn.bias_hh_l0   [G*H]
     linear.weight             [outputs, D*H]     "linear" is `head`; a SequenceTagger calls it "output"
     linear.bias               [outputs] */
globalThis.RNNEngine = (function engine() {
  "use strict";

  /* Blocks of H rows in every weight, from top to bottom, in torch's order; N is the candidate. */
  const BLOCKS = { rnn: ["N"], gru: ["R", "Z", "N"], lstm: ["I", "F", "N", "O"] };
  const GATES = { rnn: [], gru: ["R", "Z"], lstm: ["I", "F", "O"] };
  /* rnn: the activation. gru: the reset gate acts after the product (torch.nn) or before it (the paper). */
  const FORMS = { rnn: ["tanh", "relu"], gru: ["after", "before"], lstm: ["usual"] };

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const floats = (n) => new Float32Array(n);
  const fail = (message) => { throw new Error(message); };
  const isCount = (n) => Number.isInteger(n) && n > 0;

  /* ============ chance ============ */
  /* mulberry32: uniform in [0, 1) with 32 bits, and a normal variate from two of them (Box and Muller). */
  function random(seed) {
    let s = seed | 0;
    const uniform = () => {
      s = (s + 0x6d2b79f5) | 0;
      let t = Math.imul(s ^ (s >>> 15), 1 | s);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return { uniform, normal };
  }

  /* ============ a model ============ */
  /* Options with every default filled in; an Error says what does not fit. */
  function settle(options) {
    const o = { L: 1, directions: 1, embedding: 0, head: "linear", ...options };
    const kinds = Object.keys(FORMS).join(", ");
    if (!FORMS[o.kind]) fail(`kind ${show(o.kind)} is not known; use one of ${kinds}.`);
    o.form = o.form || FORMS[o.kind][0];
    if (!FORMS[o.kind].includes(o.form)) {
      fail(`form ${show(o.form)} of ${o.kind} is not known; use one of ${FORMS[o.kind].join(", ")}.`);
    }
    if (o.outputs === undefined) o.outputs = o.V;
    for (const name of ["V", "H", "L", "outputs"]) {
      if (!isCount(o[name])) fail(`${name}=${show(o[name])} must be a whole number above 0.`);
    }
    if (o.directions !== 1 && o.directions !== 2) fail(`directions=${show(o.directions)} must be 1 or 2.`);
    if (o.embedding !== 0 && !isCount(o.embedding)) {
      fail(`embedding=${show(o.embedding)} must be a whole number: the vectors' length, or 0 for one-hot.`);
    }
    return o;
  }
  const show = (value) => (typeof value === "string" ? `"${value}"` : String(value));

  /* {name: [rows, columns] or [length]}, in the order of torch's state_dict. */
  function shapes(options) {
    const o = settle(options), K = BLOCKS[o.kind].length * o.H, list = {};
    for (let l = 0; l < o.L; l++) for (let d = 0; d < o.directions; d++) {
      const at = suffix(l, d), I = l ? o.directions * o.H : o.embedding || o.V;
      list["rnn.weight_ih" + at] = [K, I];
      list["rnn.weight_hh" + at] = [K, o.H];
      list["rnn.bias_ih" + at] = [K];
      list["rnn.bias_hh" + at] = [K];
    }
    if (o.embedding) list["embedding.weight"] = [o.V, o.embedding];
    list[o.head + ".weight"] = [o.outputs, o.directions * o.H];
    list[o.head + ".bias"] = [o.outputs];
    return list;
  }
  const suffix = (l, d) => `_l${l}${d ? "_reverse" : ""}`;
  const size = (shape) => shape.reduce((product, n) => product * n, 1);

  /* A model from options and weights {name: array}, which are copied. */
  function load(options, weights = options.weights) {
    const { kind, form, V, H, L, directions, outputs, embedding, head } = settle(options);
    const kept = copied(shapes(options), weights);
    return { kind, form, V, H, L, directions, outputs, embedding, head, weights: kept };
  }

  /* Copies of the arrays in `weights`, one for each name of the list {name: shape} and no other. */
  function copied(list, weights) {
    const out = {};
    for (const name of Object.keys(weights || {})) {
      if (!list[name]) fail(`this model has no weights "${name}"; it has ${Object.keys(list).join(", ")}.`);
    }
    for (const [name, shape] of Object.entries(list)) {
      const given = weights && weights[name];
      if (!given) fail(`the weights "${name}" [${shape}] are missing.`);
      if (given.length !== size(shape)) {
        fail(`"${name}" has ${given.length} numbers; [${shape}] = ${size(shape)} are expected.`);
      }
      out[name] = Float32Array.from(given);
    }
    return out;
  }

  /* A copy of everything that `load` needs to build the model again. */
  const save = (model) => ({ ...model,
    weights: Object.fromEntries(names(model).map((name) => [name, model.weights[name].slice()])) });

  /* A new model. Weights begin as torch's do: uniform in +-1/sqrt(H), in +-1/sqrt(D*H) for the linear layer,
     normal for an embedding. options.start: "same" gives every weight one value, "large" draws W_hh with a
     spectral radius near 1.8. options.forgetBias is added to an LSTM's forget gates. */
  function create(options, seed = 1) {
    const o = settle(options), { uniform, normal } = random(seed), weights = {};
    for (const [name, shape] of Object.entries(shapes(o))) {
      const w = (weights[name] = floats(size(shape)));
      const bound = 1 / Math.sqrt(name.startsWith(o.head) ? o.directions * o.H : o.H);
      for (let i = 0; i < w.length; i++) {
        if (o.start === "same") w[i] = 0.05;
        else if (name === "embedding.weight") w[i] = normal();
        else if (o.start === "large" && name.includes("weight_hh")) w[i] = (1.8 * normal()) / Math.sqrt(o.H);
        else w[i] = bound * (2 * uniform() - 1);
      }
      if (o.forgetBias && o.kind === "lstm" && name.includes("bias_ih")) {
        for (let j = o.H; j < 2 * o.H; j++) w[j] += o.forgetBias;
      }
    }
    return load(o, weights);
  }

  const names = (model) => Object.keys(shapes(model));
  const count = (model) => names(model).reduce((sum, name) => sum + model.weights[name].length, 0);

  /* The four arrays of layer l in direction d, out of the model's weights or out of its gradients. */
  function part(arrays, l, d) {
    const at = suffix(l, d);
    return { ih: arrays["rnn.weight_ih" + at], hh: arrays["rnn.weight_hh" + at],
      bih: arrays["rnn.bias_ih" + at], bhh: arrays["rnn.bias_hh" + at] };
  }

  function checkIndices(ids, limit, from, to, what) {
    for (let i = from; i < to; i++) if (!(ids[i] < limit && ids[i] >= 0)) {
      fail(`${what} ${i} is ${ids[i]}; whole numbers from 0 to ${limit - 1} are expected.`);
    }
  }

  /* ============ weights as bytes ============ */
  /* The format of rnnlib.widgets.packs. Matrices travel as int8 with one float32 scale for each row,
     weight[r, c] = q[r, c] * scale[r]; vectors as float32. meta: the model's options, and arrays:
     {name: {offset, shape, dtype, scale}}, offset and scale (of int8 only) in bytes, little endian. */
  function pack(model) {
    const { weights, ...meta } = model, arrays = {}, pieces = [];
    let end = 0;
    const put = (array) => { /* every array begins at a multiple of four bytes */
      const offset = end;
      pieces.push([offset, new Uint8Array(array.buffer)]);
      end += Math.ceil(array.byteLength / 4) * 4;
      return offset;
    };
    for (const [name, shape] of Object.entries(shapes(model))) {
      const [rows, columns] = shape, w = weights[name];
      if (columns === undefined) {
        arrays[name] = { offset: put(w.slice()), shape, dtype: "float32" };
        continue;
      }
      const q = new Int8Array(w.length), scales = floats(rows);
      for (let r = 0; r < rows; r++) {
        const row = w.subarray(r * columns, (r + 1) * columns);
        scales[r] = row.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127;
        row.forEach((x, c) => { q[r * columns + c] = scales[r] ? Math.round(x / scales[r]) : 0; });
      }
      arrays[name] = { offset: put(q), shape, dtype: "int8", scale: put(scales) };
    }
    const bytes = new Uint8Array(end);
    for (const [offset, piece] of pieces) bytes.set(piece, offset);
    return { meta: { ...meta, arrays }, bytes: bytes.buffer };
  }

  /* A model from what `pack` gave, or from a network of a pack (which says layers, before and output for L,
     form and head). bytes: an ArrayBuffer or a view of one; the arrays of meta lie in it. */
  function unpack(meta, bytes) {
    const options = settle({ ...meta, L: meta.L || meta.layers, head: meta.head || meta.output || "linear",
      form: meta.form || (meta.kind === "gru" && meta.before ? "before" : undefined) });
    return load(options, unpacked(shapes(options), meta.arrays || {}, bytes));
  }

  /* The arrays of a pack as numbers, one for each name of the list {name: shape}. */
  function unpacked(list, arrays, bytes) {
    const whole = ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes), weights = {};
    const take = (Type, offset, n, name) => {
      const start = whole.byteOffset + offset, end = start + n * Type.BYTES_PER_ELEMENT;
      if (!(offset >= 0 && end <= whole.byteOffset + whole.byteLength)) {
        fail(`"${name}" takes ${n} numbers from byte ${offset} on; there are ${whole.byteLength} bytes.`);
      }
      return new Type(whole.buffer.slice(start, end));
    };
    for (const [name, shape] of Object.entries(list)) {
      const { offset, dtype, scale } = arrays[name] || fail(`the pack lacks "${name}" [${shape}].`);
      if (String(arrays[name].shape) !== String(shape)) {
        fail(`"${name}" has the shape [${arrays[name].shape}] in the pack; [${shape}] is expected.`);
      }
      const n = size(shape), columns = n / shape[0];
      if (dtype === "float32") { weights[name] = take(Float32Array, offset, n, name); continue; }
      if (dtype !== "int8") fail(`"${name}" is of dtype ${show(dtype)}; int8 or float32 is expected.`);
      const q = take(Int8Array, offset, n, name), scales = take(Float32Array, scale, shape[0], name);
      weights[name] = Float32Array.from(q, (value, i) => value * scales[Math.floor(i / columns)]);
    }
    return weights;
  }

  function bytes(base64) {
    const text = atob(base64), out = new Uint8Array(text.length);
    for (let i = 0; i < out.length; i++) out[i] = text.charCodeAt(i);
    return out;
  }

  /* ============ products ============ */
  /* Matrices are given as (array, offset, stride from row to row), so that a block of columns is one, too.
     Tiles of sums are held in local variables: no store inside the inner loop. */

  /* C[r, j] += sum over k of A[r, k] M[j, k], that is C += A M^T: `rows` rows, J columns, K terms. */
  function dots(C, c, cs, A, a, as, M, m, ms, rows, K, J) {
    let r = 0;
    for (; r + 3 < rows; r += 4) {
      const a0 = a + r * as, a1 = a0 + as, a2 = a1 + as, a3 = a2 + as;
      const c0 = c + r * cs, c1 = c0 + cs, c2 = c1 + cs, c3 = c2 + cs;
      let j = 0;
      for (; j + 1 < J; j += 2) {
        const v0 = m + j * ms, w0 = v0 + ms;
        let s0 = 0, s1 = 0, s2 = 0, s3 = 0, u0 = 0, u1 = 0, u2 = 0, u3 = 0;
        for (let k = 0; k < K; k++) {
          const v = M[v0 + k], w = M[w0 + k], x0 = A[a0 + k], x1 = A[a1 + k], x2 = A[a2 + k], x3 = A[a3 + k];
          s0 += x0 * v; s1 += x1 * v; s2 += x2 * v; s3 += x3 * v;
          u0 += x0 * w; u1 += x1 * w; u2 += x2 * w; u3 += x3 * w;
        }
        C[c0 + j] += s0; C[c1 + j] += s1; C[c2 + j] += s2; C[c3 + j] += s3;
        C[c0 + j + 1] += u0; C[c1 + j + 1] += u1; C[c2 + j + 1] += u2; C[c3 + j + 1] += u3;
      }
      if (j < J) {
        let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (let k = 0, v0 = m + j * ms; k < K; k++) {
          const v = M[v0 + k];
          s0 += A[a0 + k] * v; s1 += A[a1 + k] * v; s2 += A[a2 + k] * v; s3 += A[a3 + k] * v;
        }
        C[c0 + j] += s0; C[c1 + j] += s1; C[c2 + j] += s2; C[c3 + j] += s3;
      }
    }
    for (; r < rows; r++) {
      const a0 = a + r * as, c0 = c + r * cs;
      let j = 0;
      for (; j + 3 < J; j += 4) {
        const m0 = m + j * ms, m1 = m0 + ms, m2 = m1 + ms, m3 = m2 + ms;
        let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (let k = 0; k < K; k++) {
          const x = A[a0 + k];
          s0 += x * M[m0 + k]; s1 += x * M[m1 + k]; s2 += x * M[m2 + k]; s3 += x * M[m3 + k];
        }
        C[c0 + j] += s0; C[c0 + j + 1] += s1; C[c0 + j + 2] += s2; C[c0 + j + 3] += s3;
      }
      for (; j < J; j++) {
        let s = 0;
        for (let k = 0, m0 = m + j * ms; k < K; k++) s += A[a0 + k] * M[m0 + k];
        C[c0 + j] += s;
      }
    }
  }

  /* G[k, j] += sum over r of A[r, k] D[r, j], that is G += A^T D, in blocks of rows that stay in the cache.
     */
  function outer(G, g, gs, A, a, as, D, d, ds, rows, K, J) {
    for (let first = 0; first < rows; first += 64) {
      const n = Math.min(64, rows - first), a0 = a + first * as, d0 = d + first * ds;
      for (let k = 0; k < K; k += 2) {
        const pair = k + 1 < K ? 1 : 0, g0 = g + k * gs; /* without a partner, the last row is taken twice */
        let j = 0;
        for (; j + 3 < J; j += 4) {
          let s0 = 0, s1 = 0, s2 = 0, s3 = 0, u0 = 0, u1 = 0, u2 = 0, u3 = 0;
          for (let r = 0, x = a0 + k, y = d0 + j; r < n; r++, x += as, y += ds) {
            const p = A[x], q = A[x + pair], y0 = D[y], y1 = D[y + 1], y2 = D[y + 2], y3 = D[y + 3];
            s0 += p * y0; s1 += p * y1; s2 += p * y2; s3 += p * y3;
            u0 += q * y0; u1 += q * y1; u2 += q * y2; u3 += q * y3;
          }
          G[g0 + j] += s0; G[g0 + j + 1] += s1; G[g0 + j + 2] += s2; G[g0 + j + 3] += s3;
          if (!pair) continue;
          G[g0 + gs + j] += u0; G[g0 + gs + j + 1] += u1; G[g0 + gs + j + 2] += u2; G[g0 + gs + j + 3] += u3;
        }
        for (; j < J; j++) {
          let s = 0, u = 0;
          for (let r = 0, x = a0 + k, y = d0 + j; r < n; r++, x += as, y += ds) {
            s += A[x] * D[y]; u += A[x + pair] * D[y];
          }
          G[g0 + j] += s;
          if (pair) G[g0 + gs + j] += u;
        }
      }
    }
  }

  function transpose(M, rows, columns, out) {
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = M[r * columns + c];
    return out;
  }
  function fillRows(C, c, cs, row, rows, J) {
    for (let r = 0; r < rows; r++) for (let j = 0; j < J; j++) C[c + r * cs + j] = row[j];
  }
  function addColumns(sum, A, a, as, rows, J) {
    for (let r = 0; r < rows; r++) for (let j = 0; j < J; j++) sum[j] += A[a + r * as + j];
  }

  /* ============ the cells: one step, B rows ============ */
  /* What every row gets before a cell: both biases, but not b_hn of torch's GRU: the reset gate has it. */
  function bias(model, W, out) {
    const { kind, form, H } = model, waits = kind === "gru" && form === "after" ? 2 * H : Infinity;
    for (let k = 0; k < W.bih.length; k++) out[k] = W.bih[k] + (k < waits ? W.bhh[k] : 0);
    return out;
  }

  /* now.act [B, G*H] at `o` comes in holding X W_ih^T + bias; it goes out holding the gates and the
     candidate. past.h, past.c [B, H] at `p` are the state before; now.h, now.c at `q` the state after. now.u
     [B, H] at `u` keeps what the way back needs.
       rnn    H_t = tanh(a) or relu(a),                          a = X W_ih^T + H W_hh^T + b
       gru    H_t = N + Z * (H - N),                             R, Z = sigmoid(a)
              after:  N = tanh(x_n + R * (H W_hn^T + b_hn))      u = H W_hn^T + b_hn
              before: N = tanh(x_n + (R * H) W_hn^T + b_hn)      u = R * H
       lstm   C_t = F * C + I * N,  H_t = O * tanh(C_t),         I, F, O = sigmoid(a), N = tanh(a)
                                                                 u = tanh(C_t) */
  function cell(model, W, past, p, now, q, o, u, B, held) {
    const { kind, form, H } = model, K = BLOCKS[kind].length * H, act = now.act, keep = now.u;
    if (kind === "rnn") {
      dots(act, o, H, past.h, p, H, W.hh, 0, H, B, H, H);
      const relu = form === "relu";
      for (let i = 0; i < B * H; i++) {
        now.h[q + i] = act[o + i] = relu ? Math.max(0, act[o + i]) : Math.tanh(act[o + i]);
      }
      return;
    }
    if (kind === "lstm") {
      dots(act, o, K, past.h, p, H, W.hh, 0, H, B, H, K);
      for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K; j < H; j++, a++) {
        act[a] = sigmoid(act[a]); act[a + H] = sigmoid(act[a + H]);
        act[a + 2 * H] = Math.tanh(act[a + 2 * H]); act[a + 3 * H] = sigmoid(act[a + 3 * H]);
      }
      if (held) replace(act, o, K, H, B, held);
      for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K, s = r * H; j < H; j++, a++, s++) {
        const C = act[a + H] * past.c[p + s] + act[a] * act[a + 2 * H], y = Math.tanh(C);
        now.c[q + s] = C;
        keep[u + s] = y;
        now.h[q + s] = act[a + 3 * H] * y;
      }
      return;
    }
    const after = form === "after", n = 2 * H * H; /* where W_hn begins */
    dots(act, o, K, past.h, p, H, W.hh, 0, H, B, H, 2 * H);
    for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K; j < 2 * H; j++, a++) act[a] = sigmoid(act[a]);
    if (held) replace(act, o, K, H, B, held);
    for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K, s = r * H; j < H; j++, a++, s++) {
      keep[u + s] = after ? W.bhh[2 * H + j] : act[a] * past.h[p + s];
    }
    if (after) dots(keep, u, H, past.h, p, H, W.hh, n, H, B, H, H);
    else dots(act, o + 2 * H, K, keep, u, H, W.hh, n, H, B, H, H);
    for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K, s = r * H; j < H; j++, a++, s++) {
      const x = act[a + 2 * H], N = Math.tanh(after ? x + act[a] * keep[u + s] : x);
      act[a + 2 * H] = N;
      now.h[q + s] = N + act[a + H] * (past.h[p + s] - N);
    }
  }

  /* hold: {F: 0.5, ...} for all layers, or [{...}, {...}] with one for each layer; a value is a number for
     all units, or H numbers with NaN where a unit stays free. Gives [[block, value], ...] for layer l. */
  function holding(model, hold, l) {
    const mine = Array.isArray(hold) ? hold[l] : hold;
    if (!mine) return null;
    return Object.entries(mine).map(([gate, value]) => {
      if (!GATES[model.kind].includes(gate)) {
        fail(`hold: ${model.kind} has no gate "${gate}"; it has ${GATES[model.kind].join(", ") || "none"}.`);
      }
      const fits = typeof value === "number" || value.length === model.H;
      if (!fits) fail(`hold: gate ${gate} takes a number or H=${model.H} numbers; got ${value.length}.`);
      return [BLOCKS[model.kind].indexOf(gate), value];
    });
  }
  /* Puts held values into B rows at `o`, or with `zero` 0 in their place: nothing flows back through them. */
  function replace(act, o, K, H, B, held, zero) {
    for (const [block, value] of held) for (let r = 0; r < B; r++) for (let j = 0; j < H; j++) {
      const v = typeof value === "number" ? value : value[j];
      if (v === v) act[o + r * K + block * H + j] = zero ? 0 : v;
    }
  }

  /* ============ one step, one row: what the figures show ============ */
  /* A state: layers[l] = {h, c, N and the gates}, each of H numbers; state.h, .N ... are the top layer's. */
  function blank(model) {
    const { kind, H, L } = model, K = BLOCKS[kind].length * H, layers = [];
    for (let l = 0; l < L; l++) {
      const layer = { h: floats(H), c: floats(H), act: floats(K), u: floats(H) };
      BLOCKS[kind].forEach((name, i) => { layer[name] = layer.act.subarray(i * H, (i + 1) * H); });
      layers.push(layer);
    }
    return { layers, ...layers[L - 1] };
  }
  function copy(model, state, into = blank(model)) {
    state.layers.forEach((layer, l) => {
      for (const name of ["h", "c", "act", "u"]) into.layers[l][name].set(layer[name]);
    });
    return into;
  }

  /* Reads the character with index x: writes the state after it, with every gate, into `next` and returns it.
     */
  function step(model, state, x, next, hold) {
    const { H, L, V, embedding } = model, K = BLOCKS[model.kind].length * H;
    if (model.directions > 1) fail("step: two directions need the whole text; use read.");
    if (!(Number.isInteger(x) && x >= 0 && x < V)) {
      fail(`step: x=${x}; a whole number from 0 to ${V - 1} is expected.`);
    }
    for (let l = 0; l < L; l++) {
      const W = part(model.weights, l, 0), now = next.layers[l], act = bias(model, W, now.act);
      if (l) dots(act, 0, K, next.layers[l - 1].h, 0, H, W.ih, 0, H, 1, H, K);
      else if (embedding) {
        const vectors = model.weights["embedding.weight"];
        dots(act, 0, K, vectors, x * embedding, 0, W.ih, 0, embedding, 1, embedding, K);
      } else for (let k = 0; k < K; k++) act[k] += W.ih[k * V + x]; /* a one-hot input takes a column */
      cell(model, W, state.layers[l], 0, now, 0, 0, 0, 1, holding(model, hold, l));
    }
    return next;
  }

  /* h: [D*H], the top layer's state. Writes `outputs` logits into out. */
  function logits(model, h, out) {
    const D = model.directions * model.H;
    out.set(model.weights[model.head + ".bias"]);
    dots(out, 0, 0, h, 0, 0, model.weights[model.head + ".weight"], 0, D, 1, D, model.outputs);
    return out;
  }
  /* The n numbers from `at` on become softmax(numbers / temperature). Returns log(sum(exp(numbers))), right
     at temperature 1 only. */
  function softmax(x, at, n, temperature = 1) {
    let top = -Infinity, sum = 0;
    for (let i = at; i < at + n; i++) if (x[i] > top) top = x[i];
    if (temperature === 1) for (let i = at; i < at + n; i++) sum += x[i] = Math.exp(x[i] - top);
    else for (let i = at; i < at + n; i++) sum += x[i] = Math.exp((x[i] - top) / temperature);
    for (let i = at, share = 1 / sum; i < at + n; i++) x[i] *= share;
    return top + Math.log(sum);
  }
  function predict(model, h, out, temperature) {
    softmax(logits(model, h, out), 0, model.outputs, temperature);
    return out;
  }

  /* ============ a minibatch: forward, loss, backward ============ */
  /* Buffers for up to T steps of B rows. The caller fills X [T, B] with indices and, for a loss, Y [T, B]
     with labels; a label below 0 does not count. layers[l][d].h0 and .c0 [B, H] are the state before the
     first step. h [T + 1, B, H]: the state after step t stands in slot t + 1, in reverse in slot t. */
  function workspace(model, B, T) {
    const { kind, H, V, L, directions, outputs, embedding } = model, K = BLOCKS[kind].length * H;
    if (!isCount(B) || !isCount(T)) {
      fail(`workspace: B=${show(B)}, T=${show(T)} must be whole numbers above 0.`);
    }
    const layers = [], most = Math.min(V, T * B);
    for (let l = 0; l < L; l++) {
      layers.push([]);
      for (let d = 0; d < directions; d++) layers[l].push({
        h0: floats(B * H), c0: floats(kind === "lstm" ? B * H : 0),
        h: floats((T + 1) * B * H), c: floats(kind === "lstm" ? (T + 1) * B * H : 0),
        act: floats(T * B * K), u: floats(kind === "rnn" ? 0 : T * B * H) });
    }
    return { B, T, X: new Int32Array(T * B), Y: new Int32Array(T * B).fill(-1), layers,
      p: floats(T * B * outputs), bias: floats(K), zero: { h: floats(B * H), c: floats(B * H) },
      slots: new Int32Array(V), seen: new Int32Array(most), distinct: 0, /* as `feed` says */
      table: floats(most * K), vectors: floats(most * embedding), used: null, back: null };
  }

  /* The state before the first step: zeros, or {h, c} of shape [L*D, B, H] as torch has it. */
  function begin(ws, state) {
    const n = ws.layers[0][0].h0.length, total = n * ws.layers.length * ws.layers[0].length;
    ws.layers.flat().forEach((f, k) => {
      for (const name of f.c0.length ? ["h", "c"] : ["h"]) {
        const given = state && state[name];
        if (state && !(given && given.length === total)) {
          fail(`begin: ${name} has ${given ? given.length : "no"} numbers; L*D*B*H = ${total} are expected.`);
        }
        if (given) f[name + "0"].set(given.subarray(k * n, (k + 1) * n)); else f[name + "0"].fill(0);
      }
    });
  }
  /* The state after the last step, in the same form. */
  function final(model, ws) {
    const n = ws.B * model.H, out = { h: floats(model.L * model.directions * n) }, steps = ws.used.steps;
    if (model.kind === "lstm") out.c = floats(out.h.length);
    ws.layers.forEach((layer, l) => layer.forEach((f, d) => {
      const k = l * model.directions + d, at = (d ? 0 : steps) * n;
      for (const name of Object.keys(out)) out[name].set(f[name].subarray(at, at + n), k * n);
    }));
    return out;
  }
  /* The next minibatch begins where this one ended: values pass, gradients do not. */
  const carry = (model, ws) => begin(ws, final(model, ws));

  /* act <- what the layer below puts in, biases included. Layer 0 looks its rows up in a table that has one
     row for each distinct character of the minibatch: a column of W_ih, or its embedding times W_ih^T. */
  function feed(model, ws, l, d, W, first, steps) {
    const { H, V, embedding, directions: D } = model, { B, X, table, vectors } = ws, K = W.bih.length;
    const act = ws.layers[l][d].act, b = bias(model, W, ws.bias), rows = (steps - first) * B, o = first * B;
    if (l) {
      fillRows(act, o * K, K, b, rows, K);
      for (let e = 0; e < D; e++) {
        const below = ws.layers[l - 1][e].h;
        dots(act, o * K, K, below, (first + 1 - e) * B * H, H, W.ih, e * H, D * H, rows, H, K);
      }
      return;
    }
    if (d === 0) { /* which characters occur */
      ws.slots.fill(-1);
      ws.distinct = 0;
      for (let i = o; i < o + rows; i++) if (ws.slots[X[i]] < 0) {
        ws.seen[ws.distinct] = X[i];
        ws.slots[X[i]] = ws.distinct++;
      }
    }
    const n = ws.distinct, E = model.weights["embedding.weight"];
    fillRows(table, 0, K, b, n, K);
    if (embedding) {
      for (let s = 0; s < n; s++) for (let i = 0; i < embedding; i++) {
        vectors[s * embedding + i] = E[ws.seen[s] * embedding + i];
      }
      dots(table, 0, K, vectors, 0, embedding, W.ih, 0, embedding, n, embedding, K);
    } else for (let s = 0; s < n; s++) {
      for (let k = 0; k < K; k++) table[s * K + k] += W.ih[k * V + ws.seen[s]];
    }
    for (let i = o; i < o + rows; i++) {
      for (let k = 0, to = i * K, from = ws.slots[X[i]] * K; k < K; k++) act[to + k] = table[from + k];
    }
  }

  /* Reads the minibatch, fills ws.p [T, B, outputs] with probabilities and returns the mean loss in nats.
     options: steps (how many of the T are used), first (where to begin, for one direction), forget (no state
     passes from step to step: a network without a past), hold, silent (states only, no outputs). */
  function forward(model, ws, options) {
    const { steps = ws.T, first = 0, forget = false, hold = null, silent = false } = options || {};
    const { H, L, V, outputs: O, directions: D, weights } = model, { B, X, Y, p, zero } = ws;
    const K = ws.bias.length, BH = B * H;
    if (!(steps <= ws.T && steps > first && first >= 0)) {
      fail(`forward: steps=${steps} must be at most the workspace's T=${ws.T}, and above first=${first}.`);
    }
    checkIndices(X, V, first * B, steps * B, "forward: X at");
    ws.used = { steps, first, forget, hold, silent };
    for (let l = 0; l < L; l++) for (let d = 0; d < D; d++) {
      const W = part(weights, l, d), f = ws.layers[l][d], held = holding(model, hold, l);
      feed(model, ws, l, d, W, first, steps);
      f.h.set(f.h0, (d ? steps : first) * BH);
      if (f.c0.length) f.c.set(f.c0, (d ? steps : first) * BH);
      for (let n = first; n < steps; n++) {
        const t = d ? first + steps - 1 - n : n, before = forget ? 0 : (t + d) * BH, after = (t + 1 - d) * BH;
        cell(model, W, forget ? zero : f, before, f, after, t * B * K, t * BH, B, held);
      }
    }
    if (silent) return NaN;
    const rows = (steps - first) * B, o = first * B, Wq = weights[model.head + ".weight"];
    checkLabels(Y, O, o, o + rows);
    fillRows(p, o * O, O, weights[model.head + ".bias"], rows, O);
    for (let e = 0; e < D; e++) {
      dots(p, o * O, O, ws.layers[L - 1][e].h, (first + 1 - e) * BH, H, Wq, e * H, D * H, rows, H, O);
    }
    let loss = 0, labels = 0;
    for (let i = o; i < o + rows; i++) {
      const own = Y[i] < 0 ? 0 : p[i * O + Y[i]], all = softmax(p, i * O, O);
      if (Y[i] >= 0) { loss += all - own; labels++; } /* -log p = log(sum of exp) - logit */
    }
    ws.used.labels = labels;
    return loss / labels;
  }
  function checkLabels(Y, O, from, to) {
    for (let i = from; i < to; i++) if (Y[i] >= O) {
      fail(`forward: the label at ${i} is ${Y[i]}; 0 to ${O - 1}, or below 0 to leave it out, is expected.`);
    }
  }

  /* Buffers for the way back, made when it is first gone. */
  function room(model, ws) {
    const { kind, H, L, directions: D, outputs: O, embedding } = model, { B, T, seen } = ws;
    const K = ws.bias.length, BH = B * H, grads = {};
    for (const name of names(model)) grads[name] = floats(model.weights[name].length);
    const layer = () => ({ dy: floats(T * BH), dh: floats(BH), all: null });
    return { grads, layers: ws.layers.map((directions) => directions.map(layer)), dp: floats(T * B * O),
      da: floats(T * B * K), du: floats(kind === "gru" ? T * BH : 0), dc: floats(BH), v: floats(BH),
      table: floats(seen.length * K), dvectors: floats(seen.length * embedding),
      turned: floats(Math.max(K * H, L > 1 ? K * D * H : 0, K * embedding, O * D * H)) };
  }

  /* Gradients of the mean loss of the last `forward` for every weight: {name: array}. They are ws.back's own
     arrays, overwritten the next time. options.trace: ws.back.layers[l][d].all [T, B, H] keeps the gradient
     of every state; .dh [B, H] is always that of the state before the first step (an LSTM's C aside). */
  function backward(model, ws, options) {
    const { H, L, outputs: O, directions: D } = model, { B, Y, p, used } = ws;
    if (!used || used.silent || used.first) {
      fail("backward: call forward first, with outputs and from step 0 on.");
    }
    const back = ws.back || (ws.back = room(model, ws)), { grads, dp, turned } = back;
    const rows = used.steps * B, share = used.labels ? 1 / used.labels : 0, Wq = model.head + ".weight";
    for (const g of Object.values(grads)) g.fill(0);

    /* softmax and cross-entropy: dL/dlogits = (p - one_hot(label)) / labels */
    for (let i = 0; i < rows; i++) {
      const counts = Y[i] >= 0 ? share : 0;
      for (let v = i * O; v < (i + 1) * O; v++) dp[v] = p[v] * counts;
      if (counts) dp[i * O + Y[i]] -= counts;
    }
    addColumns(grads[model.head + ".bias"], dp, 0, O, rows, O);
    transpose(model.weights[Wq], O, D * H, turned);
    for (let e = 0; e < D; e++) {
      const { dy } = back.layers[L - 1][e];
      outer(grads[Wq], e * H, D * H, dp, 0, O, ws.layers[L - 1][e].h, (1 - e) * B * H, H, rows, O, H);
      dy.fill(0);
      dots(dy, 0, H, dp, 0, O, turned, e * H * O, O, rows, O, H);
    }
    for (let l = L - 1; l >= 0; l--) {
      if (l) for (const below of back.layers[l - 1]) below.dy.fill(0);
      for (let d = 0; d < D; d++) {
        through(model, ws, l, d, options && options.trace);
        gather(model, ws, l, d);
        feedBack(model, ws, l, d);
      }
    }
    return grads;
  }

  /* One layer, from its last step to its first: da = dL/da of every step. */
  function through(model, ws, l, d, trace) {
    const { H } = model, { B, back, zero } = ws, { steps, forget, hold } = ws.used;
    const K = ws.bias.length, BH = B * H;
    const f = ws.layers[l][d], g = back.layers[l][d], held = holding(model, hold, l), { dh } = g;
    const WT = transpose(part(model.weights, l, d).hh, K, H, back.turned);
    g.all = trace ? floats(ws.T * B * H) : null;
    dh.fill(0);
    back.dc.fill(0);
    for (let n = steps - 1; n >= 0; n--) {
      const t = d ? steps - 1 - n : n, before = forget ? 0 : (t + d) * BH, after = (t + 1 - d) * BH;
      for (let i = 0; i < BH; i++) dh[i] += g.dy[t * BH + i];
      if (trace) g.all.set(dh, t * BH);
      cellBack(model, WT, forget ? zero : f, before, f, after, t * B * K, t * BH, B, back, dh, held);
      if (forget) { dh.fill(0); back.dc.fill(0); }
    }
  }

  /* The way back through `cell`: dh and back.dc come in as gradients of the state after the step and go out
     as those of the state before it; back.da at `o` gets the gradient of what stood in act before the cell,
     and back.du at `u` that of torch's H W_hn^T + b_hn. WT = W_hh^T [H, G*H]. */
  function cellBack(model, WT, past, p, now, q, o, u, B, back, dh, held) {
    const { kind, form, H } = model, K = BLOCKS[kind].length * H;
    const { act, u: kept } = now, { da, du, dc, v } = back;
    if (kind === "rnn") {
      for (let i = 0; i < B * H; i++) {
        const y = now.h[q + i];
        da[o + i] = form === "relu" ? (y > 0 ? dh[i] : 0) : dh[i] * (1 - y * y);
        dh[i] = 0;
      }
      dots(dh, 0, H, da, o, H, WT, 0, H, B, H, H);
      return;
    }
    if (kind === "lstm") {
      for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K, s = r * H; j < H; j++, a++, s++) {
        const I = act[a], F = act[a + H], N = act[a + 2 * H], O = act[a + 3 * H], y = kept[u + s];
        const e = dc[s] + dh[s] * O * (1 - y * y); /* dL/dC_t */
        da[a] = e * N * I * (1 - I);
        da[a + H] = e * past.c[p + s] * F * (1 - F);
        da[a + 2 * H] = e * I * (1 - N * N);
        da[a + 3 * H] = dh[s] * y * O * (1 - O);
        dc[s] = e * F;
        dh[s] = 0;
      }
      if (held) replace(da, o, K, H, B, held, true);
      dots(dh, 0, H, da, o, K, WT, 0, K, B, K, H);
      return;
    }
    const after = form === "after";
    for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K, s = r * H; j < H; j++, a++, s++) {
      const R = act[a], Z = act[a + H], N = act[a + 2 * H], dn = dh[s] * (1 - Z) * (1 - N * N);
      da[a] = dn * kept[u + s] * R * (1 - R); /* written anew below if the reset gate stands before */
      da[a + H] = dh[s] * (past.h[p + s] - N) * Z * (1 - Z);
      da[a + 2 * H] = dn;
      du[u + s] = dn * R;
      dh[s] *= Z;
      v[s] = 0;
    }
    if (!after) { /* v = dL/d(R * H) */
      dots(v, 0, H, da, o + 2 * H, K, WT, 2 * H, K, B, H, H);
      for (let r = 0; r < B; r++) for (let j = 0, a = o + r * K, s = r * H; j < H; j++, a++, s++) {
        const R = act[a];
        da[a] = v[s] * past.h[p + s] * R * (1 - R);
        dh[s] += v[s] * R;
      }
    }
    if (held) replace(da, o, K, H, B, held, true);
    dots(dh, 0, H, da, o, K, WT, 0, K, B, 2 * H, H);
    if (after) dots(dh, 0, H, du, u, H, WT, 2 * H, K, B, H, H);
  }

  /* The gradient of W_hh, summed over all T * B rows, and of b_hn where it waits behind the reset gate. */
  function gather(model, ws, l, d) {
    const { kind, form, H } = model, { B, back } = ws, { da, du } = back, K = ws.bias.length, n = 2 * H;
    const { steps, forget } = ws.used, f = ws.layers[l][d], rows = steps * B, g = part(back.grads, l, d);
    const after = kind === "gru" && form === "after";
    const before = d * B * H; /* the states that the steps began with are one slot away */
    if (!forget && kind !== "gru") outer(g.hh, 0, H, da, 0, K, f.h, before, H, rows, K, H);
    if (!forget && kind === "gru") {
      outer(g.hh, 0, H, da, 0, K, f.h, before, H, rows, n, H);
      if (after) outer(g.hh, n * H, H, du, 0, H, f.h, before, H, rows, H, H);
      else outer(g.hh, n * H, H, da, n, K, f.u, 0, H, rows, H, H);
    }
    if (after) addColumns(g.bhh.subarray(n), du, 0, H, rows, H);
  }

  /* Gradients of W_ih, of both biases, and of what the layer reads: the layer below, or the embedding. */
  function feedBack(model, ws, l, d) {
    const { H, V, embedding, directions: D } = model, { B, X, back, seen, distinct, slots } = ws;
    const { da, table, turned, dvectors } = back, K = ws.bias.length, rows = ws.used.steps * B;
    const g = part(back.grads, l, d);
    const Wih = part(model.weights, l, d).ih;
    if (l) {
      sumBiases(model, g, da, rows, K);
      transpose(Wih, K, D * H, turned);
      for (let e = 0; e < D; e++) {
        const below = ws.layers[l - 1][e].h;
        outer(g.ih, e * H, D * H, da, 0, K, below, (1 - e) * B * H, H, rows, K, H);
        dots(back.layers[l - 1][e].dy, 0, H, da, 0, K, turned, e * H * K, K, rows, K, H);
      }
      return;
    }
    table.fill(0, 0, distinct * K);
    for (let i = 0; i < rows; i++) {
      for (let k = 0, to = slots[X[i]] * K, from = i * K; k < K; k++) table[to + k] += da[from + k];
    }
    sumBiases(model, g, table, distinct, K);
    if (!embedding) {
      for (let s = 0; s < distinct; s++) {
        for (let k = 0; k < K; k++) g.ih[k * V + seen[s]] = table[s * K + k];
      }
      return;
    }
    const WT = transpose(Wih, K, embedding, turned), dE = back.grads["embedding.weight"];
    outer(g.ih, 0, embedding, table, 0, K, ws.vectors, 0, embedding, distinct, K, embedding);
    dvectors.fill(0);
    dots(dvectors, 0, embedding, table, 0, K, WT, 0, K, distinct, K, embedding);
    for (let s = 0; s < distinct; s++) for (let i = 0; i < embedding; i++) {
      dE[seen[s] * embedding + i] += dvectors[s * embedding + i];
    }
  }

  /* Both biases of a layer from the column sums of da; only torch's b_hn has its own gradient already. */
  function sumBiases(model, g, da, rows, K) {
    addColumns(g.bih, da, 0, K, rows, K);
    const own = model.kind === "gru" && model.form === "after" ? 2 * model.H : K;
    g.bhh.set(g.bih.subarray(0, own));
  }

  /* ============ optimizers ============ */
  /* The global norm: all gradients as one long vector. */
  function norm(grads) {
    let sum = 0;
    for (const g of Object.values(grads)) for (let i = 0; i < g.length; i++) sum += g[i] * g[i];
    return Math.sqrt(sum);
  }
  /* What torch's clip_grad_norm_ multiplies all gradients by; `clip` does it, and returns the norm before. */
  const shrinkage = (total, most) => (most > 0 ? Math.min(1, most / (total + 1e-6)) : 1);
  function clip(grads, most) {
    const total = norm(grads), by = shrinkage(total, most);
    if (by < 1) for (const g of Object.values(grads)) for (let i = 0; i < g.length; i++) g[i] *= by;
    return total;
  }

  /* update(grads, rate, shrink): one step; gradients are multiplied by `shrink` first.
       sgd    w -= rate g
       adam   m = 0.9 m + 0.1 g,  v = 0.999 v + 0.001 g^2,
              w -= rate (m / (1 - 0.9^n)) / (sqrt(v / (1 - 0.999^n)) + 1e-8)   at step n = 1, 2, ... */
  function optimizer(model, kind) {
    if (kind !== "sgd" && kind !== "adam") fail(`optimizer ${show(kind)} is not known; use sgd or adam.`);
    const first = {}, second = {};
    let n = 0;
    if (kind === "adam") for (const name of names(model)) {
      first[name] = floats(model.weights[name].length);
      second[name] = floats(model.weights[name].length);
    }
    return (grads, rate, shrink = 1) => {
      n++;
      const b1 = 1 - Math.pow(0.9, n), b2 = 1 - Math.pow(0.999, n);
      for (const name of Object.keys(grads)) {
        const w = model.weights[name], g = grads[name], m = first[name], v = second[name];
        if (kind === "sgd") { for (let i = 0; i < w.length; i++) w[i] -= rate * shrink * g[i]; continue; }
        for (let i = 0; i < w.length; i++) {
          const x = g[i] * shrink;
          m[i] = 0.9 * m[i] + 0.1 * x;
          v[i] = 0.999 * v[i] + 0.001 * x * x;
          w[i] -= (rate * (m[i] / b1)) / (Math.sqrt(v[i] / b2) + 1e-8);
        }
      }
    };
  }

  /* ============ reading a text ============ */
  /* Every state, gate and prediction of a text: layers[l][d] = {h, c, N and the gates}, each [T, H], those of
     the top layer's first direction also by their names; p [T, outputs]; end, the state after the last
     character (one direction); perplexity of the text (one direction, as many outputs as characters). state:
     begin with this one instead of zeros. */
  function read(model, ids, hold, state) {
    const { kind, H, V, L, directions, outputs } = model, T = ids.length, K = BLOCKS[kind].length * H;
    if (!T) fail("read: the text is empty; at least one index is expected.");
    if (state && directions > 1) fail("read: a state to begin with needs one direction.");
    checkIndices(ids, V, 0, T, "read: the index at");
    const ws = workspace(model, 1, T), says = directions === 1 && outputs === V;
    ws.X.set(ids);
    if (says) for (let t = 0; t + 1 < T; t++) ws.Y[t] = ids[t + 1];
    if (state) state.layers.forEach((layer, l) => {
      ws.layers[l][0].h0.set(layer.h);
      if (kind === "lstm") ws.layers[l][0].c0.set(layer.c);
    });
    const loss = forward(model, ws, { hold });
    const layers = ws.layers.map((layer) => layer.map((f, d) => {
      const out = { h: f.h.slice((1 - d) * H, (T + 1 - d) * H) };
      if (kind === "lstm") out.c = f.c.slice((1 - d) * H, (T + 1 - d) * H);
      BLOCKS[kind].forEach((name, i) => {
        out[name] = floats(T * H);
        for (let t = 0; t < T; t++) {
          for (let j = 0; j < H; j++) out[name][t * H + j] = f.act[t * K + i * H + j];
        }
      });
      return out;
    }));
    const perplexity = says ? Math.exp(loss) : NaN;
    const out = { T, H, V, outputs, layers, ...layers[L - 1][0], p: ws.p, perplexity };
    if (directions === 1) {
      out.end = blank(model);
      out.end.layers.forEach((to, l) => {
        for (const [name, all] of Object.entries(layers[l][0])) to[name].set(all.subarray((T - 1) * H));
      });
    }
    return out;
  }

  /* How much of letter s is still in the top layer's state after letter t: put four other letters in its
     place (never index 0, <unk>), see how far the state is moved at t, and divide by the farthest so far.
     Returns {h, c}, each [T, T]: at t * T + s, 1 while the letter still counts for all it ever did, 0 when
     it is gone. base: what `read` gave for the same text. */
  function memory(model, ids, base, hold) {
    const { H, V, L, kind } = model, T = ids.length, B = 4, out = {};
    const kept = kind === "lstm" ? ["h", "c"] : ["h"];
    if (model.directions > 1) fail("memory: one direction is expected; the other remembers the future.");
    const ws = workspace(model, B, T), top = ws.layers[L - 1][0];
    for (const what of kept) out[what] = floats(T * T);
    for (let t = 0; t < T; t++) ws.X.fill(ids[t], t * B, t * B + B);
    for (let s = 0; s < T; s++) {
      for (let l = 0; l < L; l++) for (const what of kept) for (let r = 0; r < B; r++) {
        const to = ws.layers[l][0][what + "0"], from = base.layers[l][0][what];
        if (s) to.set(from.subarray((s - 1) * H, s * H), r * H); else to.fill(0);
      }
      for (let r = 0; r < B; r++) {
        ws.X[s * B + r] = 1 + (ids[s] - 1 + Math.round(((r + 1) * (V - 1)) / (B + 1))) % (V - 1);
      }
      forward(model, ws, { hold, first: s, silent: true });
      ws.X.fill(ids[s], s * B, s * B + B);
      for (const what of kept) {
        let most = 1e-6;
        for (let t = s; t < T; t++) {
          let moved = 0;
          for (let r = 0; r < B; r++) {
            let sum = 0;
            for (let j = 0, a = ((t + 1) * B + r) * H, b = t * H; j < H; j++) {
              sum += (top[what][a + j] - base[what][b + j]) ** 2;
            }
            moved += Math.sqrt(sum);
          }
          most = Math.max(most, moved);
          out[what][t * T + s] = moved / most;
        }
      }
    }
    return out;
  }

  /* ============ writing a text ============ */
  /* rnnlib's rule of choosing, on logits (changed in place into the probabilities that were drawn from):
     banned indices get -Infinity; greedy (or temperature 0) takes the first of the largest. Else all but the
     topK largest get -Infinity (of equal ones the lower index stays), p = softmax(logits / temperature), and
     with u = uniform() in [0, 1) the first index is taken whose cumulative probability exceeds u. */
  function choose(x, options, uniform) {
    const { temperature = 1, topK = 0, greedy = false, banned = [] } = options || {}, V = x.length;
    if (!(temperature >= 0 && temperature < Infinity)) {
      fail(`temperature=${show(temperature)} must be a finite number, 0 (greedy) or more.`);
    }
    for (const i of banned) x[i] = -Infinity;
    let best = 0;
    for (let i = 1; i < V; i++) if (x[i] > x[best]) best = i;
    if (!Number.isFinite(x[best])) fail("the predictions are not numbers, or every index is banned.");
    if (greedy || temperature === 0) { softmax(x, 0, V); return best; }
    if (topK > 0 && topK < V) {
      const order = Array.from(x.keys()).sort((i, j) => x[j] - x[i] || i - j);
      for (const i of order.slice(topK)) x[i] = -Infinity;
    }
    softmax(x, 0, V, temperature);
    let sum = 0, last = best;
    const u = uniform();
    for (let i = 0; i < V; i++) {
      sum += x[i];
      if (x[i] > 0) last = i; /* where rounding leaves the sum below u: the last that is possible */
      if (sum > u) return i;
    }
    return last;
  }

  /* Writes `length` more characters. options: those of `choose`, and forget. Returns ids (prefix included)
     and the top layer's state after each of them, states [ids.length, H]. */
  function sample(model, prefix, length, options, uniform = random(1).uniform) {
    const ids = Array.from(prefix), x = floats(model.outputs), forget = options && options.forget;
    if (!ids.length) fail("sample: the prefix is empty; at least one index is expected.");
    const total = ids.length + length, states = floats(total * model.H);
    let now = blank(model), next = blank(model);
    for (let t = 0; t < total; t++) {
      step(model, forget ? blank(model) : now, ids[t], next);
      states.set(next.h, t * model.H);
      if (t + 1 === ids.length && t + 1 < total) ids.push(choose(logits(model, next.h, x), options, uniform));
      [now, next] = [next, now];
    }
    return { ids, states };
  }

  /* Beam search: after each step the `width` likeliest texts are kept, all of one length. Returns the tree,
     nodes[n] = {parent, id, own, total, depth, kept}: own is this character's log probability in nats, total
     that of the text from the prefix on; nodes[0] is the prefix itself. best: the likeliest text's last node,
     with its ids (prefix included) and logProbability. options.banned: indices without a share (rnnlib bans
     0, <unk>); options.most: of each node, record the kept children and at most so many others. */
  function beam(model, prefix, length, width, options) {
    const { banned = [0], most = Infinity } = options || {}, V = model.outputs, x = floats(V);
    if (!isCount(length) || !isCount(width)) fail(`beam: length=${length}, width=${width} must be above 0.`);
    const nodes = [{ parent: -1, id: -1, own: 0, total: 0, depth: 0, kept: true }];
    if (model.directions > 1) fail("beam: one direction is expected; two need the whole text.");
    let beams = [{ node: 0, state: read(model, prefix).end }];
    for (let depth = 1; depth <= length; depth++) {
      const all = [];
      for (const beam of beams) {
        logits(model, beam.state.h, x);
        for (const i of banned) x[i] = -Infinity;
        const raw = x.slice(), whole = softmax(x, 0, V), { total } = nodes[beam.node], mine = [];
        for (let id = 0; id < V; id++) if (raw[id] > -Infinity) {
          const own = raw[id] - whole;
          mine.push({ parent: beam.node, id, own, total: total + own, depth, kept: false, from: beam });
        }
        all.push(...mine.sort((a, b) => b.own - a.own || a.id - b.id).slice(0, Math.max(most, width)));
      }
      all.sort((a, b) => b.total - a.total); /* stable: of equal ones, the better parent's comes first */
      const next = [], shown = new Map();
      all.forEach(({ from, ...node }, rank) => {
        node.kept = rank < width;
        const before = shown.get(from) || 0;
        if (!node.kept && before >= most) return;
        if (!node.kept) shown.set(from, before + 1);
        nodes.push(node);
        if (node.kept) next.push({ node: nodes.length - 1, from, id: node.id });
      });
      if (!next.length) fail("beam: every index is banned.");
      beams = next.map(({ node, from, id }) => (
        { node, state: depth < length ? step(model, from.state, id, blank(model)) : null }));
    }
    const best = beams[0].node, ids = [];
    for (let n = best; n > 0; n = nodes[n].parent) ids.unshift(nodes[n].id);
    return { nodes, best, ids: [...prefix, ...ids], logProbability: nodes[best].total };
  }

  /* ============ reading one text, writing another ============ */
  /* rnnlib's EncoderDecoder with attention "dot": a pair of networks {encoder, decoder, weights, ...}.
     Options: kind, L, H, embedding (E), source (tokens that are read), V (tokens that are written; index V is
     read before the first), directions (D: 2 if the encoder reads both ways). Names of the weights as in its
     state_dict:
       source.weight [source, E], target.weight [V + 1, E], encoder.weight_ih_l0 [G*H, E] and so on, decoder.*
       bridge.weight [H, 2*H], bridge.bias [H]     only if D = 2: the last states of both ways become one
       attention.W_q.weight [H, H], attention.W_k.weight [H, D*H]     what is compared: queries and keys
       merge.weight [H, D*H + H], merge.bias [H], output.weight [V, H], output.bias [V] */
  function pairShapes(options) {
    const o = settle({ ...options, outputs: 1 }), { H, V, embedding: E, directions: D } = o, list = {};
    if (!isCount(o.source)) fail(`source=${show(o.source)} must be a whole number above 0.`);
    if (!E) fail("embedding=0: a pair of networks reads vectors; give their length.");
    if ((o.attention || "dot") !== "dot") fail(`attention=${show(o.attention)}: "dot" is expected.`);
    Object.assign(list, { "source.weight": [o.source, E], "target.weight": [V + 1, E] });
    for (const [half, directions] of [["encoder", D], ["decoder", 1]]) {
      for (const [name, shape] of Object.entries(shapes({ ...o, directions }))) {
        if (name.startsWith("rnn.")) list[half + name.slice(3)] = shape;
      }
    }
    if (D === 2) Object.assign(list, { "bridge.weight": [H, 2 * H], "bridge.bias": [H] });
    return Object.assign(list, { "attention.W_q.weight": [H, H], "attention.W_k.weight": [H, D * H],
      "merge.weight": [H, D * H + H], "merge.bias": [H], "output.weight": [V, H], "output.bias": [V] });
  }
  function loadPair(options, given = options.weights) {
    const weights = copied(pairShapes(options), given);
    const { kind, form, V, H, L, embedding, directions: D } = settle(options);
    const half = (name, vectors, count, directions) => {
      const own = { "embedding.weight": weights[vectors + ".weight"] };
      for (const key of Object.keys(weights)) {
        if (key.startsWith(name + ".")) own["rnn" + key.slice(name.length)] = weights[key];
      }
      return { kind, form, V: count, H, L, directions, outputs: 0, embedding, weights: own };
    };
    return { kind, form, V, H, L, directions: D, embedding, source: options.source, weights,
      encoder: half("encoder", "source", options.source, D), decoder: half("decoder", "target", V + 1, 1) };
  }
  function unpackPair(meta, bytes) {
    const options = { ...meta, L: meta.L || meta.layers || 1 };
    return loadPair(options, unpacked(pairShapes(options), meta.arrays || {}, bytes));
  }

  /* C = A M^T, rows of A times rows of M. */
  function product(A, rows, K, M, J) {
    const C = floats(rows * J);
    dots(C, 0, J, A, 0, K, M, 0, K, rows, K, J);
    return C;
  }

  /* What the encoder leaves: memory [S, D*H], its outputs; keys [S, H], what queries are compared with; end,
     the state with which the decoder begins: the encoder's last one, of two ways both as one. */
  function encode(pair, ids) {
    const { encoder, decoder, H, L, directions: D, weights } = pair, S = ids.length;
    if (!S) fail("encode: the source is empty; at least one index is expected.");
    checkIndices(ids, encoder.V, 0, S, "encode: the index at");
    const ws = workspace(encoder, 1, S), end = blank(decoder), memory = floats(S * D * H);
    ws.X.set(ids);
    forward(encoder, ws, { silent: true });
    ws.layers[L - 1].forEach(({ h }, d) => {
      for (let s = 0; s < S; s++) memory.set(h.subarray((s + 1 - d) * H, (s + 2 - d) * H), (s * D + d) * H);
    });
    for (const [name, all] of Object.entries(final(encoder, ws))) end.layers.forEach((layer, l) => {
      const last = all.subarray(l * D * H, (l + 1) * D * H);
      layer[name].set(D === 2 ? join(pair, last) : last);
    });
    return { S, memory, keys: product(memory, S, D * H, weights["attention.W_k.weight"], H), end };
  }
  /* The last states of both ways [2*H] as one [H]: tanh(W [forward; backward] + b). */
  function join({ H, weights }, last) {
    const b = weights["bridge.bias"];
    return product(last, 1, 2 * H, weights["bridge.weight"], H).map((a, j) => Math.tanh(a + b[j]));
  }

  /* Scaled dot products of a state h [H] with all keys; their softmax, weights [S], and with these the mean
     of the memory, context [D*H]. */
  function attend(pair, h, { S, memory, keys }) {
    const { H, directions: D } = pair, query = product(h, 1, H, pair.weights["attention.W_q.weight"], H);
    const weights = product(query, 1, H, keys, S).map((score) => score / Math.sqrt(H));
    const N = D * H, context = floats(N);
    softmax(weights, 0, S);
    for (let s = 0; s < S; s++) for (let j = 0; j < N; j++) context[j] += weights[s] * memory[s * N + j];
    return { weights, context };
  }

  /* Reads a source and writes greedily, at most `most` tokens, up to and including `end`. Returns ids [T],
     the probability of each, p [T], and the weights of attention [T, S] with which each was written. */
  function translate(pair, source, most, end) {
    const { decoder, H, V, directions: D, weights: W } = pair, N = D * H;
    const read = encode(pair, source), S = read.S;
    if (!isCount(most)) fail(`translate: most=${show(most)} must be a whole number above 0.`);
    const ids = [], p = [], weights = [], both = floats(N + H);
    for (let state = read.end, x = V; ids.length < most && x !== end;) {
      state = step(decoder, state, x, blank(decoder));
      const looked = attend(pair, state.h, read);
      both.set(looked.context);
      both.set(state.h, N);
      const merged = product(both, 1, N + H, W["merge.weight"], H);
      const y = product(merged.map((a, j) => Math.tanh(a + W["merge.bias"][j])), 1, H, W["output.weight"], V);
      for (let v = 0; v < V; v++) y[v] += W["output.bias"][v];
      x = choose(y, { greedy: true });
      ids.push(x);
      p.push(y[x]);
      weights.push(...looked.weights);
    }
    return { S, ids, p, weights: Float32Array.from(weights) };
  }

  /* ============ text ============ */
  /* rnnlib's Vocab of characters: by falling frequency, equal ones in order of first appearance, at most
     `most` of them; index 0 stands for all others. */
  function vocabulary(text, most = 1000) {
    const counts = new Map();
    for (const c of text) counts.set(c, (counts.get(c) || 0) + 1);
    const known = [...counts].sort((a, b) => b[1] - a[1]).slice(0, most).map(([c]) => c);
    const index = new Map(known.map((c, i) => [c, i + 1])), letters = ["\u25a1", ...known];
    return { letters, size: letters.length,
      encode: (s) => Int32Array.from(Array.from(s), (c) => index.get(c) || 0),
      decode: (ids) => Array.from(ids, (i) => letters[i]).join("") };
  }

  /* rnnlib's NGramModel: P(w | h) = l c(h w) / c(h) + (1 - l) P(w | h'), P(w) = (c(w) + 1) / (N + V), where
     h' is the context h without its oldest token; a context that was never seen is passed over (Jelinek and
     Mercer, 1980, with one l). Without `interpolation`, l is the one of 0.05, 0.10, ..., 0.95 that predicts
     the last tenth best from counts of the rest. Returns {order, interpolation, probability(id, context),
     perplexity(ids)}. */
  function ngram(train, order, V, interpolation) {
    if (!isCount(order) || !isCount(V)) fail(`ngram: order=${show(order)}, V=${show(V)} must be above 0.`);
    if (V ** (order - 1) > Number.MAX_SAFE_INTEGER) fail(`ngram: V=${V}, order=${order} are too large.`);
    checkIndices(train, V, 0, train.length, "ngram: the index at");
    const cut = train.length - Math.floor(train.length / 10);
    let l = interpolation;
    if (l === undefined || l === null) l = order === 1 || cut === train.length ? 0.5 : null;
    else if (!(l >= 0 && l < 1)) {
      fail(`ngram: interpolation=${show(l)} must be from 0 up to but not including 1.`);
    }

    /* One table for each length of context: key of the context -> {total, counts}. */
    const counted = (ids) => Array.from({ length: order }, (_, length) => {
      const seen = new Map();
      for (let i = length; i < ids.length; i++) {
        const key = keyOf(ids, i - length, i);
        let row = seen.get(key);
        if (!row) seen.set(key, (row = { total: 0, counts: new Map() }));
        row.total++;
        row.counts.set(ids[i], (row.counts.get(ids[i]) || 0) + 1);
      }
      return seen;
    });
    const keyOf = (ids, from, to) => {
      let key = 0;
      for (let i = from; i < to; i++) key = key * V + ids[i];
      return key;
    };
    /* P(id), then c(h id) / c(h) for each longer context that ends before `at`. */
    const fractions = (tables, ids, at, id) => {
      const all = tables[0].get(0) || { total: 0, counts: new Map() };
      const list = [((all.counts.get(id) || 0) + 1) / (all.total + V)];
      for (let length = 1; length < order && length <= at; length++) {
        const row = tables[length].get(keyOf(ids, at - length, at));
        if (!row) break;
        list.push((row.counts.get(id) || 0) / row.total);
      }
      return list;
    };
    const mix = (list, weight) => list.reduce((p, fraction) => weight * fraction + (1 - weight) * p);
    const surprise = (rows, weight) => rows.reduce((sum, row) => sum - Math.log(mix(row, weight)), 0);
    const rowsOf = (tables, ids) => Array.from(ids, (id, i) => fractions(tables, ids, i, id));

    if (l === null) {
      const rows = rowsOf(counted(train.slice(0, cut)), train.slice(cut));
      let least = Infinity;
      for (let n = 1; n < 20; n++) {
        const value = surprise(rows, n / 20);
        if (value < least) [least, l] = [value, n / 20];
      }
    }
    const tables = counted(train);
    return { order, interpolation: l,
      probability: (id, context) => mix(fractions(tables, context, context.length, id), l),
      perplexity: (ids) => Math.exp(surprise(rowsOf(tables, ids), l) / ids.length) };
  }

  /* ============ training ============ */
  /* options: those of the model (kind, form, V, H, L, directions, embedding, start, forgetBias); train
     (indices); labels, if they are not the next indices; B, T, rate, optimizer, clip (a norm, or 0), seed;
     weights       to begin with, under their names offsets       where each pass over the text begins, a list
     that is used in turn; without it they are drawn as
                   rnnlib's SequenceLoader does, from an own stream
     ragged        read the columns that are left over at the end of a pass, too; SequenceLoader drops them
     And the ways to break it: forget        no state passes from step to step mislabel      labels flattened
     in the other order: Y.reshape(-1) where Y.T.reshape(-1) was meant start         "same": every weight
     begins with one value detach        false: gradients flow on through all minibatches of the pass. The
     states are computed anew with
                   the weights of now, so the gradient is the true one; each step takes longer than the last.
                   `span` says through how many steps of time it went
     clip          0 Returns {model, options, step(), evaluate(ids, labels), sample(prefix, length,
     temperature, seed), save(), steps, read, passes, loss, norm, clipped, span, broken}; options.rate may be
     changed on the way. */
  function trainer(options) {
    const o = { B: 16, T: 32, rate: 0.005, optimizer: "adam", clip: 1, seed: 1, detach: true, ...options };
    const { B, T, train } = o, model = o.weights ? load(o) : create(o, o.seed), N = train.length;
    if (!(N > B * T)) {
      fail(`T=${T}, B=${B} need at least ${B * T + 1} characters; the text has ${N}. Use a smaller B or T.`);
    }
    if (o.labels && o.labels.length !== N) fail(`labels: ${o.labels.length} came, ${N} are expected.`);
    checkIndices(train, model.V, 0, N, "train: the index at");
    const update = optimizer(model, o.optimizer), { uniform } = random(o.seed + 1000003);
    const self = { model, options: o, steps: 0, read: 0, passes: 0, loss: NaN, norm: NaN, clipped: false,
      broken: false, span: 0, save: () => save(model) };
    let ws = workspace(model, B, T), at = 0, rows = 0, offset = 0, scoring = null;

    /* A pass: the text from `offset` on, cut into B long rows; a window of T columns slides along them. */
    function beginPass() {
      const drawn = o.offsets ? o.offsets[self.passes % o.offsets.length] : Math.floor(uniform() * (T + 1));
      offset = Math.min(drawn, N - 1 - B * T);
      rows = Math.floor((N - offset - 1) / B);
      at = 0;
      self.passes++;
      begin(ws);
    }
    /* Columns from `first` up to `to`; only labels from column `at` on count. */
    function fill(first, to) {
      for (let t = first; t < to; t++) for (let r = 0; r < B; r++) {
        const i = offset + r * rows + t, k = (t - first) * B + r;
        ws.X[k] = train[i];
        ws.Y[k] = t < at ? -1 : o.labels ? o.labels[i] : train[i + 1];
      }
    }
    function mislabel(n) {
      const y = ws.Y.slice(0, n * B);
      for (let k = 0; k < n * B; k++) ws.Y[k] = y[(k % n) * B + Math.floor(k / n)];
    }

    self.step = () => {
      const left = rows - at, whole = o.ragged ? left > 0 : left >= T;
      if (self.passes === 0 || !whole) beginPass();
      else if (o.detach) carry(model, ws);
      const n = Math.min(T, rows - at), first = o.detach ? at : 0, steps = at + n - first;
      if (ws.T < steps) ws = workspace(model, B, 2 * steps);
      fill(first, at + n);
      if (o.mislabel && o.detach) mislabel(n);
      self.loss = forward(model, ws, { steps, forget: o.forget });
      const grads = backward(model, ws);
      self.norm = norm(grads);
      self.span = steps;
      if (!Number.isFinite(self.loss) || !Number.isFinite(self.norm)) { self.broken = true; return self; }
      const shrink = shrinkage(self.norm, o.clip);
      self.clipped = shrink < 1;
      update(grads, o.rate, shrink);
      at += n;
      self.steps++;
      self.read += n * B;
      return self;
    };

    /* Perplexity of a text, as rnnlib.perplexity measures it: in 8 rows, each begins with an empty state. */
    self.evaluate = (ids, labels) => {
      if (!(ids.length > 1)) fail(`evaluate: ${ids.length} characters came; at least 2 are expected.`);
      const R = Math.min(8, ids.length - 1), length = Math.floor((ids.length - 1) / R);
      const most = Math.min(length, model.directions > 1 ? 256 : 64); /* columns at a time */
      if (!scoring || scoring.B !== R || scoring.T !== most) scoring = workspace(model, R, most);
      let sum = 0;
      begin(scoring);
      for (let t0 = 0; t0 < length; t0 += most) {
        const steps = Math.min(most, length - t0);
        if (t0) carry(model, scoring);
        for (let t = 0; t < steps; t++) for (let r = 0; r < R; r++) {
          const i = r * length + t0 + t;
          scoring.X[t * R + r] = ids[i];
          scoring.Y[t * R + r] = labels ? labels[i] : ids[i + 1];
        }
        sum += steps * forward(model, scoring, { steps, forget: o.forget });
      }
      return Math.exp(sum / length);
    };

    /* A text of `length` characters that begins with `prefix`: {ids, states}. */
    self.sample = (prefix, length, temperature, seed = 1) => {
      const more = Math.max(0, length - prefix.length);
      return sample(model, prefix, more, { temperature, forget: o.forget }, random(seed).uniform);
    };
    return self;
  }

  /* A training run as a list of points. When to look is decided by steps, never by the clock, so that the
     same seed gives the same points on every machine: a loss at every ~6 % more steps, the held-out text and
     a sample at every ~20 %. advance(ms) trains for about that long and returns the new points: {at (passes
     over the text), train, norm, clipped, and sometimes held, ids, units, states}. options: those of
     `trainer`, and epochs, held (indices), prefix, letters, temperature. */
  function course(options) {
    const run = trainer(options), o = options, N = o.train.length, shown = Math.min(32, o.H);
    const self = { run, done: false, clipped: 0 }, { letters = 60, temperature = 0.5 } = o;
    const clock = () => (typeof performance === "object" ? performance : Date).now();
    let sum = 0, n = 0, tick = 1, look = 1, worst = 0;
    function point(force) {
      const clipped = self.clipped / Math.max(1, run.steps);
      const p = { at: run.read / N, train: Math.exp(sum / n), norm: worst, clipped };
      sum = n = worst = 0;
      tick = Math.max(run.steps + 1, Math.ceil(run.steps * 1.06));
      if (run.steps < look && !force) return p;
      look = Math.ceil(run.steps * 1.2) + 3;
      if (o.held) p.held = run.evaluate(o.held);
      const { ids, states } = run.sample(o.prefix, letters, temperature, 11);
      Object.assign(p, { ids, units: shown, states: new Int8Array(ids.length * shown) });
      for (let t = 0; t < ids.length; t++) for (let j = 0; j < shown; j++) {
        p.states[t * shown + j] = Math.max(-127, Math.min(127, Math.round(127 * states[t * o.H + j])));
      }
      return p;
    }
    /* Before the first step: what a network that has read nothing says. */
    self.start = () => {
      const train = run.evaluate(o.train.slice(0, o.held ? o.held.length : N)), p = point(true);
      return { ...p, at: 0, train, norm: 0, clipped: 0 };
    };
    self.advance = (ms) => {
      const points = [], end = clock() + ms;
      do {
        run.step();
        if (run.broken) {
          self.done = true;
          points.push({ at: run.read / N, train: Infinity, broken: true });
          break;
        }
        sum += run.loss;
        n++;
        worst = Math.max(worst, run.norm);
        if (run.clipped) self.clipped++;
        if (run.read >= o.epochs * N) { self.done = true; points.push(point(true)); break; }
        if (run.steps >= tick) points.push(point(false));
      } while (clock() < end);
      return points;
    };
    self.more = (epochs) => { o.epochs += epochs; self.done = false; };
    return self;
  }

  return { source: `(${engine})()`, BLOCKS, GATES, FORMS, random,
    shapes, names, count, create, load, save, pack, unpack, bytes,
    blank, copy, step, logits, predict, read, memory, choose, sample, beam,
    loadPair, unpackPair, encode, attend, translate,
    workspace, begin, carry, final, forward, backward, norm, clip, optimizer,
    vocabulary, ngram, trainer, course };
})();
if (typeof module === "object" && module.exports) module.exports = globalThis.RNNEngine;
