"""Sequence to sequence: parity with a loop, padding without influence, a task that is learnt."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from rnnlib import ExampleLoader, generate_tokens, set_seed, train
from rnnlib.data.numerals import numeral_pairs, numeral_vocab, sample_numbers
from rnnlib.generation import beam_search_tokens
from rnnlib.models.seq2seq import EncoderDecoder, Reading
from rnnlib.states import map_state, select_rows

U, V, H, E, B, S, T = 6, 5, 4, 3, 3, 7, 5
LENGTHS = torch.tensor([7, 2, 4])
LAYERS = ("rnn", "lstm", "gru")
KINDS = [(layer, attention) for layer in LAYERS for attention in (None, "additive", "dot")]


def build(layer="gru", attention=None, **options):
    torch.manual_seed(2)
    return EncoderDecoder(U, V, H, layer=layer, attention=attention, embedding_size=E, **options).double()


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(U, (B, S), generator=generator)
    return source, torch.randint(V, (B, T), generator=generator)


def hidden_of(state):
    return state.hidden if isinstance(state, Reading) else state


def first_of(state):
    return state[0] if isinstance(state, tuple) else state


def row_by_row(model, source, Y, lengths):
    """The same from cells and sums: each row alone, without padding, each step alone."""
    logits, weights = [], []
    for tokens, target, length in zip(source, Y, lengths):
        memory, state = model.encoder(model.source(tokens[None, :length]))
        read, rows, shares = torch.tensor([[V, *target[:-1].tolist()]]), [], []
        for t in range(len(target)):
            h, state = model.decoder(model.target(read[:, t : t + 1]), state)
            if model.attention is not None:
                q = model.attention.W_q(h[0, 0])
                keys = model.attention.W_k(memory[0])
                if hasattr(model.attention, "w"):
                    scores = torch.stack([model.attention.w(torch.tanh(q + k))[0] for k in keys])
                else:
                    scores = torch.stack([q @ k for k in keys]) / H**0.5
                share = torch.softmax(scores, dim=0)
                shares.append(share)
                context = share @ memory[0]
                h = torch.tanh(model.merge(torch.cat([context, h[0, 0]])))[None, None]
            rows.append(model.output(h)[0, 0])
        logits.append(torch.stack(rows))
        weights.append(shares)
    return torch.stack(logits), weights


@pytest.mark.parametrize(("layer", "attention"), KINDS)
@pytest.mark.parametrize("L", [1, 2])
def test_a_batch_is_what_its_rows_are_alone(layer, attention, L):
    model, (source, Y) = build(layer, attention, num_layers=L), batch()
    logits, _ = model(model.shifted(Y), source=source, lengths=LENGTHS)
    wanted, weights = row_by_row(model, source, Y, LENGTHS)
    assert logits.shape == (B, T, V)
    assert_close(logits, wanted, rtol=0, atol=1e-12)
    if attention:
        found = model.alignment(model.shifted(Y), source, LENGTHS)
        for row, length in enumerate(LENGTHS):
            assert_close(found[row, :, :length], torch.stack(weights[row]), rtol=0, atol=1e-12)
            assert not found[row, :, length:].any()


@pytest.mark.parametrize(("layer", "attention"), KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_has_no_influence(layer, attention, bidirectional):
    model, (source, Y) = build(layer, attention, bidirectional=bidirectional, num_layers=2), batch()
    padding = torch.arange(S) >= LENGTHS[:, None]
    results = []
    for fill in (0, U - 1):
        filled = source.masked_fill(padding, fill)
        model.zero_grad()
        logits, _ = model(model.shifted(Y), source=filled, lengths=LENGTHS)
        logits.square().sum().backward()
        results.append([logits.detach(), *(p.grad.clone() for p in model.parameters())])
    for one, other in zip(*results):
        assert torch.equal(one, other)
    assert all(gradient.any() for gradient in results[0][1:])


@pytest.mark.parametrize(("layer", "attention"), KINDS)
def test_step_by_step_is_all_at_once(layer, attention):
    model, (source, Y) = build(layer, attention), batch()
    whole, end = model(model.shifted(Y), source=source, lengths=LENGTHS)
    _, state = model.begin(source, LENGTHS)
    pieces = []
    for read in model.shifted(Y).split(2, dim=1):
        logits, state = model(read, state)
        pieces.append(logits)
    assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-12)
    assert_close(hidden_of(state), hidden_of(end), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("layer", "attention"), KINDS)
def test_no_token_sees_itself_or_what_follows(layer, attention):
    model, (source, Y) = build(layer, attention), batch()
    logits, _ = model(model.shifted(Y), source=source)
    for t in range(T):
        changed = Y.clone()
        changed[:, t:] = (Y[:, t:] + 1) % V
        others, _ = model(model.shifted(changed), source=source)
        assert torch.equal(others[:, : t + 1], logits[:, : t + 1])
        assert t == T - 1 or not torch.equal(others[:, t + 1], logits[:, t + 1])


@pytest.mark.parametrize(("layer", "attention"), KINDS)
def test_every_source_token_reaches_every_answer(layer, attention):
    model, (source, Y) = build(layer, attention), batch()
    model.source.weight.requires_grad_(False)
    vectors = model.source(source).requires_grad_()
    model.source.forward = lambda _: vectors
    logits, _ = model(model.shifted(Y), source=source, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        (gradient,) = torch.autograd.grad(logits[row, 0].square().sum(), vectors, retain_graph=True)
        reached = gradient.abs().sum(-1) > 0
        assert reached[row, :length].all() and reached.sum() == length


@pytest.mark.parametrize("layer", LAYERS)
def test_the_decoder_begins_with_the_encoders_last_state(layer):
    model, (source, _) = build(layer, num_layers=2), batch()
    first, state = model.begin(source, LENGTHS)
    assert torch.equal(first, torch.full((B, 1), V))
    for row, length in enumerate(LENGTHS):
        _, alone = model.encoder(model.source(source[row : row + 1, :length]))
        assert_close(first_of(state)[:, row], first_of(alone)[:, 0], rtol=0, atol=1e-12)


def test_both_directions_meet_in_the_bridge():
    model, (source, _) = build("lstm", "dot", bidirectional=True, num_layers=2), batch()
    _, state = model.begin(source)
    _, parts = model.encoder(model.source(source))
    for found, part in zip(state.hidden, parts):
        for layer in range(2):
            both = torch.cat([part[2 * layer], part[2 * layer + 1]], dim=-1)
            assert_close(found[layer], torch.tanh(model.bridge(both)), rtol=0, atol=1e-12)
    assert state.memory.shape == (S, B, 2 * H)


@pytest.mark.parametrize(("layer", "attention"), KINDS)
def test_rows_can_be_chosen_from_a_state(layer, attention):
    model, (source, _) = build(layer, attention), batch()
    _, state = model.begin(source, LENGTHS)
    rows = torch.tensor([2, 0, 0])
    _, wanted = model.begin(source[rows], LENGTHS[rows])
    flat = []
    for some in (select_rows(state, rows), wanted):
        parts = []
        map_state(lambda part, parts=parts: parts.append(part) or part, some)
        flat.append(parts)
    for one, other in zip(*flat):
        assert_close(one, other)


@pytest.mark.parametrize(("layer", "attention"), KINDS)
def test_greedy_writing_takes_the_largest_logit_again_and_again(layer, attention):
    model, (source, _) = build(layer, attention), batch()
    first, state = model.begin(source, LENGTHS)
    found = generate_tokens(model, first, 6, state=state)
    read = first
    with torch.no_grad():
        for _ in range(6):
            logits, _ = model(read, source=source, lengths=LENGTHS)
            read = torch.cat([read, logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(found, read[:, 1:])


def test_padding_of_the_target_is_read_as_a_token():
    model = build()
    Y = torch.tensor([[3, 1, -100, -100]])
    assert model.shifted(Y).tolist() == [[V, 3, 1, 0]]


def test_the_dropout_is_that_of_training_alone():
    model, (source, Y) = build("gru", "dot", dropout=0.5), batch()
    read = model.shifted(Y)
    assert not torch.equal(model(read, source=source)[0], model(read, source=source)[0])
    model.eval()
    assert torch.equal(model(read, source=source)[0], model(read, source=source)[0])


BAD = {
    "neither": (lambda m, s, Y: m(Y), "either the state"),
    "both": (lambda m, s, Y: m(Y, m.begin(s)[1], s), "either the state"),
    "a source of numbers": (lambda m, s, Y: m(Y, source=s.double()), "whole-number token indices"),
    "a source without rows": (lambda m, s, Y: m.begin(s[:0]), "at least one row"),
    "other rows": (lambda m, s, Y: m(Y, source=s[:2]), "batch_size=3"),
    "lengths too long": (lambda m, s, Y: m(Y, source=s, lengths=LENGTHS + 1), "between 1 and 7"),
    "a state of another kind": (lambda m, s, Y: m(Y, torch.zeros(1, B, H)), "use the one that this model"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(case):
    call, match = BAD[case]
    with pytest.raises(ValueError, match=match):
        call(build("gru", "dot"), *batch())


def test_a_state_of_attention_is_refused_without_it():
    with_it, without, (source, Y) = build(attention="dot"), build(), batch()
    with pytest.raises(ValueError, match="the state is a Reading"):
        without(Y, with_it.begin(source)[1])
    with pytest.raises(ValueError, match="has no attention"):
        without.alignment(Y, source)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"layer": "transformer"}, "one of"),
        ({"attention": "hard"}, "'additive', 'dot'"),
        ({"num_layers": 0}, "num_layers"),
        ({"embedding_size": 0}, "embedding_size"),
    ],
)
def test_arguments_that_are_not_known_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        EncoderDecoder(U, V, H, **arguments)


@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_short_numbers_are_learnt_and_held_out_ones_translated(attention):
    """And the weights of attention find the words: below a hundred, digits and words stand in order."""
    test = sample_numbers(100, 3, seed=5, least_digits=3)
    learnt = sample_numbers(700, 3, seed=6, least_digits=3, but=test)
    pairs, held_out = (numeral_pairs(numbers, "en", "zh") for numbers in (learnt, test))
    set_seed(0)
    model = EncoderDecoder(len(numeral_vocab("en")), len(numeral_vocab("zh")), 48, attention=attention)
    examples = ExampleLoader((model.shifted(pairs.Y), None, pairs.X, pairs.lengths), pairs.Y)
    train(model, examples, 12, 5e-3, optimizer="adam", progress=False)
    first, state = model.begin(held_out.X, held_out.lengths)
    written = generate_tokens(model, first, held_out.Y.shape[1], state=state)
    exact = ((written == held_out.Y) | (held_out.Y == -100)).all(dim=1).double().mean()
    assert exact > 0.9


def test_layers_are_torchs_own():
    model = build("lstm", "additive", num_layers=2)
    assert type(model.encoder) is type(model.decoder) is nn.LSTM
    assert model.encoder.num_layers == model.decoder.num_layers == 2


def every_text(model, source, length, end):
    """All texts of at most so many tokens that stop behind an end, with their log-probabilities."""
    first, state = model.begin(source)
    texts = {}
    for text in itertools.product(range(V), repeat=length):
        cut = text.index(end) + 1 if end in text else length
        read = torch.cat([first, torch.tensor([text[: cut - 1]], dtype=torch.int64)], dim=1)
        logits, _ = model(read, state)
        chosen = torch.log_softmax(logits[0], dim=-1)[torch.arange(cut), list(text[:cut])]
        texts[text[:cut]] = float(chosen.sum())
    return texts


@pytest.mark.parametrize(("layer", "attention"), [("gru", None), ("lstm", "dot"), ("rnn", "additive")])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_as_wide_as_all_texts_finds_the_best_of_them(layer, attention, seed):
    model = build(layer, attention)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    source = batch(seed)[0][:1]
    first, state = model.begin(source)
    with torch.no_grad():
        texts = every_text(model, source, 4, end=1)
    best = max(texts, key=texts.get)
    found, score = beam_search_tokens(model, first, 4, state=state, beam_width=V**4, end=1)
    assert tuple(found.tolist()) == best
    assert score == pytest.approx(texts[best], abs=1e-5)
    for width in (1, 2, 3):
        found, score = beam_search_tokens(model, first, 4, state=state, beam_width=width, end=1)
        assert score == pytest.approx(texts[tuple(found.tolist())], abs=1e-5) and score <= texts[best] + 1e-5


@pytest.mark.parametrize(("layer", "attention"), KINDS)
def test_a_beam_of_one_is_greedy_and_stops_at_the_end(layer, attention):
    model, (source, _) = build(layer, attention), batch()
    for row in range(B):
        first, state = model.begin(source[row : row + 1])
        greedy = generate_tokens(model, first, 8, state=state)[0].tolist()
        for end in (None, *range(V)):
            found, _ = beam_search_tokens(model, first, 8, state=state, beam_width=1, end=end)
            assert found.tolist() == greedy[: greedy.index(end) + 1 if end in greedy else 8]


def test_beam_search_of_tokens_refuses_what_it_cannot_do():
    model, (source, _) = build(), batch()
    first, state = model.begin(source)
    with pytest.raises(ValueError, match="X has 3 rows"):
        beam_search_tokens(model, first, 3, state=state)
    first, state = model.begin(source[:1])
    for end in (-1, V):
        with pytest.raises(ValueError, match=f"end={end} must be an index from 0 to 4"):
            beam_search_tokens(model, first, 3, state=state, end=end)
    with pytest.raises(ValueError, match="beam_width"):
        beam_search_tokens(model, first, 3, state=state, beam_width=0)
