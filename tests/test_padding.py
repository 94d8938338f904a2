"""Sequences of different lengths: padding in, the same answers out."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

from rnnlib.data.padding import check_lengths, length_mask, pack, pad
from rnnlib.models import SequenceClassifier, SequenceTagger

NUM_INPUTS, H, K = 3, 4, 2
LENGTHS = [2, 5, 1, 4]


def sequences():
    return [torch.randn(n, NUM_INPUTS, dtype=torch.float64) for n in LENGTHS]


def test_pad_puts_them_side_by_side():
    rows = [torch.tensor([1, 2]), torch.tensor([3]), torch.tensor([4, 5, 6])]
    batch, lengths = pad(rows, value=9)
    assert batch.tolist() == [[1, 2, 9], [3, 9, 9], [4, 5, 6]] and lengths.tolist() == [2, 1, 3]
    assert batch.dtype == lengths.dtype == torch.int64
    batch, lengths = pad(sequences())
    assert batch.shape == (4, 5, NUM_INPUTS) and batch.dtype == torch.float64
    assert not batch[0, 2:].any() and not batch[2, 1:].any()


def test_pad_refuses_what_it_cannot_put_side_by_side():
    with pytest.raises(ValueError, match="each needs at least one step"):
        pad([])
    with pytest.raises(ValueError, match=r"lengths \[2, 0\]; each needs at least one step"):
        pad([torch.ones(2), torch.ones(0)])
    with pytest.raises(ValueError, match="differ in more than their lengths"):
        pad([torch.ones(2, 3), torch.ones(2, 4)])
    with pytest.raises(ValueError, match="differ in more than their lengths: .*float32.*int64"):
        pad([torch.ones(2), torch.ones(2, dtype=torch.int64)])


def test_mask():
    mask = length_mask(torch.tensor([2, 1, 3]), 4)
    assert mask.tolist() == [
        [True, True, False, False],
        [True, False, False, False],
        [True, True, True, False],
    ]


def test_pack_goes_round_in_any_order():
    batch, lengths = pad(sequences())
    again, counts = pad_packed_sequence(pack(batch, lengths), batch_first=True)
    assert torch.equal(again, batch) and torch.equal(counts, lengths)


@pytest.mark.parametrize(
    "bad, message",
    [
        ([2, 5, 0, 4], "lengths run from 0 to 5, .* between 1 and 5"),
        ([2, 6, 1, 4], "lengths run from 1 to 6, .* between 1 and 5"),
        ([2, 5, 1], r"lengths have shape \(3,\) .* each of 4 rows"),
        ([[2, 5, 1, 4]], r"lengths have shape \(1, 4\)"),
        ([2.0, 5.0, 1.0, 4.0], "float32; one whole number"),
    ],
)
def test_lengths_out_of_range(bad, message):
    batch, _ = pad(sequences())
    bad = torch.tensor(bad)
    calls = (
        lambda: check_lengths(bad, 4, 5),
        lambda: pack(batch, bad),
        lambda: SequenceTagger("rnn", NUM_INPUTS, H, K).double()(batch, lengths=bad),
    )
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


def test_lengths_may_be_a_list_or_of_a_smaller_type():
    for given in (LENGTHS, torch.tensor(LENGTHS, dtype=torch.int32)):
        lengths = check_lengths(given, 4, 5)
        assert lengths.tolist() == LENGTHS and lengths.dtype == torch.int64


def models(cls, D, L, **options):
    for layer in ("rnn", "lstm", "gru"):
        model = cls(layer, NUM_INPUTS, H, K, num_layers=L, bidirectional=D == 2, **options)
        yield model.double().eval()


@pytest.mark.parametrize("filling", [0.0, 1e3])
@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("pooling", SequenceClassifier.POOLINGS)
def test_a_padded_batch_gives_what_each_row_alone_gives(pooling, L, D, filling):
    rows = sequences()
    batch, lengths = pad(rows, filling)
    for model in models(SequenceClassifier, D, L, pooling=pooling):
        alone = torch.cat([model(row[None])[0] for row in rows])
        torch.testing.assert_close(model(batch, lengths=lengths)[0], alone, rtol=0, atol=1e-12)
        if pooling != "max":  # without lengths the padding does count
            assert (model(batch)[0] - alone)[[0, 2, 3]].abs().max() > 1e-4


@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("L", [1, 2])
def test_a_padded_batch_is_tagged_as_each_row_alone(L, D):
    rows = sequences()
    batch, lengths = pad(rows, 7.0)
    for model in models(SequenceTagger, D, L):
        logits = model(batch, lengths=lengths)[0]
        assert logits.shape == (4, 5, K)
        for b, row in enumerate(rows):
            torch.testing.assert_close(logits[b, : len(row)], model(row[None])[0][0], rtol=0, atol=1e-12)


def test_a_batch_that_no_row_fills():
    batch, lengths = pad(sequences())
    wider = torch.cat([batch, torch.ones(4, 2, NUM_INPUTS, dtype=torch.float64)], dim=1)
    for model in models(SequenceTagger, 2, 1):
        assert model(wider, lengths=lengths)[0].shape == (4, 7, K)
        torch.testing.assert_close(
            model(wider, lengths=lengths)[0][:, :5], model(batch, lengths=lengths)[0], rtol=0, atol=1e-12
        )
    for pooling in SequenceClassifier.POOLINGS:
        for model in models(SequenceClassifier, 2, 1, pooling=pooling):
            torch.testing.assert_close(
                model(wider, lengths=lengths)[0], model(batch, lengths=lengths)[0], rtol=0, atol=1e-12
            )


def test_gradients_of_padding_are_zero():
    batch, lengths = pad(sequences(), 1.0)
    batch.requires_grad_()
    model = SequenceClassifier("gru", NUM_INPUTS, H, K, bidirectional=True, pooling="mean").double()
    model(batch, lengths=lengths)[0].square().sum().backward()
    real = length_mask(lengths, 5)
    assert not batch.grad[~real].any() and batch.grad[real].abs().amax(dim=-1).min() > 0


def test_padded_indices():
    rows = [torch.randint(0, 6, (n,)) for n in LENGTHS]
    batch, lengths = pad(rows)
    model = SequenceClassifier("lstm", NUM_INPUTS, H, K, vocab_size=6, pooling="max").double()
    alone = torch.cat([model(row[None])[0] for row in rows])
    torch.testing.assert_close(model(batch, lengths=lengths)[0], alone, rtol=0, atol=1e-12)


def test_a_layer_of_torch_reads_what_was_packed():
    rows = sequences()
    layer = nn.LSTM(NUM_INPUTS, H, batch_first=True).double()
    _, (last, _) = layer(pack(*pad(rows)))
    expected = torch.cat([layer(row[None])[1][0] for row in rows], dim=1)
    torch.testing.assert_close(last, expected, rtol=0, atol=1e-12)


@pytest.mark.cuda
@pytest.mark.parametrize("where", ["cpu", "cuda"])
def test_lengths_on_either_device_serve_a_model_on_the_gpu(where):
    batch, lengths = pad(sequences())
    for pooling in SequenceClassifier.POOLINGS:
        model = SequenceClassifier("gru", NUM_INPUTS, H, K, bidirectional=True, pooling=pooling).double()
        expected = model(batch, lengths=lengths)[0]
        found, _ = model.cuda()(batch.cuda(), lengths=lengths.to(where))
        torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-9)
