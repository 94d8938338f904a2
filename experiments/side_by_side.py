"""Train many small recurrent networks side by side: one per learning rate and seed, all in one product.

Networks of thirty units leave a CPU idle: each step of each network is a product too small to pay for its own
call. Here the weights of M networks are stacked along a first axis, (M, ...), and every step is one batched
product. Nothing is shared between them: each network has its own weights, its own data (by seed), its own
clipping and its own learning rate, and learns as it would alone. The equations are those of chapters 3, 7, 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

# kind -> how many blocks of H rows the weights have; the blocks stand in torch.nn's order
BLOCKS = {
    "rnn": 1,
    "lstm": 4,
    "lstm_coupled": 3,
    "lstm_open": 3,
    "lstm_coupled_open": 2,
    "gru": 3,
}


def _tanh(X: Tensor) -> Tensor:
    """tanh by way of the sigmoid, which torch computes several times faster on a CPU."""
    return torch.sigmoid(2 * X) * 2 - 1


class Stack:
    """M networks of one kind with a linear layer on the hidden states; run m belongs to one (rate, seed).

    Args:
        kind: a key of ``BLOCKS``: ``lstm_coupled`` has I = 1 - F, ``lstm_open`` has O = 1, and
            ``lstm_coupled_open`` both.
        sizes: inputs, hidden units, outputs.
        seeds: one for each network: of its first weights.
        bias: first value of the forget gate's bias (LSTM) or the update gate's (GRU); None leaves it random.
    """

    def __init__(self, kind: str, sizes: tuple[int, int, int], seeds: list[int], bias: float | None = None):
        self.kind, (num_inputs, H, num_outputs) = kind, sizes
        self.num_hiddens = H
        rows = BLOCKS[kind] * H
        shapes = [(num_inputs, rows), (H, rows), (1, rows), (1, rows), (H, num_outputs), (1, num_outputs)]
        weights: list[list[Tensor]] = [[] for _ in shapes]
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            for place, shape in zip(weights, shapes):  # as torch.nn draws them
                place.append((torch.rand(shape, generator=generator) * 2 - 1) / math.sqrt(H))
        self.parameters = [torch.stack(place) for place in weights]
        if bias is not None:  # the second block is f of an LSTM, z of a GRU, first where f is all there is
            first = 0 if "coupled" in kind else H
            self.parameters[2][:, :, first : first + H] = bias
            self.parameters[3][:, :, first : first + H] = 0
        for parameter in self.parameters:
            parameter.requires_grad_()

    def count(self) -> int:
        """Parameters of one network."""
        return sum(parameter[0].numel() for parameter in self.parameters)

    def __call__(self, X: Tensor, last: int) -> Tensor:
        """Inputs (M, T, B, I) -> outputs (M, last, B, K) at the last steps."""
        W_x, W_h, b_x, b_h, W_q, b_q = self.parameters
        M, T, B, _ = X.shape
        bias = b_x if self.kind == "gru" else b_x + b_h
        inputs = torch.baddbmm(bias, X.flatten(1, 2), W_x).view(M, T, B, -1)
        state = torch.zeros(M, B, self.num_hiddens)
        cell, kept = state, []
        for t, x in enumerate(inputs.unbind(1)):
            state, cell = self._step(x, state, cell, W_h, b_h)
            if t >= T - last:
                kept.append(state)
        hidden = torch.stack(kept, 1)  # (M, last, B, H)
        return torch.baddbmm(b_q, hidden.flatten(1, 2), W_q).view(M, last, B, -1)

    def _step(self, x: Tensor, H: Tensor, C: Tensor, W_h: Tensor, b_h: Tensor) -> tuple[Tensor, Tensor]:
        size = self.num_hiddens
        if self.kind == "gru":
            h = torch.baddbmm(b_h, H, W_h)
            R, Z = torch.sigmoid(x[..., : 2 * size] + h[..., : 2 * size]).chunk(2, -1)
            candidate = _tanh(torch.addcmul(x[..., 2 * size :], R, h[..., 2 * size :]))
            return torch.lerp(candidate, H, Z), C
        h = torch.baddbmm(x, H, W_h)
        if self.kind == "rnn":
            return _tanh(h), C
        if self.kind == "lstm":
            i, f, g, o = h.chunk(4, -1)
            C = torch.addcmul(torch.sigmoid(f) * C, torch.sigmoid(i), _tanh(g))
            return torch.sigmoid(o) * _tanh(C), C
        if self.kind == "lstm_open":
            i, f, g = h.chunk(3, -1)
            C = torch.addcmul(torch.sigmoid(f) * C, torch.sigmoid(i), _tanh(g))
            return _tanh(C), C
        f, g, *o = h.chunk(BLOCKS[self.kind], -1)
        C = torch.lerp(_tanh(g), C, torch.sigmoid(f))
        return (torch.sigmoid(o[0]) if o else 1.0) * _tanh(C), C


class Adam:
    """Adam with a learning rate and a clipped norm for each network of a stack (M,)."""

    def __init__(self, parameters: list[Tensor], rates: Tensor, clip: float = 1.0):
        self.parameters, self.rates, self.clip = parameters, rates, clip
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        self.steps += 1
        grads = [p.grad for p in self.parameters]
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in grads]).norm(dim=0)
        factor = (self.clip / (norms + 1e-6)).clamp(max=1.0).view(-1, 1, 1)
        factor = torch.nan_to_num(factor, nan=0.0)
        rate = self.rates.view(-1, 1, 1) / (1 - 0.9**self.steps)
        for p, g, mean, square in zip(self.parameters, grads, self.means, self.squares):
            g = torch.nan_to_num(g) * factor
            mean.lerp_(g, 0.1)
            square.mul_(0.999).addcmul_(g, g, value=0.001)
            p.sub_(rate * mean / ((square / (1 - 0.999**self.steps)).sqrt() + 1e-8))
            p.grad = None


def learn(
    stack: Stack,
    rates: list[float],
    num_seeds: int,
    batch: Callable[[], tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    measure: Callable[[Stack], tuple[Tensor, Tensor]],
    num_steps: int,
    every: int,
    solved: Callable[[Tensor], bool],
) -> dict:
    """Train all networks, measure now and then, keep for each its best moment on the validation data.

    Args:
        stack: its networks in the order rate by rate, seed by seed.
        rates, num_seeds: the grid.
        batch: gives new training data, inputs (S, T, B, I) and labels for the S seeds.
        loss: of outputs (M, ...) and labels, one value for each network (M,).
        measure: scores (validation (M,), test (M,)), smaller is better.
        num_steps, every: how many steps, and how often to measure.
        solved: given the validation scores (R, S), whether to stop early.

    Returns:
        ``curves``: [[step, validation scores (R, S)]]; ``valid``, ``test``: (R, S) at each network's best
        moment on the validation data; ``best_rate``: its index, by the median over seeds.
    """
    optimizer = Adam(stack.parameters, torch.tensor(rates).repeat_interleave(num_seeds))
    shape = (len(rates), num_seeds)
    best = torch.full((len(rates) * num_seeds,), math.inf)
    test, curves = best.clone(), []
    for step in range(1, num_steps + 1):
        X, Y = batch()
        X = X.repeat(len(rates), 1, 1, 1)
        Y = Y.repeat(len(rates), *[1] * (Y.ndim - 1))
        value = loss(stack(X, Y.shape[1]), Y)
        value.nan_to_num().sum().backward()
        optimizer.step()
        if step % every == 0:
            now, there = measure(stack)
            better = now < best
            best, test = torch.where(better, now, best), torch.where(better, there, test)
            curves.append([step, [[round(v, 5) for v in row] for row in now.view(shape).tolist()]])
            if solved(now.view(shape)):
                break
    valid = best.view(shape)
    chosen = int(valid.median(dim=1).values.argmin())
    return {
        "curves": curves,
        "valid": valid.tolist(),
        "test": test.view(shape).tolist(),
        "best_rate": chosen,
        "steps": step,
    }
