"""Attention equals forms that others have written, and padding has no influence."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from benchmarks.d2l_peer import import_d2l
from rnnlib.models.attention import ATTENTIONS, AdditiveAttention, DotProductAttention

B, T, S, Q, K, M, N = 3, 4, 6, 5, 7, 2, 8
LENGTHS = torch.tensor([6, 1, 4])
MASK = torch.arange(S) < LENGTHS[:, None]


def inputs(seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    sizes = (B, T, Q), (B, S, K), (B, S, M)
    return [torch.randn(*size, generator=generator, dtype=torch.float64, **options) for size in sizes]


def build(kind):
    torch.manual_seed(1)
    return ATTENTIONS[kind](Q, K, N).double()


def theirs_additive(ours):
    module = import_d2l().AdditiveAttention(K, Q, N, 0.0).double()
    module.W_q.load_state_dict(ours.W_q.state_dict())
    module.W_k.load_state_dict(ours.W_k.state_dict())
    module.w_v.load_state_dict(ours.w.state_dict())
    return module


def test_additive_attention_is_that_of_d2l():
    pytest.importorskip("d2l", reason="the package d2l, the peer of this test, is not installed")
    ours, (queries, keys, values) = build("additive"), inputs()
    theirs = theirs_additive(ours)
    context, weights = ours(queries, keys, values, MASK)
    assert_close(context, theirs(queries, keys, values, LENGTHS), rtol=0, atol=1e-12)
    assert_close(weights, theirs.attention_weights, rtol=0, atol=1e-12)


def test_dot_product_attention_is_that_of_torch():
    ours, (queries, keys, values) = build("dot"), inputs()
    context, _ = ours(queries, keys, values, MASK)
    wanted = F.scaled_dot_product_attention(ours.W_q(queries), ours.W_k(keys), values, MASK[:, None])
    assert_close(context, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_the_score_is_the_formula_term_by_term(kind):
    ours, (queries, keys, values) = build(kind), inputs()
    context, weights = ours(queries, keys, values)
    for b in range(B):
        for t in range(T):
            q = ours.W_q.weight @ queries[b, t]
            scores = []
            for k in keys[b] @ ours.W_k.weight.T:
                added = ours.w.weight[0] @ torch.tanh(q + k) if kind == "additive" else q @ k / N**0.5
                scores.append(added)
            wanted = torch.stack(scores).exp() / torch.stack(scores).exp().sum()
            assert_close(weights[b, t], wanted, rtol=0, atol=1e-12)
            assert_close(context[b, t], (wanted[:, None] * values[b]).sum(0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_weights_are_shares_and_padding_gets_none(kind):
    attention, (queries, keys, values) = build(kind), inputs()
    context, weights = attention(queries, keys, values, MASK)
    assert context.shape == (B, T, M) and weights.shape == (B, T, S)
    assert_close(weights.sum(-1), torch.ones(B, T, dtype=torch.float64))
    assert not weights[~MASK[:, None].expand_as(weights)].any()
    assert (weights[MASK[:, None].expand_as(weights)] > 0).all()
    assert_close(context[1], values[1, :1].expand(T, M))  # one key: all the weight


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_what_stands_behind_the_mask_has_no_influence(kind):
    attention, (queries, keys, values) = build(kind), inputs()
    keys.requires_grad_(), values.requires_grad_()
    before, _ = attention(queries, keys, values, MASK)
    gone = ~MASK[..., None]
    after, _ = attention(queries, keys.masked_fill(gone, 1e6), values.masked_fill(gone, -1e6), MASK)
    assert torch.equal(before, after)
    for gradient in torch.autograd.grad(before.sum(), (keys, values)):
        assert not gradient[~MASK].any() and gradient[MASK].any()


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_the_order_of_the_keys_does_not_matter(kind):
    attention, (queries, keys, values) = build(kind), inputs()
    order = torch.randperm(S, generator=torch.Generator().manual_seed(3))
    context, weights = attention(queries, keys, values)
    again, reordered = attention(queries, keys[:, order], values[:, order])
    assert_close(again, context)
    assert_close(reordered, weights[..., order])


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_gradients_are_those_of_differences(kind):
    attention = build(kind)
    given = inputs(requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: attention(*a, MASK), given)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_without_values_the_keys_are_averaged(kind):
    attention, (queries, keys, _) = build(kind), inputs()
    assert torch.equal(attention(queries, keys)[0], attention(queries, keys, keys)[0])


BAD = {
    "two axes": (lambda q, k, v, m: (q[0], k, v, m), r"\(B, T, 5\)"),
    "queries too narrow": (lambda q, k, v, m: (q[..., :4], k, v, m), r"\(B, T, 5\)"),
    "keys too narrow": (lambda q, k, v, m: (q, k[..., :4], v, m), r"\(B, S, 7\)"),
    "other rows": (lambda q, k, v, m: (q[:2], k, v, m), "same B and S"),
    "other steps": (lambda q, k, v, m: (q, k, v[:, :3], m), "same B and S"),
    "a mask of other shape": (lambda q, k, v, m: (q, k, v, m.T), r"the mask has shape \(6, 3\)"),
    "a mask of numbers": (lambda q, k, v, m: (q, k, v, m.long()), "torch.int64"),
    "a row without keys": (lambda q, k, v, m: (q, k, v, m & (m.sum(1) > 1)[:, None]), "without any key"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(case):
    change, match = BAD[case]
    with pytest.raises(ValueError, match=match):
        build("dot")(*change(*inputs(), MASK))


@pytest.mark.parametrize("kind", [AdditiveAttention, DotProductAttention])
@pytest.mark.parametrize("sizes", [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_sizes_are_positive(kind, sizes):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        kind(*sizes)
