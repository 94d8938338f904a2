/* The page of all parts: each one living, with its call beside it. The last thing that any of them reported
   stands
   as text in .parts__echo and in host.dataset.event, so that tests can drive every part. */
(function (Kit) {
  "use strict";
  const TEXT = "we read 一个字符 at a time";
  const ALPHABET = " abcdefghijklmnopqrstuvwxyz";
  const wave = (t, j) => Math.sin(0.35 * t * (1 + 0.13 * j) + j);
  const gate = (t, j) => 1 / (1 + Math.exp(-3 * wave(t, j + 0.5)));
  const table = (T, H, of) => Float32Array.from({ length: T * H }, (_, i) => of(Math.floor(i / H), i % H));

  /* Some probabilities that differ from place to place. */
  function chances(t, sharp) {
    const raw = Array.from(ALPHABET, (_, v) =>
      Math.exp(sharp * Math.sin(1.7 * v + 0.9 * t) + 1.3 * Math.cos(0.6 * v * t)),
    );
    const sum = raw.reduce((a, b) => a + b);
    return raw.map((x) => x / sum);
  }

  const falling = (from, to, speed) =>
    Array.from({ length: 41 }, (_, x) => [x, to + (from - to) * Math.exp(-x / speed)]);

  const SECTIONS = [
    {
      name: "track",
      title: ["时间轴", "One time axis"],
      code: [
        `const track = Kit.track(host, (t) => fig.set({t}), {veil: true});`,
        `const strip = track.strip(label, speak);  strip.write("we read …");`,
        `Kit.row(["状态", "state"], track.band("signed", label).el)`,
        `track.cursor(values.t)`,
      ],
      make(host, fig, tell) {
        const characters = Array.from(TEXT),
          T = characters.length;
        const track = Kit.track(
          host,
          (t, how) => {
            tell("track", t, how);
            fig.set({ t });
          },
          { veil: true, toggle: () => player.toggle() },
        );
        const strip = track.strip(["读到哪里", "Read so far"], (t) => [
          `第 ${t + 1} 个字符：${characters[t]}`,
          `character ${t + 1}: ${characters[t]}`,
        ]);
        const memory = track.memory(["还记得的字符", "Characters still remembered"]);
        const state = track.band("signed", ["状态", "State"], {
          pick: (j, t) => {
            tell("pick", j, t);
            state.mark(j);
          },
        });
        const gates = track.band("gate", ["门", "Gate"]),
          amount = track.band("amount", ["量", "Amount"]);
        const bars = Kit.bars(3);
        const meter = Kit.meter(["遗忘门", "Forget gate"], (v) => {
          tell("meter", v);
          fig.set({ hold: v === null ? -1 : v });
        });
        const player = Kit.player(
          (by) => {
            const to = fig.values.t + by;
            if (to < 0 || to >= T) return false;
            tell("player", to);
            fig.set({ t: to });
            return true;
          },
          () => fig.set({ t: 0 }),
          { every: 240 },
        );
        host.append(
          Kit.row(["读到这里", "read so far"], strip.el, player.el),
          Kit.row(
            ["还剩", "left"],
            memory.el,
            Kit.fill(Kit.el("div", { class: "fig-big" }), Kit.el("b", {}, "3.7"), ["个字符", "characters"]),
          ),
          Kit.row(["*H* 状态", "*H* state"], state.el, bars.el),
          Kit.row(["*F* 门", "*F* gate"], gates.el, meter.el),
          Kit.row(["一个量", "an amount"], amount.el),
        );
        strip.write(characters);
        memory.write(characters);
        state.draw(table(T, 12, wave), T, 12);
        gates.draw(table(T, 12, gate), T, 12);
        amount.draw(
          table(T, 3, (t, j) => t * (j + 1)),
          T,
          3,
          { range: [0, 3 * (T - 1)] },
        );
        return ({ t, hold }) => {
          track.cursor(t);
          memory.draw(t, (i) => 0.8 ** (t - i), hold < 0 ? null : (i) => 0.6 ** (t - i));
          bars.draw(chances(t, 2), ALPHABET, characters[t + 1]);
          meter.draw(hold < 0 ? gate(t, 4) : hold, hold >= 0);
        };
      },
    },
    {
      name: "long",
      title: ["长文字", "A long text"],
      code: [`Kit.track(host, move, {least: 9})   // narrower letters do not exist: the text scrolls`],
      make(host, fig, tell) {
        const text =
          "the state is one page long however long the text becomes so something has to be forgotten";
        const track = Kit.track(
          host,
          (long, how) => {
            tell("long", long, how);
            fig.set({ long });
          },
          { least: 9 },
        );
        const strip = track.strip(["长文字", "A long text"], (t) => [
          `第 ${t + 1} 个字符`,
          `character ${t + 1}`,
        ]);
        const band = track.band("signed", ["状态", "State"]),
          T = text.length;
        host.append(Kit.row(["文字", "text"], strip.el), Kit.row(["状态", "state"], band.el));
        strip.write(text);
        band.draw(table(T, 8, wave), T, 8);
        return ({ long }) => track.cursor(long);
      },
    },
    {
      name: "twobars",
      title: ["两个网络的预测", "Two networks predict"],
      code: [
        `const two = Kit.twobars(5, {names: [["前", "before"], ["后", "after"]], pick});`,
        `two.draw(p, q, letters, truth)`,
      ],
      make(host, fig, tell) {
        const two = Kit.twobars(5, {
          names: [
            ["训练前", "before training"],
            ["训练后", "after training"],
          ],
          pick: (v, c) => tell("bar", v, c),
        });
        host.append(two.el);
        return ({ t }) => two.draw(chances(t, 0.6), chances(t, 2.2), ALPHABET, TEXT[t + 1]);
      },
    },
    {
      name: "slider",
      title: ["滑块", "Slider"],
      code: [
        `Kit.slider(["学习率", "learning rate"], {min: 1e-4, max: 1, value: 0.01,`,
        `  log: true, ticks: [1e-4, 0.01, 1]}, (value) => fig.set({rate: value}))`,
      ],
      make(host, fig, tell) {
        const rate = Kit.slider(
          ["学习率", "learning rate"],
          { min: 1e-4, max: 1, value: 0.01, log: true, ticks: [1e-4, 0.01, 1] },
          (v, done) => {
            tell("rate", v, done);
            fig.set({ rate: v });
          },
        );
        const warm = Kit.slider(
          ["温度", "temperature"],
          { min: 0, max: 2, step: 0.05, value: 1, ticks: [0, { value: 1, words: ["原样", "as it is"] }, 2] },
          (v, done) => {
            tell("warm", v, done);
            fig.set({ warm: v });
          },
        );
        host.append(rate.el, warm.el);
        return (values) => {
          rate.draw(values.rate);
          warm.draw(values.warm);
        };
      },
    },
    {
      name: "choice",
      title: ["选择", "Choosing"],
      code: [
        `Kit.choice(["单元", "cell"], [{value: "rnn", words: ["RNN", "RNN"]}, …], change)`,
        `Kit.word(label, choices, change, {after: ["，", ", "]})`,
        `Kit.toggle(["裁剪梯度", "clip gradients"], change)`,
      ],
      make(host, fig, tell) {
        const cells = [
          ["rnn", "RNN"],
          ["gru", "GRU"],
          ["lstm", "LSTM"],
        ].map(([value, w]) => ({ value, words: [w, w] }));
        const cell = Kit.choice(
          ["单元", "cell"],
          cells,
          (v) => {
            tell("choice", v);
            fig.set({ cell: v });
          },
          { value: "gru" },
        );
        const word = Kit.word(
          ["优化器", "optimizer"],
          [
            { value: "sgd", words: ["随机梯度下降", "SGD"] },
            { value: "adam", words: ["Adam", "Adam"] },
          ],
          (v) => {
            tell("word", v);
            fig.set({ rule: v });
          },
          { after: ["，", ","] },
        );
        const clip = Kit.toggle(["裁剪梯度", "clip gradients"], (v) => {
          tell("toggle", v);
          fig.set({ clip: v });
        });
        host.append(
          Kit.el("div", { class: "fig-controls" }, cell.el, clip.el),
          Kit.el("p", { class: "fig-sentence" }, ["用", "Train with "], word.el, [
            "训练 40 个迭代周期。",
            " for 40 epochs.",
          ]),
        );
        return (values) => {
          cell.draw(values.cell);
          word.draw(values.rule);
          clip.draw(values.clip);
        };
      },
    },
    {
      name: "field",
      title: ["文字", "Text"],
      code: [
        `Kit.field(["你的句子", "your sentence"], {letters: " abc…z", max: 24,`,
        `  placeholder: […]}, (clean, typed) => fig.set({text: clean}))`,
      ],
      make(host, fig, tell) {
        const field = Kit.field(
          ["你的句子", "your sentence"],
          { letters: ALPHABET, max: 24, placeholder: ["自己写一句", "or type your own"] },
          (clean) => {
            tell("field", clean);
            fig.set({ text: clean });
          },
        );
        const shown = Kit.el("p", { class: "fig-written fig-muted" });
        host.append(field.el, shown);
        return ({ text }) => {
          field.draw(text);
          shown.textContent = text;
        };
      },
    },
    {
      name: "curve",
      title: ["曲线", "Curves"],
      code: [
        `const curve = Kit.curve(label, {unit: ["轮", "epochs"], scrub, step, speak});`,
        `curve.draw({xMax: 40, yMax: 40, series: [{id: "train", points}], at, dots, lines})`,
      ],
      make(host, fig, tell) {
        const train = falling(28, 2.2, 7),
          held = train.map(([x, y]) => [x, y + 0.006 * x * x * (x / 40) + 1.5 * (1 - Math.exp(-x / 5))]);
        const set = (x) => {
          const at = Math.max(0, Math.min(40, Math.round(x)));
          tell("curve", at);
          fig.set({ at });
        };
        const curve = Kit.curve(["困惑度", "Perplexity"], {
          unit: ["轮", "epochs"],
          scrub: set,
          step: (by) => set(fig.values.at + by),
          speak: () => [
            `第 ${fig.values.at} 轮，${train[fig.values.at][1].toFixed(1)}`,
            `epoch ${fig.values.at}, ${train[fig.values.at][1].toFixed(1)}`,
          ],
        });
        const still = Kit.curve(["三个网络的损失", "The loss of three networks"], { height: 190 });
        host.append(curve.el, curve.key, still.el, still.key);
        still.draw({
          xMax: 40,
          yMin: 0,
          yMax: 3,
          log: false,
          series: [
            { id: "rnn", words: ["RNN", "RNN"], points: falling(2.9, 1.6, 6) },
            { id: "gru", words: ["GRU", "GRU"], points: falling(2.9, 1.1, 9) },
            { id: "lstm", words: ["LSTM", "LSTM"], points: falling(2.9, 0.7, 13) },
            { id: "bi", words: ["双向", "two directions"], points: falling(2.9, 0.4, 16) },
          ],
        });
        return ({ at }) =>
          curve.draw({
            xMax: 40,
            yMax: 40,
            at,
            series: [
              { id: "train", points: train },
              { id: "held", points: held },
            ],
            ghosts: [{ id: "train", points: falling(28, 3, 10) }],
            gap: held.map(([x, y], i) => [x, train[i][1], y]),
            lines: [
              { y: 28, value: "28", words: ["什么都不知道", "knows nothing"] },
              { y: 10.3, value: "10.3", words: ["看前一个字符", "one letter back"], mark: true },
            ],
            dots: [
              {
                id: "train",
                y: train[at][1],
                words: ["训练 " + train[at][1].toFixed(1), "training " + train[at][1].toFixed(1)],
                below: true,
              },
              {
                id: "held",
                y: held[at][1],
                words: ["验证 " + held[at][1].toFixed(1), "held-out " + held[at][1].toFixed(1)],
              },
            ],
          });
      },
    },
    {
      name: "plot",
      title: ["函数", "A plot"],
      code: [
        `Kit.plot(label, {x: {min: 0, max: 40, words: ["时滞", "lag"]},`,
        `  y: {min: 1e-6, max: 10, log: true}, handle: {label, axis: "y", move}})`,
        `plot.draw({series: [{id, points}], lines, handle: {x, y}})`,
      ],
      make(host, fig, tell) {
        const handle = {
          label: ["时滞 20 处的范数", "Norm at lag 20"],
          axis: "y",
          move(x, y) {
            const radius = Math.max(0.5, Math.min(1.15, Number((y ** (1 / 20)).toPrecision(4))));
            tell("plot", radius);
            fig.set({ radius });
          },
        };
        const plot = Kit.plot(["梯度范数随时滞变化", "The gradient's norm against the lag"], {
          x: { min: 0, max: 40, words: ["时滞", "lag"] },
          y: { min: 1e-6, max: 100, log: true, words: ["范数", "norm"] },
          handle,
        });
        host.append(plot.el, plot.key);
        return ({ radius }) =>
          plot.draw({
            handle: { x: 20, y: radius ** 20 },
            lines: [{ y: 1, words: ["不变", "unchanged"] }],
            series: [
              {
                id: "law",
                words: ["_ρ_ 的幂", "powers of _ρ_"],
                points: Array.from({ length: 41 }, (_, k) => [k, radius ** k]),
              },
              {
                id: "seen",
                words: ["量到的", "measured"],
                kind: "points",
                points: Array.from({ length: 14 }, (_, k) => [
                  3 * k,
                  radius ** (3 * k) * Math.exp(0.5 * Math.sin(5 * k)),
                ]),
              },
            ],
          });
      },
    },
    {
      name: "matrix",
      title: ["矩阵", "A matrix"],
      code: [
        `const matrix = Kit.matrix(label, {map: "signed", point: (i, j) => …})`,
        `matrix.draw({data, rows: 5, cols: 8, rowNames, colNames, row: 1, max: 2})`,
      ],
      make(host, fig, tell) {
        const data = table(5, 8, (i, j) => 2 * wave(i, j)),
          wide = table(27, 32, (i, j) => wave(i, j) * gate(j, i));
        const matrix = Kit.matrix(["权重", "Weights"], {
          point: (i, j, how) => {
            tell("matrix", i, j, how);
            if (i !== null) fig.set({ row: i });
          },
        });
        const large = Kit.matrix(["词表乘隐藏单元", "Vocabulary by hidden units"], {
          cell: 16,
          point: (i, j, how) => tell("large", i, j, how),
        });
        const planes = Kit.planes(["独热编码", "One-hot code"], {
          map: "amount",
          cell: 16,
          point: (k, i, j, how) => tell("plane", k, i, j, how),
        });
        host.append(matrix.el, large.el, planes.el);
        large.draw({
          data: wide,
          rows: 27,
          cols: 32,
          rowNames: Array.from(ALPHABET),
          colTitle: ["隐藏单元", "hidden unit"],
          rowTitle: ["字符", "character"],
        });
        const words = ["dad", "cab", "bed"],
          hot = (t) =>
            Float32Array.from({ length: 15 }, (_, n) =>
              words[Math.floor(n / 5)].charCodeAt(t) - 97 === n % 5 ? 1 : 0,
            );
        planes.draw({
          rows: 3,
          cols: 5,
          colNames: Array.from("abcde"),
          rowNames: ["0", "1", "2"],
          planes: [0, 1, 2].map((t) => ({ title: [`时间步 ${t}`, `step ${t}`], data: hot(t) })),
        });
        return ({ row }) =>
          matrix.draw({
            data,
            rows: 5,
            cols: 8,
            rowNames: Array.from("ehist"),
            colNames: Array.from("01234567"),
            row,
            max: 2,
          });
      },
    },
    {
      name: "network",
      title: ["按时间展开的网络", "The unrolled network"],
      code: [
        `const net = Kit.network(label, {pick: (t, l) => fig.set({t})})`,
        `net.draw({T: 8, layers: 2, letters, predictions, at,`,
        `  edge: (e) => ({strength, mark: "back"}), node: (l, t) => ({v})})`,
      ],
      make(host, fig, tell) {
        const T = 8,
          letters = Array.from("to state");
        const pick = (t, l) => {
          tell("network", t, l === null ? "key" : l);
          fig.set({ lag: t });
        };
        const net = Kit.network(["两层的网络", "A network of two layers"], {
          pick,
          speak: (t) => [`第 ${t + 1} 步：${letters[t]}`, `step ${t + 1}: ${letters[t]}`],
        });
        const both = Kit.network(["双向网络", "A network of two directions"]);
        host.append(net.el, both.el);
        return ({ lag, radius }) => {
          const at = Math.min(T - 1, lag);
          net.draw({
            T,
            layers: 2,
            letters,
            predictions: Array.from("o stater"),
            at,
            flowing: true,
            names: {
              letters: ["字符", "characters"],
              layers: [
                ["第一层", "layer 1"],
                ["第二层", "layer 2"],
              ],
              predictions: ["预测", "predictions"],
            },
            node: (l, t) => ({ v: wave(t, l) }),
            edge: ({ kind, l, t }) =>
              kind === "on" && t < at
                ? { strength: Math.min(1, radius ** (3 * (at - t))), mark: "back" }
                : kind === "out" && t === at
                  ? { strength: 1, mark: "back" }
                  : { strength: 0.2 },
          });
          both.draw({
            T: 6,
            directions: 2,
            letters: Array.from("inward"),
            predictions: Array.from("BIBIII"),
            at: 2,
            edge: ({ kind, t, d }) =>
              kind === "on" && (d ? t > 2 : t < 2) ? { strength: 0.5, mark: "path" } : { strength: 0.15 },
          });
        };
      },
    },
    {
      name: "tree",
      title: ["能打开的树", "A tree that can be opened"],
      code: [
        `const tree = Kit.tree(label, {pick: (node) => …, open: 2})`,
        `tree.draw([{id, c: "t", p: 0.41, kept: true, children: […]}], at)`,
      ],
      make(host, fig, tell) {
        const word = (s) => [s, s];
        const grow = (id, depth) =>
          depth === 0
            ? []
            : [0.55, 0.3, 0.1].map((p, k) => {
                const c = ALPHABET[(5 * id.length + 7 * k + 1) % 27],
                  name = id + k;
                return {
                  id: name,
                  c,
                  p: p - 0.02 * depth,
                  kept: k === 0 || (k === 1 && depth % 2 === 0),
                  words: word(((-1.1 * (k + 1) * name.length) / 3).toFixed(2).replace("-", "\u2212")),
                  children: grow(name, depth - 1),
                };
              });
        const nodes = grow("n", 3);
        let at = null;
        const tree = Kit.tree(["束搜索", "Beam search"], {
          open: 1,
          pick(node) {
            tell("tree", node.id);
            at = node.id;
            tree.draw(nodes, at);
          },
        });
        host.append(tree.el);
        return (values, keys) => {
          if (!keys) tree.draw(nodes, at);
        };
      },
    },
    {
      name: "predict",
      title: ["先猜再看", "Guess first"],
      code: [
        `Kit.predict(host, {id: "parts", question: […],`,
        `  choices: [{words: […], right: true}, …], reveal: (guess, fresh) => [[…]]})`,
      ],
      make(host, fig, tell) {
        Kit.predict(host, {
          id: "parts",
          question: [
            "28 个字符，一个也不认识：困惑度是多少？",
            "28 characters, and it knows none of them: what is its perplexity?",
          ],
          choices: [
            { words: ["1", "1"] },
            { words: ["28", "28"], right: true },
            { words: ["无穷大", "infinite"] },
          ],
          reveal(guess, fresh) {
            if (fresh) tell("predict", guess);
            return [
              [
                "一个也不偏心的网络，困惑度就是字符的个数。",
                "A network without a preference has the number of characters as its perplexity.",
              ],
            ];
          },
        });
      },
    },
    {
      name: "quiz",
      title: ["小测验", "A quiz"],
      code: [
        `Kit.quiz(host, {id: "parts", questions: [`,
        `  {kind: "choice", question, choices, why}, {kind: "number", question, answer, tolerance, why},`,
        `  {kind: "order", question, lines: ["y = rnn(x)", …], why}]})`,
      ],
      make(host, fig, tell) {
        Kit.quiz(host, {
          id: "parts",
          change: ({ right, of, answered }) => tell("quiz", right, answered, of),
          questions: [
            {
              kind: "choice",
              question: ["隐状态里装的是什么？", "What does the hidden state hold?"],
              choices: [
                {
                  words: ["整段文字", "the whole text"],
                  why: ["装不下：它的大小是固定的。", "There is no room: its size is fixed."],
                },
                { words: ["对下文有用的摘要", "a summary that helps to predict"], right: true },
              ],
              why: [
                "网络只学着留下预测用得上的东西。",
                "The network learns to keep what it can predict with.",
              ],
            },
            {
              kind: "number",
              question: [
                "有 27 个字符，一样可能，困惑度是多少？",
                "27 characters, all equally likely: what is the perplexity?",
              ],
              answer: 27,
              tolerance: 0.01,
              why: [
                "交叉熵是 ln 27，取指数又回到 27。",
                "The cross-entropy is ln 27, and its exponential is 27 again.",
              ],
            },
            {
              kind: "order",
              question: ["把训练的一步排好。", "Put one step of training in order."],
              lines: [
                "y, state = model(x, state)",
                "loss = cross_entropy(y, target)",
                "loss.backward()",
                "optimizer.step()",
              ],
              why: [
                "先算输出，再算损失，再求梯度，最后更新。",
                "Outputs, then the loss, then the gradients, then the update.",
              ],
            },
          ],
        });
      },
    },
  ];

  Kit.figure("parts", {
    title: ["各种部件", "All the parts"],
    defaults: {
      t: 11,
      hold: -1,
      rate: 0.01,
      warm: 1,
      cell: "gru",
      rule: "sgd",
      clip: false,
      text: "",
      at: 9,
      long: 9,
      radius: 0.9,
      lag: 10,
      row: 1,
    },
    make(host, fig) {
      const echo = Kit.el("output", { class: "parts__echo", "aria-live": "off" }, "\u2026"),
        draws = [];
      const tell = (...what) => {
        host.dataset.event = what.join(" ");
        echo.textContent = host.dataset.event;
      };
      host.append(Kit.el("p", { class: "parts__last" }, ["刚才报告的：", "Last report: "], echo));
      for (const section of SECTIONS) {
        const living = Kit.el("div", { class: "parts__living" });
        host.append(
          Kit.el(
            "section",
            { class: "parts__one", "data-part": section.name },
            Kit.el("h2", {}, section.title),
            Kit.el("pre", { class: "parts__code" }, Kit.el("code", {}, section.code.join("\n"))),
            living,
          ),
        );
        const draw = section.make(living, fig, tell);
        if (draw) draws.push(draw);
      }
      return { draw: (values, keys) => draws.forEach((draw) => draw(values, keys)) };
    },
  });
})(globalThis.Kit);
