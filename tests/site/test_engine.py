"""rnnlib/widgets/js/engine.js in a browser, against torch and rnnlib: states, gradients, training, text."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict

import pytest
import torch
import torch.nn.functional as F
from book_site import ROOT
from torch import Tensor, nn

import rnnlib
from rnnlib import scratch
from rnnlib.data import SequenceLoader, Vocab
from rnnlib.generation import beam_search, generate_tokens
from rnnlib.models import NGramModel, RNNModel
from rnnlib.scratch.cells import gru_gates, lstm_gates

pytestmark = pytest.mark.site

ENGINE = ROOT / "rnnlib" / "widgets" / "js" / "engine.js"
NETWORKS = [
    (kind, form, L, D)
    for (kind, form), L, D in itertools.product(
        [("rnn", "tanh"), ("rnn", "relu"), ("gru", "after"), ("gru", "before"), ("lstm", "usual")],
        (1, 2),
        (1, 2),
    )
]
LSTM_ONE, GRU_ONE = ("lstm", "usual", 1, 1), ("gru", "after", 1, 1)
TEXT = "the quick brown fox jumps over the lazy dog and the dog sleeps on and on while the fox runs home "
WORST: dict[str, float] = defaultdict(float)

# Typed arrays as lists, weights into a model, a filled workspace.
TOOLS = """
window.plain = (x) => ArrayBuffer.isView(x) ? Array.from(x)
  : Array.isArray(x) ? x.map(plain)
  : x && typeof x === "object" ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, plain(v)]))
  : typeof x === "function" ? null
  : Number.isNaN(x) ? null : x;
window.filled = (model, a) => {
  const ws = RNNEngine.workspace(model, a.B, a.room || a.T);
  ws.X.set(a.X);
  if (a.Y) ws.Y.set(a.Y);
  const part = (name) => Float32Array.from(a.state[name] || []);
  if (a.state) RNNEngine.begin(ws, { h: part("h"), c: part("c") });
  return ws;
};
window.thrown = (act) => { try { act(); } catch (error) { return [error.constructor.name, error.message]; } };
"""


@pytest.fixture(scope="module")
def page(browser):
    """A blank page with the engine; it must not complain."""
    context = browser.new_context()
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_script_tag(path=str(ENGINE))
    page.evaluate(TOOLS)
    yield page
    context.close()
    print("\nlargest differences:", {name: f"{value:.1e}" for name, value in sorted(WORST.items())})
    assert not errors, errors


def ask(page, code: str, **values):
    """Run ``code``, the body of a function of ``a`` with the engine as ``E``, and get plain values back."""
    return page.evaluate(f"a => {{ const E = RNNEngine; return plain((() => {{ {code} }})()); }}", values)


def flat(tensor: Tensor) -> list:
    return tensor.detach().reshape(-1).tolist()


def close(got, wanted: Tensor, what: str, tolerance: float = 1e-4) -> None:
    """Equal to the tolerance; the largest difference is kept for the report."""
    got = torch.tensor(got, dtype=torch.float64).reshape(-1)
    wanted = wanted.detach().double().reshape(-1)
    assert got.shape == wanted.shape, f"{what}: {len(got)} numbers, {len(wanted)} expected"
    difference = float((got - wanted).abs().max()) if len(got) else 0.0
    assert difference <= tolerance, f"{what}: differs by {difference:.2e}"
    WORST[what] = max(WORST[what], difference)


def make_model(
    network: tuple, V: int, H: int, *, embedding: int = 0, outputs: int | None = None, seed: int = 0
):
    """An RNNModel in double precision whose weights are float32 numbers, and the engine's options for it."""
    kind, form, L, D = network
    torch.manual_seed(seed)
    options = {"num_layers": L, "bidirectional": D == 2}
    if kind == "rnn":
        layer = nn.RNN(embedding or V, H, nonlinearity=form, **options)
    elif kind == "lstm":
        layer = nn.LSTM(embedding or V, H, **options)
    elif form == "after":
        layer = nn.GRU(embedding or V, H, **options)
    else:
        layer = scratch.GRU(embedding or V, H, reset_after=False, **options)
    model = RNNModel(layer, V, embedding=embedding > 0)
    if outputs is not None:
        model.linear = nn.Linear(D * H, outputs)
    with torch.no_grad():
        for parameter in model.parameters():  # larger than at the start, so that gates open and close
            parameter.mul_(1.5)
    names = {"kind": kind, "form": form, "L": L, "directions": D, "V": V, "H": H, "embedding": embedding}
    names["outputs"] = model.linear.out_features
    return model.double(), names | {
        "weights": {name: flat(value) for name, value in model.state_dict().items()}
    }


def begin_state(network: tuple, B: int, H: int):
    kind, _, L, D = network
    h = torch.tanh(torch.randn(L * D, B, H)).double()
    return (h, torch.randn(L * D, B, H).double()) if kind == "lstm" else h


def as_values(state) -> dict:
    return {"h": flat(state[0]), "c": flat(state[1])} if isinstance(state, tuple) else {"h": flat(state)}


def replaced(gates: tuple, names: str, hold: dict) -> tuple:
    return tuple(torch.full_like(g, hold[n]) if n in hold else g for g, n in zip(gates, names))


def unrolled(
    network: tuple, model: RNNModel, X: Tensor, state, hold: dict | None = None, forget: bool = False
):
    """A network step by step with rnnlib's cells: logits (B, T, O), final states, and for each layer and
    direction a dict of h, c and the gates, lists of T tensors (B, H) with gradients kept for h."""
    kind, form, L, D = network
    hold = hold or {}
    inputs = list(model._encode(X.T).unbind(0))
    seen, finals = [], []
    for layer in range(L):
        outputs = []
        for d in range(D):
            at = f"_l{layer}" + "_reverse" * d
            parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            W = [getattr(model.rnn, part + at) for part in parts]
            k, kept = layer * D + d, defaultdict(list)
            h = (state[0] if kind == "lstm" else state)[k]
            c = state[1][k] if kind == "lstm" else None
            for x in reversed(inputs) if d else inputs:
                if forget:
                    h, c = torch.zeros_like(h), None if c is None else torch.zeros_like(c)
                if kind == "rnn":
                    a = x @ W[0].T + W[2] + h @ W[1].T + W[3]
                    h = torch.relu(a) if form == "relu" else torch.tanh(a)
                    kept["N"].append(h)
                elif kind == "lstm":
                    i, f, n, o = replaced(lstm_gates(x, h, *W), "IFNO", hold)
                    c = f * c + i * n
                    h = o * torch.tanh(c)
                    for name, value in zip("IFNOc", (i, f, n, o, c)):
                        kept[name].append(value)
                else:
                    r, z, n = replaced(gru_gates(x, h, *W, reset_after=form == "after"), "RZ ", hold)
                    if "R" in hold:  # the candidate has to see it
                        two, H = 2 * h.shape[1], h.shape[1]
                        hidden = (r * h) @ W[1][two:].T + W[3][two:]
                        if form == "after":
                            hidden = r * (h @ W[1][two:].T + W[3][two:])
                        n = torch.tanh((x @ W[0].T + W[2])[:, 2 * H :] + hidden)
                    h = (1 - z) * n + z * h
                    for name, value in zip("RZN", (r, z, n)):
                        kept[name].append(value)
                h.retain_grad()
                kept["h"].append(h)
            finals.append((h, c))
            seen.append({name: values[::-1] if d else values for name, values in kept.items()})
            outputs.append(seen[-1]["h"])
        inputs = [torch.cat(pieces, dim=-1) for pieces in zip(*outputs)]
    logits = model.linear(torch.stack(inputs)).transpose(0, 1)
    return logits, finals, seen


def random_case(network: tuple, seed: int, **options):
    """Model, options, X and Y (B, T) with some labels left out, a first state."""
    rng = random.Random(f"{network}{seed}")
    V, H, B, T = rng.randint(2, 9), rng.randint(1, 9), rng.randint(1, 6), rng.randint(1, 7)
    model, names = make_model(network, V, H, seed=seed, **options)
    X = torch.randint(V, (B, T))
    Y = torch.randint(model.linear.out_features, (B, T))
    Y[torch.rand(B, T) < 0.2] = -100
    Y[0, 0] = 0
    return model, names, X, Y, begin_state(network, B, H)


# ---------- forward and backward ----------
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: "-".join(map(str, n)))
def test_states_gates_and_gradients_are_those_of_torch(page, network, seed):
    """Random shapes; with an embedding, other outputs than characters, a workspace with room to spare."""
    options = [{}, {}, {"embedding": 5}, {"outputs": 3}][seed]
    model, names, X, Y, state = random_case(network, seed, **options)
    B, T = X.shape
    for part in state if isinstance(state, tuple) else (state,):
        part.requires_grad_()
    logits, finals, seen = unrolled(network, model, X, state)
    with torch.no_grad():
        torch_logits, torch_final = model(X, state)
    assert torch.allclose(logits, torch_logits, atol=1e-12)  # so that what follows speaks of torch
    loss = F.cross_entropy(logits.transpose(0, 1).reshape(B * T, -1), Y.T.reshape(-1), ignore_index=-100)
    loss.backward()

    got = ask(
        page,
        """
        const model = E.load(a.names), ws = filled(model, a);
        const loss = E.forward(model, ws, { steps: a.T }), grads = E.backward(model, ws, { trace: true });
        return { loss, grads, ws, final: E.final(model, ws), names: E.names(model), count: E.count(model) };
        """,
        names=names,
        B=B,
        T=T,
        room=T + seed % 2 * 3,
        X=flat(X.T),
        Y=flat(Y.T),
        state=as_values(state),
    )
    case = f"{network[0]} {network[1]}"
    H, outputs = names["H"], names["outputs"]
    assert got["names"] == list(model.state_dict())
    assert got["count"] == sum(p.numel() for p in model.parameters())
    close(got["loss"], loss, f"loss, {case}")
    close(got["ws"]["p"][: T * B * outputs], logits.softmax(-1).transpose(0, 1), f"probabilities, {case}")
    close(got["final"]["h"], torch.stack([h for h, _ in finals]), f"states, {case}")
    torch_h = torch_final[0] if isinstance(torch_final, tuple) else torch_final
    close(got["final"]["h"], torch_h, f"states, {case}")
    if network[0] == "lstm":
        close(got["final"]["c"], torch_final[1], f"states, {case}")
    first = state[0] if isinstance(state, tuple) else state
    blocks = {"rnn": "N", "gru": "RZN", "lstm": "IFNO"}[network[0]]
    for k, kept in enumerate(seen):
        layer, d = divmod(k, network[3])
        mine, back = got["ws"]["layers"][layer][d], got["ws"]["back"]["layers"][layer][d]
        after = (1 - d) * B * H
        close(mine["h"][after : after + T * B * H], torch.stack(kept["h"]), f"states, {case}")
        if network[0] == "lstm":
            close(mine["c"][after : after + T * B * H], torch.stack(kept["c"]), f"states, {case}")
        gates = torch.stack([torch.stack(kept[name]) for name in blocks], dim=2)  # T, B, G, H
        close(mine["act"][: gates.numel()], gates, f"gates, {case}")
        close(back["all"][: T * B * H], torch.stack([h.grad for h in kept["h"]]), f"gradients, {case}")
        close(back["dh"], first.grad[k], f"gradients, {case}")
    for name, parameter in model.named_parameters():
        close(got["grads"][name], parameter.grad, f"gradients, {case}")


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: "-".join(map(str, n)))
def test_the_state_is_carried_from_minibatch_to_minibatch(page, network):
    model, names = make_model(network, 7, 6)
    X = torch.randint(7, (4, 8))
    state = None
    for half in X.split(4, dim=1):
        with torch.no_grad():
            logits, state = model(half, state)
    got = ask(
        page,
        """
        const model = E.load(a.names), ws = E.workspace(model, 4, 4);
        ws.X.set(a.X.slice(0, 16)); E.forward(model, ws);
        E.carry(model, ws);
        ws.X.set(a.X.slice(16)); E.forward(model, ws);
        const p = ws.p.slice(); E.begin(ws); E.forward(model, ws);
        return { p, anew: ws.p };
        """,
        names=names,
        X=flat(X.T),
    )
    close(got["p"], logits.softmax(-1).transpose(0, 1), "carried state")
    with torch.no_grad():
        close(got["anew"], model(X[:, 4:])[0].softmax(-1).transpose(0, 1), "carried state")


HOLDS = [
    (("lstm", "usual", 2, 1), {"F": 0.25}),
    (("lstm", "usual", 1, 2), {"I": 0.5, "O": 1}),
    (("gru", "after", 2, 2), {"R": 0.3}),
    (("gru", "after", 1, 1), {"Z": 0}),
    (("gru", "before", 2, 1), {"R": 0.7, "Z": 0.2}),
]


@pytest.mark.parametrize("forget", [False, True])
@pytest.mark.parametrize("network, hold", [*HOLDS, (("rnn", "tanh", 2, 1), {})])
def test_held_gates_and_a_network_without_a_past(page, network, hold, forget):
    """Nothing flows back through a gate that is held, nor from step to step where the past is cut off."""
    model, names, X, Y, state = random_case(network, 5)
    B, T = X.shape
    logits, _, _ = unrolled(network, model, X, state, hold, forget)
    loss = F.cross_entropy(logits.transpose(0, 1).reshape(B * T, -1), Y.T.reshape(-1), ignore_index=-100)
    loss.backward()
    got = ask(
        page,
        """
        const model = E.load(a.names), ws = filled(model, a);
        const loss = E.forward(model, ws, { hold: a.hold, forget: a.forget });
        return { loss, grads: E.backward(model, ws), p: ws.p };
        """,
        **{"names": names, "B": B, "T": T, "X": flat(X.T), "Y": flat(Y.T), "state": as_values(state)},
        hold=hold,
        forget=forget,
    )
    close(got["loss"], loss, "loss, held")
    close(got["p"], logits.softmax(-1).transpose(0, 1), "probabilities, held")
    for name, parameter in model.named_parameters():
        wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        close(got["grads"][name], wanted, "gradients, held")


def test_a_gate_may_be_held_in_one_layer_or_for_one_unit(page):
    _, names = make_model(("lstm", "usual", 2, 1), 5, 3)
    got = ask(
        page,
        """
        const model = E.load(a.names), ids = [0, 3, 1, 4], one = Float32Array.of(NaN, 0.5, NaN);
        return { free: E.read(model, ids), upper: E.read(model, ids, [{}, { F: 0.5 }]),
          unit: E.read(model, ids, { F: one }) };
        """,
        names=names,
    )
    free, upper, unit = (got[name]["layers"] for name in ("free", "upper", "unit"))
    assert upper[0] == free[0]
    assert upper[1][0]["F"] == [0.5] * 12 and upper[1][0]["h"] != free[1][0]["h"]
    assert unit[0][0]["F"][1::3] == [0.5] * 4 and unit[0][0]["F"][0] == free[0][0]["F"][0]


# ---------- reading ----------
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: "-".join(map(str, n)))
@pytest.mark.parametrize("embedding", [0, 4])
def test_reading_a_text(page, network, embedding):
    model, names = make_model(network, 6, 5, embedding=embedding, seed=3)
    X = torch.randint(6, (1, 9))
    zeros = rnnlib.states.zero_state(model.rnn, 1, "cpu", torch.float64)
    for part in zeros if isinstance(zeros, tuple) else (zeros,):
        part.requires_grad_()
    logits, _, seen = unrolled(network, model, X, zeros)
    got = ask(page, "return E.read(E.load(a.names), Int32Array.from(a.X));", names=names, X=flat(X))
    close(got["p"], logits.softmax(-1), "probabilities, read")
    for k, kept in enumerate(seen):
        mine = got["layers"][k // network[3]][k % network[3]]
        assert set(mine) == set(kept)
        for name, values in kept.items():
            close(mine[name], torch.stack(values), "states and gates, read")
    if network[3] == 1:
        assert got["h"] == got["layers"][-1][0]["h"]
        wanted = F.cross_entropy(logits[0, :-1], X[0, 1:]).exp()
        close(got["perplexity"], wanted, "perplexity, read", 1e-3)
    else:
        assert got["perplexity"] is None and "end" not in got


@pytest.mark.parametrize("network", [n for n in NETWORKS if n[3] == 1], ids=lambda n: "-".join(map(str, n)))
@pytest.mark.parametrize("embedding", [0, 4])
def test_step_by_step_is_the_same_as_reading_at_once(page, network, embedding):
    _, names = make_model(network, 6, 7, embedding=embedding, seed=4)
    got = ask(
        page,
        """
        const model = E.load(a.names), ids = [3, 0, 5, 5, 1, 2, 4], whole = E.read(model, ids);
        const six = () => new Float32Array(6), p = six();
        const kept = ["h", ...E.BLOCKS[model.kind], ...(model.kind === "lstm" ? ["c"] : [])];
        let now = E.blank(model), worst = 0;
        const compare = (x, y) => x.forEach((v, i) => { worst = Math.max(worst, Math.abs(v - y[i])); });
        const at = (array, t, n) => array.subarray(t * n, (t + 1) * n);
        ids.forEach((x, t) => {
          now = E.step(model, now, x, E.blank(model));
          now.layers.forEach((layer, l) => {
            for (const k of kept) compare(layer[k], at(whole.layers[l][0][k], t, 7));
          });
          if (now.h !== now.layers[model.L - 1].h) throw new Error("now.h is not the top layer's");
          compare(E.predict(model, now.h, p), at(whole.p, t, 6));
        });
        const first = E.read(model, ids.slice(0, 3)), rest = E.read(model, ids.slice(3), null, first.end);
        compare(rest.h, whole.h.subarray(3 * 7)); compare(whole.end.h, now.h);
        compare(E.copy(model, now).layers[0].h, now.layers[0].h);
        const held = model.kind === "rnn" ? {} : { [E.GATES[model.kind][1]]: 0.5 };
        const stepped = E.step(model, first.end, ids[3], E.blank(model), held);
        compare(stepped.h, E.read(model, [ids[3]], held, first.end).h);
        return { worst, hot: E.predict(model, now.h, p, 2), z: E.logits(model, now.h, six()) };
        """,
        names=names,
    )
    assert got["worst"] < 1e-6
    close(got["hot"], torch.softmax(torch.tensor(got["z"]) / 2, 0), "temperature")


@pytest.mark.parametrize("network", [("lstm", "usual", 2, 1), ("gru", "before", 1, 1), ("rnn", "tanh", 1, 1)])
def test_memory_says_how_much_of_a_letter_is_left(page, network):
    """Four other letters in its place; how far they move the state, in shares of the farthest so far."""
    V, T = 10, 6
    model, names = make_model(network, V, 4, seed=8)
    X = torch.randint(1, V, (T,))
    got = ask(
        page,
        "const m = E.load(a.names), ids = Int32Array.from(a.X); return E.memory(m, ids, E.read(m, ids));",
        names=names,
        X=flat(X),
    )

    def states(ids: Tensor) -> list[Tensor]:  # h, c of the top layer, T x H
        zeros = rnnlib.states.zero_state(model.rnn, 1, "cpu", torch.float64)
        zeros = (
            tuple(z.requires_grad_() for z in zeros) if isinstance(zeros, tuple) else zeros.requires_grad_()
        )
        kept = unrolled(network, model, ids[None], zeros)[2][-1]
        return [torch.cat(kept[name]) for name in ("h", "c") if name in kept]

    true = states(X)
    for what, k in [("h", 0), ("c", 1)][: len(true)]:
        for s in range(T):
            moved = torch.zeros(T, dtype=torch.float64)
            for r in range(4):
                other = X.clone()
                other[s] = 1 + (int(X[s]) - 1 + math.floor((r + 1) * (V - 1) / 5 + 0.5)) % (V - 1)
                moved += (states(other)[k] - true[k]).norm(dim=1).detach()
            for t in range(s, T):
                wanted = moved[t] / moved[s : t + 1].max()
                assert abs(got[what][t * T + s] - float(wanted)) < 1e-4


# ---------- writing ----------
def mulberry(seed: int):
    """mulberry32 as the engine has it."""
    mask, s = 0xFFFFFFFF, seed & 0xFFFFFFFF
    while True:
        s = (s + 0x6D2B79F5) & mask
        t = ((s ^ (s >> 15)) * (1 | s)) & mask
        t = ((t + ((t ^ (t >> 7)) * (61 | t) & mask)) & mask) ^ t
        yield (t ^ (t >> 14)) / 2**32


def test_chance_is_mulberry32(page):
    got = ask(page, "const r = E.random(7); return Array.from({ length: 50 }, () => r.uniform());")
    assert got == list(itertools.islice(mulberry(7), 50))
    normal = torch.tensor(ask(page, "const r = E.random(7); return Array.from({ length: 4000 }, r.normal);"))
    assert abs(normal.mean()) < 0.05 and abs(normal.std() - 1) < 0.05


def written(model, ids: list[int], length: int, uniform, temperature=1.0, top_k=0, banned=()) -> list[int]:
    """The rule of choosing: the first index whose cumulative probability, by torch, exceeds u."""
    ids = list(ids)
    for _ in range(length):
        with torch.no_grad():
            logits = model(torch.tensor([ids]))[0][0, -1]
        logits[list(banned)] = -math.inf
        if top_k:
            order = logits.sort(descending=True, stable=True).indices
            logits[order[top_k:]] = -math.inf
        cumulative = torch.softmax(logits / temperature, 0).cumsum(0)
        ids.append(int((cumulative > next(uniform)).nonzero()[0]))
    return ids


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0.5}, {"temperature": 2, "topK": 3}, {"topK": 1}, {"banned": [0, 2], "topK": 4}],
    ids=str,
)
@pytest.mark.parametrize("network", [n for n in NETWORKS if n[3] == 1], ids=lambda n: "-".join(map(str, n)))
def test_the_same_random_numbers_give_the_same_text(page, network, options):
    model, names = make_model(network, 9, 8, seed=11)
    got = ask(
        page,
        "return E.sample(E.load(a.names), [4, 1, 7], 60, a.options, E.random(5).uniform);",
        names=names,
        options=options,
    )
    wanted = written(
        model,
        [4, 1, 7],
        60,
        mulberry(5),
        options.get("temperature", 1.0),
        options.get("topK", 0),
        options.get("banned", ()),
    )
    assert got["ids"] == wanted
    assert len(got["states"]) == 63 * 8


@pytest.mark.parametrize("network", [n for n in NETWORKS if n[3] == 1], ids=lambda n: "-".join(map(str, n)))
def test_greedy_search_is_rnnlibs(page, network):
    model, names = make_model(network, 9, 8, seed=12)
    for options in ({"greedy": True}, {"temperature": 0}):
        code = "return E.sample(E.load(a.names), [2, 3], 40, a.options).ids;"
        got = ask(page, code, names=names, options={**options, "banned": [0]})
        assert got[2:] == generate_tokens(model, torch.tensor([[2, 3]]), 40, banned=[0])[0].tolist()


def test_equal_logits_and_the_end_of_the_interval(page):
    """Of equal logits the lower index counts as larger; u just below 1 still finds a possible character."""
    got = ask(
        page,
        """
        const choose = (options, u) => E.choose(Float32Array.of(1, 2, 2, 2, 0), options, () => u);
        return [choose({ greedy: true }), choose({ topK: 2 }, 0.49), choose({ topK: 2 }, 0.51),
          choose({ topK: 2 }, 1 - 2 ** -32), choose({ banned: [4] }, 1 - 2 ** -32),
          choose({ banned: [1, 2, 3] }, 0)];
        """,
    )
    assert got == [1, 1, 2, 2, 3, 0]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("network", [LSTM_ONE, ("gru", "before", 2, 1), ("rnn", "tanh", 2, 1)])
def test_beam_search_is_rnnlibs(page, network, width):
    vocab = Vocab(list("abcdefgh"))
    model, names = make_model(network, len(vocab), 8, seed=13)
    got = ask(
        page,
        "return E.beam(E.load(a.names), a.prefix, 7, a.width);",
        names=names,
        prefix=vocab[list("bad")],
        width=width,
    )
    text, log_probability = beam_search(model, "bad", 7, vocab, beam_width=width)
    assert "".join(vocab.to_tokens(got["ids"])) == text
    close(got["logProbability"], torch.tensor(log_probability), "beam")
    nodes = got["nodes"]
    below = 1
    for depth in range(1, 8):
        level = [node for node in nodes if node["depth"] == depth]
        kept = [node["total"] for node in level if node["kept"]]
        rest = [node["total"] for node in level if not node["kept"]]
        assert len(level) == below * 8 and len(kept) == min(width, below * 8)  # 8: <unk> has no share
        assert not rest or min(kept) >= max(rest)
        below = len(kept)
    for node in nodes[1:]:
        parent = nodes[node["parent"]]
        assert parent["kept"] and parent["depth"] == node["depth"] - 1
        assert abs(parent["total"] + node["own"] - node["total"]) < 1e-9
    assert [nodes[0]["parent"], nodes[0]["depth"], nodes[0]["total"]] == [-1, 0, 0]


def test_a_tree_may_leave_out_what_was_not_kept(page):
    _, names = make_model(LSTM_ONE, 9, 8, seed=13)
    code = "const m = E.load(a.names); return [E.beam(m, [1], 5, 3), E.beam(m, [1], 5, 3, { most: 2 })];"
    whole, short = ask(page, code, names=names)
    assert short["ids"] == whole["ids"] and short["logProbability"] == whole["logProbability"]

    def kept(tree):
        return [(n["id"], n["total"]) for n in tree["nodes"] if n["kept"]]

    assert kept(short) == kept(whole) and len(short["nodes"]) < len(whole["nodes"])
    for parent in range(len(short["nodes"])):
        assert sum(not n["kept"] and n["parent"] == parent for n in short["nodes"]) <= 2


# ---------- training ----------
def corpus_of(length: int) -> tuple[list[int], Vocab]:
    text = list((TEXT * (length // len(TEXT) + 1))[:length])
    vocab = Vocab(text)
    rng = random.Random(1)  # not the same line again and again
    return [i if rng.random() < 0.9 else rng.randrange(1, len(vocab)) for i in vocab[text]], vocab


def offsets_of(seed: int, T: int, slack: int, passes: int) -> list[int]:
    rng = random.Random(seed)
    return [min(rng.randint(0, T), slack) for _ in range(passes)]


def torch_steps(model, corpus, B, T, seed, steps, optimizer, clip, *, forget=False, mislabel=False):
    """Losses and gradient norms of a run in float32 over rnnlib's loader, state carried and detached."""
    loader = SequenceLoader(corpus, B, T, seed=seed)
    losses, norms = [], []
    while len(losses) < steps:
        state = None
        for X, Y in loader:
            if len(losses) == steps:
                break
            if forget:  # every step by itself
                logits = torch.cat([model(x)[0] for x in X.split(1, dim=1)], dim=1)
            else:
                if state is not None:
                    state = rnnlib.states.detach_state(state)
                logits, state = model(X, state)
            labels = Y.reshape(-1) if mislabel else Y.T.reshape(-1)
            loss = F.cross_entropy(logits.transpose(0, 1).reshape(B * T, -1), labels)
            optimizer.zero_grad()
            loss.backward()
            if clip:
                norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), clip)))
            optimizer.step()
            losses.append(float(loss.detach()))
    return losses, norms


RUN = """
  const t = E.trainer({ ...a.names, ...a.options, train: Int32Array.from(a.train) }), losses = [], norms = [];
  let clipped = 0;
  for (let i = 0; i < a.steps; i++) {
    t.step();
    losses.push(t.loss); norms.push(t.norm); clipped += t.clipped;
  }
  const held = t.evaluate(Int32Array.from(a.held));
  return { losses, norms, clipped, held, saved: t.save(), passes: t.passes };
"""


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: "-".join(map(str, n)))
def test_a_hundred_steps_give_the_curve_of_torch(page, network, optimizer):
    """The same first weights, rnnlib's minibatches, three passes; clipping acts in most steps."""
    B, T = 5, 8
    corpus, vocab = corpus_of(1500)
    model, names = make_model(network, len(vocab), 12, seed=21)
    rate, clip = (0.3, 0.25) if optimizer == "sgd" else (0.005, 0.25)
    offsets = offsets_of(6, T, len(corpus) - 1 - B * T, 5)
    options = {"B": B, "T": T, "rate": rate, "clip": clip, "optimizer": optimizer, "offsets": offsets}
    got = ask(page, RUN, names=names, options=options, train=corpus, steps=100, held=corpus)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    losses, norms = torch_steps(model, corpus, B, T, 6, 100, kind(model.parameters(), lr=rate), clip)
    assert losses[-1] < losses[0] - 0.2 and got["passes"] == 3
    assert 0 < sum(norm > clip for norm in norms) == got["clipped"]
    close(got["losses"], torch.tensor(losses), f"curve of 100 steps, {optimizer}", 1e-3)
    close(got["norms"], torch.tensor(norms), f"norms of 100 steps, {optimizer}", 1e-2)
    held = rnnlib.training.perplexity(model, torch.tensor(corpus))
    close(got["held"], torch.tensor(held), "perplexity after training", 1e-3)
    for name, weights in got["saved"]["weights"].items():
        close(weights, model.state_dict()[name], f"weights after 100 steps, {optimizer}", 2e-2)


@pytest.mark.parametrize("broken", [{"forget": True}, {"mislabel": True}, {"clip": 0}])
def test_broken_on_purpose_is_the_same_mistake_in_torch(page, broken):
    corpus, vocab = corpus_of(800)
    model, names = make_model(GRU_ONE, len(vocab), 10, seed=22)
    options = {"B": 4, "T": 6, "rate": 0.5, "clip": 0.2, "optimizer": "sgd", "offsets": [0], **broken}
    got = ask(page, RUN, names=names, options=options, train=corpus, steps=30, held=corpus[:50])
    loader_seed = next(s for s in range(100) if random.Random(s).randint(0, 6) == 0)
    flags = {name: value for name, value in broken.items() if name != "clip"}
    sgd = torch.optim.SGD(model.parameters(), lr=0.5)
    losses, _ = torch_steps(model, corpus, 4, 6, loader_seed, 30, sgd, options["clip"], **flags)
    close(got["losses"], torch.tensor(losses), "broken on purpose", 1e-3)
    assert (got["clipped"] > 0) == (options["clip"] > 0)


def test_never_detached_lets_gradients_reach_the_beginning_of_the_pass(page):
    """The gradient of the third minibatch, through the two before it, and none of their losses."""
    corpus, vocab = corpus_of(400)
    B, T = 3, 5
    model, names = make_model(GRU_ONE, len(vocab), 9, seed=23)
    options = {"B": B, "T": T, "rate": 0, "clip": 0, "optimizer": "sgd", "offsets": [2], "detach": False}
    got = ask(
        page,
        """
        const t = E.trainer({ ...a.names, ...a.options, train: Int32Array.from(a.train) }), spans = [];
        for (let i = 0; i < 3; i++) spans.push(t.step().span);
        return { spans, norm: t.norm, loss: t.loss };
        """,
        **{"names": names, "options": options, "train": corpus},
    )
    rows = torch.tensor(corpus[2 : 2 + (len(corpus) - 3) // B * B]).view(B, -1)
    labels = torch.tensor(corpus[3 : 3 + (len(corpus) - 3) // B * B]).view(B, -1)
    logits = model(rows[:, : 3 * T])[0][:, 2 * T :]
    loss = F.cross_entropy(logits.reshape(B * T, -1), labels[:, 2 * T : 3 * T].reshape(-1))
    loss.backward()
    norm = math.sqrt(sum(float(p.grad.pow(2).sum()) for p in model.parameters()))
    assert got["spans"] == [5, 10, 15]
    close([got["norm"], got["loss"]], torch.tensor([norm, loss.item()]), "never detached")


def test_a_pass_may_end_with_a_shorter_minibatch(page):
    """ragged: the columns that are left over are read too; else they are dropped, as rnnlib's loader does."""
    code = """
      const train = Int32Array.from({ length: 4 * 11 + 1 }, (_, i) => i % 5);
      const options = { kind: "gru", V: 5, H: 4, L: 2, B: 4, T: 4, offsets: [0], train };
      const t = E.trainer({ ...options, ragged: a.ragged });
      const seen = [];
      for (let i = 0; i < 4; i++) seen.push([t.step().span, t.read, t.passes, Number.isFinite(t.loss)]);
      return seen;
    """
    assert ask(page, code, ragged=True) == [
        [4, 16, 1, True],
        [4, 32, 1, True],
        [3, 44, 1, True],
        [4, 60, 2, True],
    ]
    assert ask(page, code, ragged=False) == [
        [4, 16, 1, True],
        [4, 32, 1, True],
        [4, 48, 2, True],
        [4, 64, 2, True],
    ]


def test_a_tagger_learns_from_its_own_labels(page):
    got = ask(
        page,
        """
        const r = E.random(2), train = Int32Array.from({ length: 600 }, () => Math.floor(4 * r.uniform()));
        const labels = train.map((x, i) => (train[i + 1] === 3 ? 1 : 0)); // needs the future
        const options = { kind: "gru", V: 4, H: 8, outputs: 2, B: 4, T: 10, rate: 0.02, train, labels };
        const both = E.trainer({ ...options, directions: 2 }), one = E.trainer(options);
        for (let i = 0; i < 120; i++) { both.step(); one.step(); }
        return [both.evaluate(train, labels), one.evaluate(train, labels)];
        """,
    )
    assert got[0] < 1.2 < got[1]


def test_weights_that_begin_equal_stay_equal(page):
    got = ask(
        page,
        """
        const train = Int32Array.from({ length: 500 }, (_, i) => (i * i) % 7);
        const t = E.trainer({ kind: "rnn", V: 7, H: 5, B: 4, T: 6, start: "same", train });
        for (let i = 0; i < 20; i++) t.step();
        return { state: E.read(t.model, train.subarray(0, 20)).h, loss: t.loss };
        """,
    )
    assert all(len(set(got["state"][i : i + 5])) == 1 for i in range(0, 100, 5))


def test_a_rate_that_is_much_too_high_is_noticed(page):
    got = ask(
        page,
        """
        const train = Int32Array.from({ length: 500 }, (_, i) => (i * i) % 7);
        const o = { kind: "rnn", form: "relu", V: 7, H: 16, B: 4, T: 30, rate: 50, clip: 0, train };
        const c = E.course({ ...o, optimizer: "sgd", epochs: 100, prefix: [1], held: train });
        const points = c.advance(5000);
        return { broken: c.run.broken, done: c.done, last: points[points.length - 1] };
        """,
    )
    assert got["broken"] and got["done"] and got["last"]["broken"]


def test_a_course_does_not_depend_on_the_clock(page):
    code = """
      const train = Int32Array.from({ length: 3000 }, (_, i) => (i * i + (i >> 3)) % 11);
      const options = { kind: "lstm", V: 11, H: 8, B: 8, T: 10, train, held: train.slice(0, 300),
        prefix: [1, 2], epochs: 4, seed: 3 };
      const run = (ms) => {
        const c = E.course(options), points = [c.start()];
        while (!c.done) points.push(...c.advance(ms));
        return points;
      };
      return [run(0), run(1e6)];
    """
    slow, fast = ask(page, code)
    assert slow == fast and len(slow) > 10
    assert slow[-1]["at"] >= 4 and slow[-1]["train"] < slow[0]["train"] and slow[-1]["held"] < 11
    assert len(slow[-1]["ids"]) == 60 and len(slow[-1]["states"]) == 60 * slow[-1]["units"]


def test_new_weights_are_drawn_as_torchs(page):
    got = ask(
        page,
        """
        const o = { kind: "lstm", V: 20, H: 25, L: 2, directions: 2, embedding: 6 };
        return [E.create(o, 4), E.create(o, 4), E.create(o, 5), E.create({ ...o, forgetBias: 1 }, 4)];
        """,
    )
    first, again, other, open_ = (model["weights"] for model in got)
    assert first == again and first != other
    for name, weights in first.items():
        values = torch.tensor(weights)
        if name == "embedding.weight":
            assert abs(values.std() - 1) < 0.2
            continue
        bound = 1 / math.sqrt(50 if name.startswith("linear") else 25)
        assert values.abs().max() <= bound
        if len(weights) > 900:
            assert (
                abs(values.std() - bound / math.sqrt(3)) < 0.05 * bound and abs(values.mean()) < 0.05 * bound
            )
    lifted = torch.tensor(open_["rnn.bias_ih_l1"]) - torch.tensor(first["rnn.bias_ih_l1"])
    assert torch.allclose(lifted, torch.tensor([0.0, 1, 0, 0]).repeat_interleave(25), atol=1e-6)


def test_a_run_can_be_saved_and_loaded(page):
    got = ask(
        page,
        """
        const train = Int32Array.from({ length: 500 }, (_, i) => (i * i) % 7);
        const t = E.trainer({ kind: "gru", form: "before", L: 2, V: 7, H: 5, B: 4, T: 6, train });
        t.step();
        const saved = JSON.parse(JSON.stringify(plain(t.save()))), before = t.evaluate(train);
        const u = E.trainer({ ...saved, B: 4, T: 6, train }), of = (m) => E.read(m, [1, 2, 5]).perplexity;
        const same = [u.evaluate(train) === before, of(E.load(saved)) === of(t.model)];
        t.step();
        return [...same, t.evaluate(train) !== before, u.evaluate(train) === before];
        """,
    )
    assert got == [True] * 4


# ---------- weights as bytes ----------
def dequantized(got: dict, name: str) -> Tensor:
    entry, data = got["meta"]["arrays"][name], bytes(got["bytes"])
    count = math.prod(entry["shape"])
    dtype = {"int8": torch.int8, "float32": torch.float32}[entry["dtype"]]
    values = torch.frombuffer(bytearray(data), dtype=dtype, count=count, offset=entry["offset"])
    values = values.reshape(entry["shape"])
    if "scale" not in entry:
        return values
    scale = torch.frombuffer(bytearray(data), dtype=torch.float32, count=len(values), offset=entry["scale"])
    return values.float() * scale[:, None]


@pytest.mark.parametrize("network", [("gru", "before", 2, 2), ("lstm", "usual", 1, 1), ("rnn", "relu", 2, 1)])
def test_int8_weights_there_and_back(page, network):
    """torch reads the same bytes; the packs' other names for the options are understood."""
    model, names = make_model(network, 6, 7, embedding=3, seed=31)
    X = torch.randint(6, (1, 12))
    got = ask(
        page,
        """
        const { meta, bytes } = E.pack(E.load(a.names)), { L, form, head, ...rest } = meta;
        const other = { ...rest, layers: L, output: head, before: form === "before" };
        const shifted = new Uint8Array(bytes.byteLength + 3); // a view that begins at an odd byte
        shifted.set(new Uint8Array(bytes), 3);
        const again = E.unpack(a.form === "relu" ? meta : other, shifted.subarray(3));
        const models = [E.unpack(meta, bytes), again];
        return { meta, bytes: new Uint8Array(bytes), weights: models.map((m) => m.weights),
          p: models.map((m) => E.read(m, Int32Array.from(a.X)).p) };
        """,
        names=names,
        X=flat(X),
        form=network[1],
    )
    assert got["weights"][0] == got["weights"][1]
    state = {}
    for name, weights in model.state_dict().items():
        state[name] = dequantized(got, name)
        assert flat(state[name]) == got["weights"][0][name]
        if weights.ndim == 2:
            half = weights.abs().amax(dim=1, keepdim=True) / 254
            assert ((state[name].double() - weights).abs() <= half * 1.001).all()
        else:
            assert torch.equal(state[name].double(), weights)
    model.load_state_dict(state)
    with torch.no_grad():
        wanted = model(X)[0].softmax(-1)
    for p in got["p"]:
        close(p, wanted, "probabilities, int8")


# ---------- reading one text, writing another ----------
def make_pair(kind: str, L: int, seed: int = 0, D: int = 1):
    """An EncoderDecoder in double precision whose weights are float32 numbers, and the engine's options."""
    torch.manual_seed(seed)
    rng = random.Random(f"{kind}{L}{seed}")
    source, V, H, E = rng.randint(2, 9), rng.randint(3, 9), rng.randint(1, 9), rng.randint(1, 7)
    model = rnnlib.EncoderDecoder(
        source, V, H, layer=kind, attention="dot", num_layers=L, bidirectional=D == 2, embedding_size=E
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # larger than at the start, so that it looks somewhere
            parameter.mul_(2)
    options = {"kind": kind, "L": L, "H": H, "embedding": E, "source": source, "V": V, "attention": "dot"}
    options["directions"] = D
    weights = {name: flat(value) for name, value in model.state_dict().items()}
    return model.double(), options | {"weights": weights}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_what_a_pair_writes_and_where_it_looks_is_rnnlibs(page, kind, D, L, seed):
    model, names = make_pair(kind, L, seed, D)
    S, most = 1 + 4 * seed, 9
    source = torch.randint(names["source"], (1, S))
    with torch.no_grad():
        first, state = model.begin(source)
        written = generate_tokens(model, first, most, state=state)
        read = model.shifted(written)
        logits, _ = model(read, None, source)
        weights = model.alignment(read, source)[0]
        memory = state.memory[:, 0]
        keys, top = model.attention.W_k(memory), (state.hidden[0] if kind == "lstm" else state.hidden)[-1]
    got = ask(
        page,
        """
        const pair = E.loadPair(a.names), read = E.encode(pair, a.source);
        const out = E.translate(pair, a.source, a.most, -1), half = E.translate(pair, a.source, a.most, out.ids[2]);
        return { out, read, half, one: E.attend(pair, read.end.h, read) };
        """,
        names=names,
        source=flat(source),
        most=most,
    )
    assert got["out"]["ids"] == written[0].tolist() and got["out"]["S"] == S
    close(got["out"]["weights"], weights, "attention")
    close(got["out"]["p"], logits[0].softmax(-1).gather(1, written[0][:, None]), "probabilities, written")
    close(got["read"]["memory"], memory, "memory")
    close(got["read"]["keys"], keys, "keys")
    close(got["read"]["end"]["h"], top, "the decoder's first state")
    with torch.no_grad():
        context, one = model.attention(top[None], memory[None])
    close(got["one"]["weights"], one, "attention")
    close(got["one"]["context"], context, "context")
    until = got["out"]["ids"].index(got["out"]["ids"][2]) + 1
    assert got["half"]["ids"] == got["out"]["ids"][:until], "it stops at the end"
    assert len(got["half"]["weights"]) == until * S


# ---------- text ----------
def test_the_vocabulary_is_rnnlibs(page):
    text = "so was it, und es war 好 好的 so"
    got = ask(
        page,
        """
        const v = E.vocabulary(a.text);
        return [v.letters, v.encode(a.text + "?"), v.size, v.decode(v.encode("so 好"))];
        """,
        text=text,
    )
    vocab = Vocab(list(text))
    assert got[0][1:] == vocab.idx_to_token[1:] and got[1] == vocab[list(text + "?")]
    assert got[2] == len(vocab) and got[3] == "so 好"
    assert ask(page, "return E.vocabulary(a.text, 2).letters.length;", text=text) == 3


@pytest.mark.parametrize("interpolation", [None, 0.4])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_n_gram_baseline_is_rnnlibs(page, order, interpolation):
    corpus, vocab = corpus_of(1200)
    train, held = corpus[:900], corpus[900:]
    got = ask(
        page,
        """
        const m = E.ngram(Int32Array.from(a.train), a.order, a.V, a.interpolation);
        return { l: m.interpolation, perplexity: m.perplexity(Int32Array.from(a.held)),
          p: a.contexts.map(([id, context]) => m.probability(id, context)) };
        """,
        **{"train": train, "held": held, "order": order, "V": len(vocab), "interpolation": interpolation},
        contexts=[(train[i], train[max(0, i - 5) : i]) for i in range(30)],
    )
    model = NGramModel(train, order, len(vocab), interpolation)
    assert got["l"] == model.interpolation
    assert got["perplexity"] == pytest.approx(model.perplexity(held), rel=1e-12)
    for i, p in enumerate(got["p"]):
        assert p == pytest.approx(model.probability(train[i], tuple(train[max(0, i - 5) : i])), rel=1e-12)


# ---------- worker, module, errors ----------
def test_its_own_text_starts_a_worker_on_a_page_from_a_folder(browser, tmp_path):
    """A page opened by double click: the worker trains just as the page does."""
    (tmp_path / "engine.js").write_text(ENGINE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "page.html").write_text("<!doctype html><script src=engine.js></script>", encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    work = """(E) => {
      const train = Int32Array.from({ length: 400 }, (_, i) => (i * i) % 7);
      const t = E.trainer({ kind: "lstm", V: 7, H: 5, B: 4, T: 6, train });
      for (let i = 0; i < 9; i++) t.step();
      return [Object.keys(E).join(), t.loss];
    }"""
    there, here = page.evaluate(
        f"""() => new Promise((done, no) => {{
          const work = {work};
          const text = `"use strict"; const E = ${{RNNEngine.source}}; postMessage((${{work}})(E));`;
          const worker = new Worker(URL.createObjectURL(new Blob([text], {{ type: "text/javascript" }})));
          worker.onmessage = (event) => done([event.data, work(RNNEngine)]);
          worker.onerror = (event) => no(new Error(event.message));
        }})"""
    )
    context.close()
    assert there == here and "source" in here[0]


def test_it_is_one_classic_script_that_asks_for_nothing(page):
    text = ENGINE.read_text(encoding="utf-8")
    for word in ("import ", "fetch(", "eval(", "new Function", "XMLHttpRequest", "document.", "window."):
        assert word not in text, word
    assert max(map(len, text.splitlines())) <= 110
    assert ask(page, "return Object.keys(globalThis).filter((name) => /engine/i.test(name));") == [
        "RNNEngine"
    ]


BAD = {
    "kind": ("E.create({ kind: 'gsu', V: 3, H: 2 })", "gsu", "rnn, gru, lstm"),
    "form": ("E.create({ kind: 'gru', form: 'tanh', V: 3, H: 2 })", "tanh", "after, before"),
    "size": ("E.create({ kind: 'gru', V: 3, H: 2.5 })", "2.5", "whole number"),
    "layers": ("E.create({ kind: 'gru', V: 3, H: 2, L: 0 })", "L=0", "above 0"),
    "directions": ("E.create({ kind: 'gru', V: 3, H: 2, directions: 3 })", "3", "1 or 2"),
    "embedding": ("E.create({ kind: 'gru', V: 3, H: 2, embedding: -1 })", "-1", "whole number"),
    "length": (
        "E.load({ ...g, weights: { ...g.weights, 'linear.bias': [1, 2] } })",
        "has 2 numbers",
        "[3] = 3",
    ),
    "missing": ("E.load({ ...g, weights: {} })", "rnn.weight_ih_l0", "missing"),
    "extra": ("E.load({ ...g, weights: { ...g.weights, b: [1] } })", '"b"', "linear.bias"),
    "index": ("E.read(g, [0, 3])", "1 is 3", "0 to 2"),
    "negative": ("E.read(g, [0, -1])", "-1", "0 to 2"),
    "no number": ("E.read(g, [undefined])", "undefined", "0 to 2"),
    "empty": ("E.read(g, [])", "empty", "at least one"),
    "step": ("E.step(g, E.blank(g), 7, E.blank(g))", "x=7", "0 to 2"),
    "step both": ("E.step(two, E.blank(two), 1, E.blank(two))", "two directions", "read"),
    "gate": ("E.read(g, [1], { F: 1 })", '"F"', "R, Z"),
    "gate values": ("E.read(g, [1], { R: [1, 2, 3] })", "3", "H=2"),
    "minibatch": ("const w = E.workspace(g, 1, 2); w.X[1] = 9; E.forward(g, w)", "is 9", "0 to 2"),
    "label": ("const w = E.workspace(g, 1, 2); w.Y[1] = 5; E.forward(g, w)", "is 5", "0 to 2"),
    "steps": ("E.forward(g, E.workspace(g, 1, 2), { steps: 3 })", "steps=3", "T=2"),
    "workspace": ("E.workspace(g, 0, 2)", "B=0", "above 0"),
    "no forward": ("E.backward(g, E.workspace(g, 1, 2))", "backward", "forward first"),
    "state": ("E.begin(E.workspace(g, 1, 2), { h: new Float32Array(5) })", "5", "2 are expected"),
    "optimizer": ("E.optimizer(g, 'adagrad')", "adagrad", "sgd or adam"),
    "short text": ("E.trainer({ kind: 'rnn', V: 3, H: 2, train: [0, 1], B: 4, T: 8 })", "has 2", "33"),
    "text index": (
        "E.trainer({ kind: 'rnn', V: 3, H: 2, train: Array(40).fill(3), B: 2, T: 8 })",
        "3",
        "0 to 2",
    ),
    "labels": (
        "E.trainer({ kind: 'rnn', V: 3, H: 2, train: Array(40).fill(1), labels: [1], B: 2, T: 8 })",
        "1 came",
        "40",
    ),
    "temperature": ("E.sample(g, [1], 3, { temperature: -1 })", "-1", "0 (greedy) or more"),
    "banned": ("E.sample(g, [1], 3, { banned: [0, 1, 2] })", "banned", "not numbers"),
    "prefix": ("E.sample(g, [], 3)", "empty", "at least one"),
    "beam": ("E.beam(g, [1], 3, 0)", "width=0", "above 0"),
    "ngram": ("E.ngram([0, 1], 0, 2)", "order=0", "above 0"),
    "ngram index": ("E.ngram([0, 5], 1, 2)", "is 5", "0 to 1"),
    "ngram share": ("E.ngram([0, 1], 1, 2, 1)", "interpolation=1", "not including 1"),
    "source": ("E.loadPair({ kind: 'gru', V: 3, H: 2, embedding: 2 })", "source=undefined", "above 0"),
    "pair of one-hots": ("E.loadPair({ kind: 'gru', V: 3, H: 2, source: 2 })", "embedding=0", "length"),
    "attention": (
        "E.loadPair({ kind: 'gru', V: 3, H: 2, embedding: 2, source: 2, attention: 'additive' })",
        "additive",
        '"dot"',
    ),
    "pair of one way": ("E.loadPair({ ...a.pair, directions: 2 })", "l0_reverse", "missing"),
    "pair lacks": (
        "E.unpackPair({ kind: 'gru', V: 3, H: 2, embedding: 2, source: 2 }, new ArrayBuffer(8))",
        "source.weight",
        "lacks",
    ),
    "empty source": ("E.translate(pair, [], 3, 0)", "empty", "at least one"),
    "source index": ("E.translate(pair, [9], 3, 0)", "is 9", "0 to"),
    "most": ("E.translate(pair, [1], 0, 0)", "most=0", "above 0"),
    "pack": ("E.unpack({ ...g, arrays: {} }, new ArrayBuffer(8))", "rnn.weight_ih_l0", "lacks"),
    "short pack": ("const p = E.pack(g); E.unpack(p.meta, p.bytes.slice(0, 40))", "40 bytes", "numbers"),
    "other shape": (
        "const p = E.pack(g); E.unpack({ ...p.meta, V: 4, outputs: 3 }, p.bytes)",
        "[6,3]",
        "[6,4]",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_and_so_is_what_was_expected(page, case):
    code, came, expected = BAD[case]
    setup = "const g = E.create({ kind: 'gru', V: 3, H: 2 }), two = E.create({ ...g, directions: 2 });"
    setup += "const pair = E.loadPair(a.pair);"
    got = ask(page, f"{setup} return thrown(() => {{ {code}; }});", pair=make_pair("gru", 1)[1])
    assert got is not None, "nothing was thrown"
    assert got[0] == "Error" and came in got[1] and expected in got[1], got
