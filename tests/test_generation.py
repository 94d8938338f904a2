"""Writing on from a prefix: greedy search, sampling, beams, each against an independent computation."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from rnnlib.generation.decoding import beam_search, generate, sample_token
from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch, get_params
from rnnlib.data.text import Vocab

KINDS = ["scratch", "rnn", "gru", "lstm", "batch_first", "embedding", "deep"]


def make(kind, vocab, H=8, seed=1):
    """An untrained model with opinions: weights large enough that the tokens differ."""
    V = len(vocab)
    torch.manual_seed(seed)
    if kind == "scratch":
        return RNNModelScratch(V, H, get_params=lambda V, H, device: get_params(V, H, device, std=1.0))
    layer = {
        "rnn": lambda: nn.RNN(V, H),
        "gru": lambda: nn.GRU(V, H),
        "lstm": lambda: nn.LSTM(V, H),
        "batch_first": lambda: nn.LSTM(V, H, batch_first=True),
        "embedding": lambda: nn.GRU(5, H),
        "deep": lambda: nn.LSTM(V, H, 2, dropout=0.9),
    }[kind]()
    model = RNNModel(layer, V, embedding=kind == "embedding")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


@torch.no_grad()
def log_probs(model, indices):
    """log P of every next token after all of ``indices``, read from the start; <unk> has no share."""
    if isinstance(model, nn.Module):
        model.eval()
    logits, _ = model(torch.tensor([indices]), model.begin_state(1))
    logits = logits[-1].double()
    logits[0] = -math.inf
    return logits.log_softmax(0)


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_equals_a_loop_by_hand(kind, vocab):
    model = make(kind, vocab)
    expected = vocab[list("time")]
    for _ in range(30):
        expected.append(int(log_probs(model, expected).argmax()))
    assert generate(model, "time", 30, vocab) == "".join(vocab.to_tokens(expected))


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_is_top_1_at_any_temperature_and_a_beam_of_one(kind, vocab):
    model = make(kind, vocab)
    greedy = generate(model, "time", 20, vocab)
    assert generate(model, "time", 20, vocab, temperature=3.0, top_k=1, seed=9) == greedy
    assert generate(model, "time", 20, vocab, temperature=1e-40, seed=9) == greedy
    assert beam_search(model, "time", 20, vocab, beam_width=1)[0] == greedy


def test_sampling_is_seeded(vocab):
    model = make("gru", vocab)

    def write(**options):
        return generate(model, "time", 40, vocab, temperature=1.0, **options)

    state = torch.get_rng_state()
    assert write(seed=1) == write(seed=1) != write(seed=2)
    assert write(seed=1).startswith("time") and len(write(seed=1)) == 44
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is left alone


@pytest.mark.parametrize(
    ("temperature", "top_k"), [(1.0, None), (0.5, None), (2.0, None), (1.0, 3), (0.7, 2)]
)
def test_sample_token_follows_the_distribution(temperature, top_k):
    logits = torch.tensor([2.0, 0.5, -1.0, 1.0, 0.0])
    n = 20_000
    draws = sample_token(logits.expand(n, 5), temperature, top_k, torch.Generator().manual_seed(0))
    weights = (logits.double() / temperature).exp()
    if top_k is not None:
        weights[torch.argsort(-logits)[top_k:]] = 0
    expected = weights / weights.sum() * n
    counts = torch.bincount(draws, minlength=5)
    possible = expected > 0
    assert not counts[~possible].any()
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert chi_square < 25  # 4 degrees of freedom: exceeded by chance once in 20,000


def test_sample_token_rows_are_independent_and_shapes_hold():
    logits = torch.tensor([[0.0, 9.0, 0.0], [9.0, 0.0, 0.0]])
    assert sample_token(logits, 0).tolist() == [1, 0]
    assert sample_token(logits, 1.0, 1).tolist() == [1, 0]
    assert sample_token(logits, 1e-30).tolist() == [1, 0]
    assert sample_token(logits, 1.0).dtype == torch.int64


def test_top_k_keeps_exactly_k_of_equal_logits():
    tied = torch.zeros(2000, 6)
    generator = torch.Generator().manual_seed(0)
    assert set(sample_token(tied, 1.0, 2, generator).tolist()) == {0, 1}
    assert set(sample_token(tied, 1.0, 1, generator).tolist()) == {0} == set(sample_token(tied, 0).tolist())
    assert set(sample_token(tied, 1.0, 99, generator).tolist()) == set(range(6))
    mixed = torch.tensor([1.0, 3.0, 2.0, 2.0]).expand(2000, 4)
    assert set(sample_token(mixed, 1.0, 2, generator).tolist()) == {1, 2}


@pytest.mark.parametrize("temperature", [-0.1, math.nan, math.inf])
def test_sample_token_refuses_temperature(temperature):
    with pytest.raises(ValueError, match="temperature=.* must be a finite number of at least 0"):
        sample_token(torch.zeros(1, 3), temperature)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True])
def test_counts_out_of_range(bad, vocab):
    model = make("rnn", vocab)
    with pytest.raises(ValueError, match="top_k=.* must be an integer of at least 1"):
        generate(model, "time", 3, vocab, temperature=1.0, top_k=bad)
    with pytest.raises(ValueError, match="num_tokens=.* must be an integer of at least 1"):
        generate(model, "time", bad, vocab)
    with pytest.raises(ValueError, match="num_tokens=.* must be an integer of at least 1"):
        beam_search(model, "time", bad, vocab)
    with pytest.raises(ValueError, match="beam_width=.* must be an integer of at least 1"):
        beam_search(model, "time", 3, vocab, beam_width=bad)


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
    nothing = Vocab()
    with pytest.raises(ValueError, match="nothing but <unk>"):
        generate(make("rnn", nothing), "", 1, nothing)


def test_the_first_two_drawn_tokens_are_independent():
    """Both come from one stream; drawn from two streams of one seed they would go together."""
    vocab = Vocab(list("abcdefgh"))
    model = RNNModelScratch(len(vocab), 2)
    for parameter in model.params:
        parameter.detach().zero_()
    pairs = [generate(model, "", 2, vocab, temperature=1.0, seed=seed) for seed in range(300)]
    assert sum(a == b for a, b in pairs) == pytest.approx(300 / 8, abs=25)
    assert len(set(pairs)) > 50  # of 64


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
        with pytest.raises(ValueError, match="unknown='skip' is not known; use 'error' or 'replace'"):
            write(model, "time", 3, vocab, unknown="skip")
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


@pytest.mark.parametrize("kind", ["scratch", "gru", "lstm"])
@pytest.mark.parametrize("beam_width", [1, 3, 10])
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

    class Trap:
        vocab_size = 5

        def parameters(self):
            return [torch.zeros(1)]

        def begin_state(self, batch_size, device=None):
            return (torch.zeros(batch_size, 1),)

        def __call__(self, X, state):
            logits = torch.zeros(X.shape[0], 5)
            logits[X[:, -1] == vocab["d"]] = torch.tensor([0.0, 1.0, 0.9, 0.0, 0.0])
            logits[X[:, -1] == vocab["b"]] = torch.tensor([0.0, 0.0, 0.0, 9.0, 0.0])
            return logits, state

    assert generate(Trap(), "d", 2, vocab)[1] == "a"
    assert beam_search(Trap(), "d", 2, vocab, beam_width=2)[0] == "dbc"


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


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_generation_on_a_gpu(kind, vocab):
    on_cpu = make(kind, vocab)
    on_gpu = make(kind, vocab).cuda()
    assert generate(on_gpu, "time", 10, vocab) == generate(on_cpu, "time", 10, vocab)
    assert beam_search(on_gpu, "time", 5, vocab)[0] == beam_search(on_cpu, "time", 5, vocab)[0]
    text = generate(on_gpu, "", 20, vocab, temperature=1.0, seed=3)
    assert text == generate(on_gpu, "", 20, vocab, temperature=1.0, seed=3)
