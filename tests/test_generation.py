"""Continuing a prefix: greedy search, sampling, beams, each against an independent computation."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from rnnlib.data.text import Vocab
from rnnlib.generation import beam_search, generate, generate_tokens
from rnnlib.models import CausalAttentionModel, ConditionalGenerator, RNNModel
from rnnlib.scratch import RNNModelScratch, get_params
from rnnlib.scratch import layers as scratch_layers

KINDS = ["scratch", "rnn", "gru", "lstm", "batch_first", "embedding", "deep", "scratch layer", "attention"]


def make(kind, vocab, H=8, seed=1):
    """An untrained model with opinions: weights large enough that the tokens differ."""
    V = len(vocab)
    torch.manual_seed(seed)
    if kind == "scratch":
        return RNNModelScratch(V, H, get_params=lambda V, H, device: get_params(V, H, device, std=1.0))
    if kind == "attention":
        return CausalAttentionModel(V, 16, num_layers=1, dropout=0.5)
    layer = {
        "rnn": lambda: nn.RNN(V, H),
        "gru": lambda: nn.GRU(V, H),
        "lstm": lambda: nn.LSTM(V, H),
        "batch_first": lambda: nn.LSTM(V, H, batch_first=True),
        "embedding": lambda: nn.GRU(5, H),
        "deep": lambda: nn.LSTM(V, H, 2, dropout=0.9),
        "scratch layer": lambda: scratch_layers.LSTM(V, H, num_layers=2, dropout=0.9),
    }[kind]()
    model = RNNModel(layer, V, embedding=kind == "embedding")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20 if model.rnn.num_layers > 1 else 4)
    return model


class Fixed:
    """A language model that gives the same logits (V,) after everything, as a view of one tensor."""

    def __init__(self, logits):
        self.logits = nn.Parameter(torch.as_tensor(logits))
        self.vocab_size = len(self.logits)

    def parameters(self):
        return [self.logits]

    def __call__(self, X, state=None):
        return self.logits.expand(*X.shape, -1), (torch.zeros(len(X), 1),)


@torch.no_grad()
def log_probs(model, indices):
    """log P of every next token after all of ``indices``, read from the start; <unk> has no share."""
    if isinstance(model, nn.Module):
        model.eval()
    logits, _ = model(torch.tensor([indices]))
    logits = logits[0, -1].double()
    logits[0] = -math.inf
    return logits.log_softmax(0)


@torch.no_grad()
def slowly(model, X, num_tokens, temperature=0.0, top_k=None, seed=0, banned=(), **begin):
    """(B, num_tokens): everything is read from the start again for each token, without a state."""
    if isinstance(model, nn.Module):
        model.eval()
    generator, text = torch.Generator().manual_seed(seed), X
    for _ in range(num_tokens):
        logits = model(text, **begin)[0][:, -1].clone()
        logits[:, list(banned)] = -math.inf
        if temperature == 0:
            new = logits.argmax(-1, keepdim=True)
        else:
            if top_k is not None:
                threshold = logits.topk(top_k).values[:, -1:]
                logits[logits < threshold] = -math.inf
            new = torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=generator)
        text = torch.cat([text, new], dim=1)
    return text[:, X.shape[1] :]


# ---------------------------------------------------------------------------------- against a slow loop


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_equals_a_loop_by_hand(kind, vocab):
    model = make(kind, vocab)
    expected = slowly(model, torch.tensor([vocab[list("time")]]), 30, banned=[0])[0]
    assert len(set(expected.tolist())) > 2
    assert generate(model, "time", 30, vocab) == "time" + "".join(vocab.to_tokens(expected))


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.5, None), (1.5, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_sampling_equals_a_loop_by_hand(kind, temperature, top_k, vocab):
    """One draw by torch.multinomial a token, from a generator of its own: the texts of version 0.1."""
    model, options = make(kind, vocab), {"temperature": temperature, "top_k": top_k, "seed": 5}
    expected = slowly(model, torch.tensor([vocab[list("time")]]), 30, banned=[0], **options)[0]
    assert generate(model, "time", 30, vocab, **options) == "time" + "".join(vocab.to_tokens(expected))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "seed": 3, "banned": [0, 4]}])
def test_a_batch_equals_a_loop_by_hand(kind, options, vocab):
    model, X = make(kind, vocab), torch.randint(28, (40, 3))  # more rows than tokens in the vocabulary
    found = generate_tokens(model, X, 12, **options)
    assert found.dtype == torch.int64 and torch.equal(found, slowly(model, X, 12, **options))
    if options:
        assert not {0, 4} & set(found.flatten().tolist())


def test_the_texts_of_version_0_1():
    """Written by version 0.1 with these weights: the same seed gives the same text."""
    vocab = Vocab.from_list(["<unk>", *" abcdefghijklmnopqrstuvwxyz"])
    texts = {
        "scratch": ("time onpppppppppppppppppppppppppppp", "ootnqjmnplmooosclqnpppqsnqnurp"),
        "lstm": ("time ssssssssssssssssssssssssssssss", "o bjbjmssubphbsbhsqjmbssbsbkjp"),
    }
    for kind, (greedy, sampled) in texts.items():
        model = make(kind, vocab)
        with torch.no_grad():
            for k, parameter in enumerate(model.parameters()):
                values = torch.arange(parameter.numel(), dtype=torch.float64)
                parameter.copy_(((values * (k + 2)).sin() * 1.5).view(parameter.shape))
        assert generate(model, "time ", 30, vocab) == greedy
        assert generate(model, "", 30, vocab, temperature=0.9, top_k=20, seed=11) == sampled


@pytest.mark.parametrize("layer", ["rnn", "gru", "lstm"])
def test_about_labels(layer, vocab):
    model = ConditionalGenerator(3, 6, 8, layer=layer, num_layers=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    labels = torch.tensor([2, 0, 2, 1, 1, 1])
    X, state = model.begin(labels)
    for options in ({}, {"temperature": 1.0, "seed": 4}):
        found = generate_tokens(model, X, 9, state=state, **options)
        assert found.shape == (6, 9) and found.max() < 6  # the begin token, 6, is never written
        assert torch.equal(found, slowly(model, X, 9, labels=labels, **options))
    assert len({tuple(row) for row in found.tolist()}) > 4  # rows with one label draw for themselves


@pytest.mark.parametrize("kind", KINDS)
def test_continuing_from_a_state(kind, vocab):
    """A text read in two parts; what the caller handed over is not changed."""
    model, X = make(kind, vocab), torch.randint(28, (3, 9))
    if isinstance(model, nn.Module):
        model.eval()
    with torch.no_grad():
        _, state = model(X[:, :5])
    parts = list(state) if isinstance(state, tuple) else [state]
    copies, X_copy = [part.clone() for part in parts], X.clone()
    found = generate_tokens(model, X[:, 5:], 8, state=state)
    assert torch.equal(found, generate_tokens(model, X, 8))
    assert not torch.equal(found, generate_tokens(model, X[:, 5:], 8))
    assert all(torch.equal(a, b) for a, b in zip(parts, copies)) and torch.equal(X, X_copy)


def test_what_is_written_can_be_trained_on(vocab):
    """No tensors of inference mode come out, which autograd would refuse to save."""
    model = make("embedding", vocab)
    found = generate_tokens(model, torch.ones(2, 1, dtype=torch.int64), 5)
    logits, _ = model(found)
    logits.sum().backward()
    assert model.embedding.weight.grad is not None


class Watched(Fixed):
    def __init__(self, logits):
        super().__init__(logits)
        self.seen = []

    def __call__(self, X, state=None):
        self.seen.append((X.tolist(), state is None))
        return super().__call__(X, state)


def test_the_prefix_is_read_in_one_call(vocab):
    model = Watched(torch.arange(28.0))
    assert generate(model, "tim", 3, vocab) == "tim" + vocab.idx_to_token[27] * 3
    assert model.seen == [([vocab[list("tim")]], True), ([[27]], False), ([[27]], False)]
    model.seen.clear()
    beam_search(model, "tim", 1, vocab)
    assert len(model.seen) == 1


@pytest.mark.parametrize("kind", ["scratch", "lstm"])
def test_a_fast_model_is_called_for_the_prefix_only(kind, vocab, monkeypatch):
    model, calls = make(kind, vocab), []
    name = "__call__" if kind == "scratch" else "forward"
    original = getattr(type(model), name)
    monkeypatch.setattr(
        type(model), name, lambda self, X, *rest: calls.append(X.shape) or original(self, X, *rest)
    )
    generate(model, "time", 20, vocab)
    assert calls == [(1, 4)]


# --------------------------------------------------------------------------------------------- choosing


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_is_top_1_at_any_temperature_and_a_beam_of_one(kind, vocab):
    model = make(kind, vocab)
    greedy = generate(model, "time", 20, vocab)
    assert generate(model, "time", 20, vocab, temperature=3.0, top_k=1, seed=9) == greedy
    assert generate(model, "time", 20, vocab, temperature=1e-40, seed=9) == greedy
    assert generate(model, "time", 20, vocab, top_k=5, seed=9) == greedy  # no effect at temperature 0
    assert beam_search(model, "time", 20, vocab, beam_width=1)[0] == greedy


def test_sampling_is_seeded(vocab):
    model = make("gru", vocab)

    def write(**options):
        return generate(model, "time", 40, vocab, temperature=1.0, **options)

    state = torch.get_rng_state()
    assert write(seed=1) == write(seed=1) != write(seed=2)
    assert write(seed=1).startswith("time") and len(write(seed=1)) == 44
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is left alone
    assert write(seed=2**70) == write(seed=2**70)


def draws(logits, n=20_000, **options):
    """How often each token is drawn from these logits."""
    found = generate_tokens(Fixed(logits), torch.zeros((n, 1), dtype=torch.int64), 1, **options)
    return torch.bincount(found[:, 0], minlength=len(logits))


@pytest.mark.parametrize(
    ("temperature", "top_k", "banned"),
    [(1.0, None, ()), (0.5, None, ()), (2.0, None, [2]), (1.0, 3, ()), (0.7, 2, [0]), (1e39, 2, ())],
)
def test_tokens_follow_the_distribution(temperature, top_k, banned):
    logits = torch.tensor([2.0, 0.5, -1.0, 1.0, 0.0])
    counts = draws(logits, temperature=temperature, top_k=top_k, banned=banned)
    logits[list(banned)] = -math.inf
    weights = (logits.double() / temperature).exp()
    weights[torch.argsort(-logits)[5 if top_k is None else top_k :]] = 0
    expected = weights / weights.sum() * counts.sum()
    possible = expected > 0
    assert not counts[~possible].any()
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert chi_square < 25  # 4 degrees of freedom: exceeded by chance once in 20,000


def test_top_k_keeps_exactly_k_of_equal_logits():
    def possible(logits, **options):
        return set(draws(logits, 2000, **options).nonzero().flatten().tolist())

    assert possible(torch.zeros(6), temperature=1.0, top_k=2) == {0, 1}
    assert possible(torch.zeros(6), temperature=1.0, top_k=1) == {0} == possible(torch.zeros(6))
    assert possible(torch.zeros(6), temperature=1.0, top_k=99) == set(range(6))
    assert possible(torch.zeros(6), temperature=1.0, top_k=2, banned=[0, 2]) == {1, 3}
    assert possible(torch.tensor([1.0, 3.0, 2.0, 2.0]), temperature=1.0, top_k=2) == {1, 2}
    assert possible(torch.tensor([0.0, 9.0, 0.0]), temperature=1e-30) == {1}


def test_logits_in_low_precision_are_sampled_in_float32():
    """Divided by tau in their own precision, these would move by more than 1."""
    logits = torch.tensor([100.0, 100.5, 101.0], dtype=torch.bfloat16)
    expected = torch.softmax(logits.double() / 0.3, 0) * 20_000
    counts = draws(logits, temperature=0.3)
    assert ((counts - expected) ** 2 / expected).sum() < 20


# ------------------------------------------------------------------------------- arguments out of range


@pytest.mark.parametrize("temperature", [-0.1, math.nan, math.inf, "hot", True, None, 1j])
def test_temperature_out_of_range(temperature, vocab):
    with pytest.raises(ValueError, match="temperature=.* must be a finite number, 0 .greedy. or more"):
        generate(make("rnn", vocab), "time", 3, vocab, temperature=temperature)
    with pytest.raises(ValueError, match="temperature=.* must be a finite number"):
        generate_tokens(
            make("rnn", vocab), torch.zeros((1, 1), dtype=torch.int64), 3, temperature=temperature
        )


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, "3", None])
def test_counts_out_of_range(bad, vocab):
    model, X = make("rnn", vocab), torch.zeros((1, 1), dtype=torch.int64)
    with pytest.raises(ValueError, match="num_tokens=.* must be an integer of at least 1"):
        generate(model, "time", bad, vocab)
    with pytest.raises(ValueError, match="num_tokens=.* must be an integer of at least 1"):
        generate_tokens(model, X, bad)
    with pytest.raises(ValueError, match="num_tokens=.* must be an integer of at least 1"):
        beam_search(model, "time", bad, vocab)
    with pytest.raises(ValueError, match="beam_width=.* must be an integer of at least 1"):
        beam_search(model, "time", 3, vocab, beam_width=bad)
    for temperature in (0.0, 1.0):  # a mistake is one even where it has no effect
        if bad is not None:
            with pytest.raises(ValueError, match="top_k=.* must be an integer of at least 1"):
                generate(model, "time", 3, vocab, temperature=temperature, top_k=bad)
    if bad != 0 or isinstance(bad, bool):
        with pytest.raises(ValueError, match="seed=.* must be an integer of at least 0"):
            generate(model, "time", 3, vocab, seed=bad)


def test_numbers_of_numpy_are_welcome(vocab):
    model = make("gru", vocab)
    plain = generate(model, "time", 9, vocab, temperature=0.5, top_k=4, seed=3)
    for real in (np.float64, np.float32):
        options = {"temperature": real(0.5), "top_k": np.int64(4), "seed": np.int32(3)}
        assert generate(model, "time", np.int64(9), vocab, **options) == plain
    X = torch.tensor([vocab[list("time")]])
    assert torch.equal(
        generate_tokens(model, X, np.int64(9), banned=np.array([0])), generate_tokens(model, X, 9, banned=[0])
    )
    wide = beam_search(model, "time", np.int64(4), vocab, beam_width=np.int64(3))
    assert wide == beam_search(model, "time", 4, vocab, beam_width=3)


@pytest.mark.parametrize("temperature", [1e39, 1e300, 10**400, 1e-300])
def test_extreme_temperatures_do_not_overflow(temperature, vocab):
    text = generate(make("lstm", vocab), "time", 60, vocab, temperature=temperature)
    assert len(text) == 64 and (len(set(text)) > 15 or temperature < 1)


@pytest.mark.parametrize(
    ("banned", "message"),
    [
        ([5], r"banned=\[5\] must be indices from 0 to 4"),
        ([0, -1], r"banned=\[-1, 0\] must be"),
        (range(5), "all 5 tokens are banned; there is none to choose"),
    ],
)
def test_bans_out_of_range(banned, message):
    with pytest.raises(ValueError, match=message):
        generate_tokens(Fixed(torch.zeros(5)), torch.zeros((1, 1), dtype=torch.int64), 2, banned=banned)


@pytest.mark.parametrize(
    "X", [torch.zeros(3).long(), torch.zeros(1, 0).long(), torch.zeros(1, 2), torch.zeros(0, 1).long()]
)
def test_what_is_no_batch_of_tokens(X):
    with pytest.raises(ValueError, match=r"whole-number token indices \(B, T\)"):
        generate_tokens(Fixed(torch.zeros(5)), X, 2)


@pytest.mark.parametrize("index", [-1, 28])
@pytest.mark.parametrize("kind", ["scratch", "rnn", "lstm", "embedding"])
def test_an_index_that_is_no_token_is_refused(kind, index, vocab):
    """Not looked up from the other end of a table."""
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        generate_tokens(make(kind, vocab), torch.tensor([[index]]), 3)


def test_logits_of_another_shape(vocab):
    """A model that flattens, as those of d2l do."""
    model = Fixed(torch.zeros(28))
    flat = type(
        "Flat", (Fixed,), {"__call__": lambda self, X, state=None: (torch.zeros(X.numel(), 28), state)}
    )
    for write in (generate, beam_search):
        with pytest.raises(
            ValueError, match=r"logits of shape \(4, 28\) for X of shape \(1, 4\); \(B, T, V\)"
        ):
            write(flat(model.logits), "time", 3, vocab)


# ------------------------------------------------------------------------------- prefix and vocabulary


def test_empty_prefix(vocab):
    model = make("lstm", vocab)
    most_frequent = vocab.token_freqs[0][0]
    assert generate(model, "", 1, vocab) == most_frequent
    assert generate(model, "", 12, vocab) == generate(model, most_frequent, 11, vocab)
    drawn = [generate(model, "", 3, vocab, temperature=1.0, seed=seed) for seed in range(40)]
    assert all(len(text) == 3 for text in drawn) and len({text[0] for text in drawn}) > 5
    assert generate(model, [], 3, vocab, temperature=1.0, seed=7) == drawn[7]
    with pytest.raises(ValueError, match="beam search needs a prefix; got an empty one"):
        beam_search(model, "", 3, vocab)


def test_the_first_token_follows_the_training_frequencies():
    vocab = Vocab(list("aaaaaaab" + "c"), min_freq=1)
    model = make("rnn", vocab)
    first = [generate(model, "", 1, vocab, temperature=1.0, seed=seed) for seed in range(400)]
    assert first.count("a") == pytest.approx(400 * 7 / 9, abs=45)
    without = Vocab.from_list(vocab.idx_to_token)  # no frequencies are known: all alike, <unk> never
    assert {generate(model, "", 1, without, temperature=1.0, seed=s) for s in range(60)} == {"a", "b", "c"}
    rare = Vocab(list("ab"), min_freq=9, reserved_tokens=["<pad>"])  # all that was counted is unknown
    assert generate(make("rnn", rare), "", 1, rare) == "<pad>"


def test_the_first_two_drawn_tokens_are_independent():
    """Both come from one stream; drawn from two streams of one seed they would go together."""
    vocab = Vocab(list("abcdefgh"))
    model = Fixed(torch.zeros(len(vocab)))
    pairs = [generate(model, "", 2, vocab, temperature=1.0, seed=seed) for seed in range(300)]
    assert sum(a == b for a, b in pairs) == pytest.approx(300 / 8, abs=25)
    assert len(set(pairs)) > 50  # of 64


@pytest.mark.parametrize("write", [generate, beam_search])
def test_a_vocabulary_of_nothing_but_unk(write):
    vocab = Vocab()
    with pytest.raises(ValueError, match="no token to choose: this vocabulary holds nothing but <unk>"):
        write(make("rnn", vocab), "ab", 3, vocab, unknown="replace")


def test_unk_alone_may_be_allowed():
    vocab = Vocab()
    options = {"unknown": "replace", "allow_unknown": True}
    assert generate(make("rnn", vocab), "a", 2, vocab, **options) == "a<unk><unk>"
    with pytest.raises(ValueError, match="no token to begin with: this vocabulary holds nothing but <unk>"):
        generate(make("rnn", vocab), "", 1, vocab, **options)


def test_chinese_prefix():
    vocab = Vocab(list("春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"))
    text = generate(make("gru", vocab), "春风", 10, vocab)
    assert text.startswith("春风") and len(text) == 12 and set(text) <= set(vocab.idx_to_token)


def test_prefix_as_words():
    vocab = Vocab(["to", "be", "or", "not", "to", "be"])
    text = generate(make("rnn", vocab), ["to", "be"], 4, vocab, joiner=" ")
    assert text.startswith("to be ") and len(text.split(" ")) == 6
    text, _ = beam_search(make("rnn", vocab), ["to", "be"], 4, vocab, joiner=" ")
    assert text.startswith("to be ") and len(text.split(" ")) == 6


def test_unknown_prefix(vocab):
    model = make("lstm", vocab)
    for write in (generate, beam_search):
        with pytest.raises(
            ValueError, match=r"the prefix holds \['!', 'T'\], which the vocabulary does not know"
        ):
            write(model, "Time!", 3, vocab)
        for prefix in ("Time!", "time"):
            with pytest.raises(ValueError, match="unknown='skip' is not known; use 'error' or 'replace'"):
                write(model, prefix, 3, vocab, unknown="skip")
    text = generate(model, "Time!", 5, vocab, unknown="replace")
    assert text.startswith("Time!")  # the reader's own characters stay in the text
    continued = [0, *vocab[list("ime")], 0]
    for _ in range(5):
        continued.append(int(log_probs(model, continued).argmax()))
    assert text[5:] == "".join(vocab.to_tokens(continued[5:]))


def test_a_vocabulary_that_does_not_fit(vocab):
    model = make("rnn", vocab)
    for write in (generate, beam_search):
        with pytest.raises(ValueError, match=r"built for vocab_size=28, but this vocabulary has 3 tokens"):
            write(model, "a", 3, Vocab(list("ab")))


def test_unk_is_never_generated_unless_allowed(vocab):
    model = make("gru", vocab)
    with torch.no_grad():
        model.linear.bias[0] = 1e4
    for options in (
        {},
        {"temperature": 1.0},
        {"temperature": 5.0, "top_k": 27},
        {"temperature": 5.0, "top_k": 28},
    ):
        assert "<unk>" not in generate(model, "time", 50, vocab, **options)
    assert "<unk>" not in beam_search(model, "time", 20, vocab, beam_width=5)[0]
    assert generate(model, "time", 2, vocab, allow_unknown=True) == "time<unk><unk>"


# ------------------------------------------------------------------------------------------ beam search


@pytest.mark.parametrize("kind", ["scratch", "gru", "lstm", "deep", "attention"])
@pytest.mark.parametrize("beam_width", [1, 3, 40])
def test_beam_score_is_the_log_probability_of_its_text(kind, beam_width, vocab):
    model = make(kind, vocab)
    text, score = beam_search(model, "time", 8, vocab, beam_width=beam_width)
    indices = vocab[list(text)]
    expected = sum(float(log_probs(model, indices[:i])[indices[i]]) for i in range(4, 12))
    assert score == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "seed", "narrow_suffices"),
    [("rnn", 1, True), ("scratch", 29, False), ("lstm", 13, False), ("lstm", 32, False)],
)
def test_a_wide_beam_finds_the_optimum(kind, seed, narrow_suffices):
    vocab = Vocab(list("abc"))
    model = make(kind, vocab, H=4, seed=seed)
    start, n = vocab[list("ab")], 4

    def score(tokens):
        path = [*start, *tokens]
        return sum(float(log_probs(model, path[:i])[path[i]]) for i in range(2, 2 + n))

    best = max(itertools.product(range(1, 4), repeat=n), key=score)
    text, found = beam_search(model, "ab", n, vocab, beam_width=3**n)
    assert text == "ab" + "".join(vocab.to_tokens(best))
    assert found == pytest.approx(score(best), abs=1e-4)
    narrow = beam_search(model, "ab", n, vocab, beam_width=3)[1]  # as wide as the vocabulary
    assert (narrow == pytest.approx(found)) == narrow_suffices and narrow <= found + 1e-5


def test_a_wider_beam_can_beat_greedy_search():
    """a is likelier now, but after b comes c for certain."""
    vocab = Vocab(list("abcd"))

    class Trap(Fixed):
        def __call__(self, X, state=None):
            logits = torch.zeros(*X.shape, 5)
            logits[vocab["d"] == X] = torch.tensor([0.0, 1.0, 0.9, 0.0, 0.0])
            logits[vocab["b"] == X] = torch.tensor([0.0, 0.0, 0.0, 9.0, 0.0])
            return logits, (torch.zeros(len(X), 1),)

    trap = Trap(torch.zeros(5))
    assert generate(trap, "d", 2, vocab)[1] == "a"
    assert beam_search(trap, "d", 2, vocab, beam_width=2)[0] == "dbc"


# ---------------------------------------------------------------------------- what is no number, no text


def write_tokens(model, prefix, num_tokens, vocab, **options):
    """A batch of two rows, of which the second is the prefix."""
    X = torch.tensor([vocab[list("e" * len(prefix))], vocab[list(prefix)]])
    return generate_tokens(model, X, num_tokens, banned=[0], **options)


WRITERS = {
    "greedy": generate,
    "sampled": lambda *args: generate(*args, temperature=1.0),
    "top k": lambda *args: generate(*args, temperature=1.0, top_k=2),
    "batch": write_tokens,
    "sampled batch": lambda *args: write_tokens(*args, temperature=1.0),
    "beam": lambda *args: beam_search(*args, beam_width=3),
    "beam of one": lambda *args: beam_search(*args, beam_width=1),
}


class Broken(Fixed):
    """Harmless logits, until a token has been read: then those that are given."""

    def __init__(self, after, logits):
        super().__init__(torch.arange(28.0) / 28)
        self.after, self.broken = after, torch.as_tensor(logits)

    def __call__(self, X, state=None):
        logits, state = super().__call__(X, state)
        logits = logits.clone()
        logits[self.after == X] = self.broken
        return logits, state


def one(value, index, others=0.0):
    logits = torch.full((28,), others)
    logits[index] = value
    return logits


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "logits",
    [
        one(math.nan, 5),
        one(math.nan, 0),
        one(math.nan, 0, -math.inf),
        one(0.0, 0, -math.inf),
        one(math.inf, 5),
    ],
    ids=["NaN", "NaN of <unk>", "NaN and -inf", "<unk> alone", "infinity"],
)
def test_predictions_that_are_no_numbers(name, logits, vocab):
    """Right after the prefix or for one step in the middle, in one row of several."""
    model = Broken(vocab["t"], logits)
    with pytest.raises(FloatingPointError, match="NaN .* training diverged: .* smaller learning rate"):
        WRITERS[name](model, "oxt", 3, vocab)
    model.after = 27  # the likeliest token, which is read only when it has been chosen
    if "sampled" not in name and name != "top k":
        with pytest.raises(FloatingPointError, match="weights are probably NaN"):
            WRITERS[name](model, "ox", 3, vocab)
    model.after = 28  # never
    WRITERS[name](model, "ox", 3, vocab)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kind", ["scratch", "gru", "deep", "attention"])
def test_a_model_of_nan(kind, name, vocab):
    model = make(kind, vocab)
    with torch.no_grad():
        list(model.parameters())[-1][3] = math.nan  # of the output's biases alone
    with pytest.raises(FloatingPointError, match="load an earlier checkpoint"):
        WRITERS[name](model, "time", 6, vocab)
    if isinstance(model, nn.Module):
        assert model.training


def test_a_wide_beam_does_not_read_unk(vocab):
    assert beam_search(Broken(0, one(math.nan, 5)), "ox", 3, vocab, beam_width=40)[1] > -20


def test_impossible_tokens_are_no_error(vocab):
    """-inf is a probability of 0, as long as another token is left."""
    model = Fixed(one(0.0, 7, -math.inf))
    for name, writer in WRITERS.items():
        text = writer(model, "ox", 2, vocab)
        assert "batch" in name or "ox" + vocab.idx_to_token[7] * 2 in str(text)


class Scalars(TorchDispatchMode):
    """Counts how often a number is fetched from a tensor, which makes a caller wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["scratch", "rnn", "lstm", "embedding", "deep", "attention"])
def test_no_waiting_for_a_gpu_at_every_token(kind, temperature, vocab):
    model, counts = make(kind, vocab), []
    for num_tokens in (2, 20):
        with Scalars() as scalars:
            generate_tokens(model, torch.ones((2, 3)).long(), num_tokens, temperature=temperature, banned=[0])
        counts.append(scalars.count)
    assert counts[0] == counts[1] > 0  # the check at the end


# --------------------------------------------------------------------------- the model is left as it was


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_model_returns_is_not_written_into(name, vocab):
    """Its logits may be a view of a parameter, and it may keep its states."""

    class Keeper(Fixed):
        kept = []

        def __call__(self, X, state=None):
            logits, state = super().__call__(X, state)
            self.kept += [(part, part.clone()) for part in (logits, *state)]
            return logits, state

    model = Keeper(torch.arange(28.0))
    WRITERS[name](model, "ox", 4, vocab)
    assert torch.equal(model.logits.detach(), torch.arange(28.0))
    assert len(model.kept) == 8 and all(torch.equal(part, copy) for part, copy in model.kept)


@pytest.mark.parametrize("write", [generate, beam_search])
def test_the_model_is_left_as_it_was(write, vocab):
    model = make("deep", vocab)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    first = write(model, "time", 10, vocab)
    assert model.training and model.rnn.training
    assert write(model, "time", 10, vocab) == first  # no dropout while writing
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))
    with pytest.raises(ValueError, match="the prefix holds"):
        write(model, "!", 3, vocab)
    assert model.training
    model.eval()
    write(model, "time", 3, vocab)
    assert not model.training


@pytest.mark.parametrize("kind", ["deep", "attention", "scratch layer"])
def test_threads_do_not_disturb_each_other(kind, vocab):
    """Dropout would spoil a text that is written while another thread brings training mode back."""
    model = make(kind, vocab).train()

    def write(seed):
        return generate(model, "time", 12 + seed % 5, vocab, temperature=0.7, seed=seed)

    alone = [write(seed) for seed in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(64))) == alone
    assert all(module.training for module in model.modules())


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["scratch", "rnn", "gru", "lstm", "embedding", "deep"])
def test_generation_on_a_gpu(kind, vocab):
    on_cpu = make(kind, vocab)
    on_gpu = make(kind, vocab)
    if kind == "scratch":
        on_gpu.params = [parameter.detach().cuda() for parameter in on_gpu.params]
    else:
        on_gpu.cuda()
    assert generate(on_gpu, "time", 10, vocab) == generate(on_cpu, "time", 10, vocab)
    assert beam_search(on_gpu, "time", 5, vocab)[0] == beam_search(on_cpu, "time", 5, vocab)[0]
    text = generate(on_gpu, "", 20, vocab, temperature=1.0, seed=3)
    assert text == generate(on_gpu, "", 20, vocab, temperature=1.0, seed=3)
    with torch.no_grad():
        list(on_gpu.parameters())[-1].fill_(math.nan)
    for name, writer in WRITERS.items():
        if "batch" not in name:
            with pytest.raises(FloatingPointError, match="training diverged"):
                writer(on_gpu, "time", 6, vocab)
