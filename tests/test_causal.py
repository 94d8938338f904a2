"""The causal attention model: it sees no future, and reading in parts is reading at once."""

from __future__ import annotations

import pytest
import torch

from rnnlib import CausalAttentionModel, SequenceLoader, Vocab, generate, perplexity, trace_shapes, train

V, B, T = 7, 2, 8


def small(window=16, **options):
    return CausalAttentionModel(V, width=8, num_layers=2, num_heads=2, window=window, **options).double()


@pytest.mark.parametrize("window", [16, 8, 5])
def test_no_token_changes_what_was_predicted_before_it(window):
    model, X = small(window), torch.randint(0, V, (B, T))
    logits = model(X)[0]
    for t in range(T):
        changed = X.clone()
        changed[0, t] = (X[0, t] + 1) % V
        other = model(changed)[0]
        assert torch.equal(other[1], logits[1])  # rows do not mix
        torch.testing.assert_close(other[0, :t], logits[0, :t], rtol=0, atol=1e-14)
        assert (other[0, t] - logits[0, t]).abs().max() > 1e-4  # and the token itself does count
        if t == 0 and window > T:
            assert ((other[0] - logits[0]).abs().amax(dim=-1) > 1e-9).all()  # for all that follow, too


@pytest.mark.parametrize("parts", [[1] * T, [3, 1, 4], [5, 3]])
def test_reading_in_parts_is_reading_at_once(parts):
    model, X = small(window=T), torch.randint(0, V, (B, T))
    whole, (context,) = model(X)
    state, pieces = None, []
    for piece in X.split(parts, dim=1):
        logits, state = model(piece, state)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-12)
    assert torch.equal(state[0], X) and torch.equal(context, X)


def test_what_it_carries_grows_up_to_the_window():
    model, state = small(window=6), None
    X = torch.randint(0, V, (B, 10))
    sizes = []
    for t in range(10):
        _, state = model(X[:, t : t + 1], state)
        sizes.append(state[0].shape)
    assert sizes == [(B, min(t, 6)) for t in range(1, 11)]
    assert torch.equal(state[0], X[:, -6:])
    assert model(X)[1][0].shape == (B, 6)


def test_beyond_the_window_only_the_last_tokens_count():
    model = small(window=6)
    X = torch.randint(0, V, (B, 12))
    other = X.clone()
    other[:, :4] = (X[:, :4] + 1) % V
    one, two = (model(tokens[:, -1:], model(tokens[:, :-1])[1])[0] for tokens in (X, other))
    assert torch.equal(one, two)
    expected = model(X[:, -6:])[0][:, -1:]
    torch.testing.assert_close(one, expected, rtol=0, atol=1e-12)


def test_long_inputs_keep_half_a_window_of_context():
    """Every token of a long input but the first ones sees at least half a window."""
    model, X = small(window=6), torch.randint(0, V, (1, 20))
    logits = model(X)[0][0]
    assert logits.shape == (20, V)
    for t in range(5, 20):
        changed = X.clone()
        changed[0, t - 2] = (X[0, t - 2] + 1) % V
        assert (model(changed)[0][0, t] - logits[t]).abs().max() > 1e-9


def test_order_counts():
    """Of one block without positions only the set of earlier tokens would count."""
    model = CausalAttentionModel(V, width=8, num_layers=1, num_heads=2, window=8).double()
    a, b = (model(torch.tensor([row]))[0][0, -1] for row in ([1, 2, 3], [2, 1, 3]))
    assert (a - b).abs().max() > 1e-6


def test_logits_b_belong_to_row_b_and_the_state_is_a_tuple():
    model, X = small(), torch.randint(0, V, (B, T))
    logits, state = model(X)
    assert logits.shape == (B, T, V) and isinstance(state, tuple) and len(state) == 1
    for b in range(B):
        torch.testing.assert_close(logits[b], model(X[b : b + 1])[0][0], rtol=0, atol=1e-12)
    empty = model.begin_state(B)
    assert empty[0].shape == (B, 0) and empty[0].dtype == torch.int64
    assert torch.equal(model(X, empty)[0], logits)


def test_it_trains_is_measured_and_writes_like_the_others():
    text = "abcd" * 40
    vocab = Vocab(list(text))
    model = CausalAttentionModel(len(vocab), width=16, num_layers=1, num_heads=2, window=8)
    tokens = torch.tensor(vocab[list(text)])
    loader = SequenceLoader(tokens, batch_size=4, num_steps=6)
    history = train(model, loader, 15, lr=0.01, optimizer="adam", valid=tokens, eval_every=15, progress=False)
    assert history.train_ppl[-1] < 1.5 < history.train_ppl[0]
    assert perplexity(model, tokens) < 1.3  # a text far longer than the window
    assert generate(model, "ab", 12, vocab) == "abcdabcdabcdab"
    assert generate(model, "abcd" * 5, 2, vocab) == "abcd" * 5 + "ab"  # a prefix longer than the window
    assert "(B=2, T=3" in str(trace_shapes(model, tokens[:6].view(2, 3)))


def test_dropout_in_training_only():
    model, X = small(dropout=0.5), torch.randint(0, V, (B, T))
    assert not torch.equal(model(X)[0], model(X)[0])
    model.eval()
    assert torch.equal(model(X)[0], model(X)[0])
    plain = small()
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(X)[0], plain(X)[0], rtol=0, atol=1e-12)


def test_errors():
    model, X = small(), torch.randint(0, V, (B, T))
    for bad in (X[0], X[:, :0], X[None]):
        with pytest.raises(ValueError, match=r"whole-number token indices \(B, T\)"):
            model(bad)
    with pytest.raises(ValueError, match=r"shape \(3, 0\), but the input has batch_size=2"):
        model(X, model.begin_state(3))
    for bad in (X, (X, X), (X[0],)):
        with pytest.raises(ValueError, match=r"a tuple of one \(B, P\) tensor"):
            model(X, bad)
    with pytest.raises(ValueError, match="width=9 must be divisible by num_heads=2"):
        CausalAttentionModel(V, width=9, num_heads=2)
    for name in ("vocab_size", "width", "num_layers", "num_heads", "window"):
        with pytest.raises(ValueError, match=f"{name}=0 must be an integer"):
            CausalAttentionModel(**{"vocab_size": V, name: 0})
