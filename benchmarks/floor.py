"""The floor: the matrix products that training needs, and nothing else, each by the fastest way there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.rounds import seconds
from benchmarks.work import DEVICE
from rnnlib.devices import record_launches

FOUND: dict[tuple, float] = {}  # seconds of a product, the least so far
LEAST = 2e-3  # seconds that one measurement should take, so that the clock does not matter
ONCE = 0.05  # beyond, a product is measured fewer times
IN_A_ROW = 50  # products in a graph


def _best(ways: list[Callable[[], Any]]) -> float:
    """Seconds of one call by the fastest way."""
    return min(map(_least, ways))


def _least(way: Callable[[], Any]) -> float:
    """Seconds of one call, the least of several measurements: a floor is what the machine can do.

    On a GPU the calls are replayed as a CUDA graph, so that the launches do not count.
    """
    if DEVICE.type == "cuda":
        return _least_of(record_launches(lambda: [way() for _ in range(IN_A_ROW)], DEVICE)) / IN_A_ROW
    return _least_of(way)


def _least_of(way: Callable[[], Any]) -> float:
    way()
    once = seconds(way)
    calls = max(1, round(LEAST / max(once, 1e-7)))

    def many() -> None:
        for _ in range(calls):
            way()

    return min(seconds(many) / calls for _ in range(2 if once > ONCE else 7))


def _remembered(key: tuple, measure: Callable[[], float], again: bool) -> float:
    """What was found for this product, measured now if it is new; again, and the least of all is kept."""
    if again or key not in FOUND:
        FOUND[key] = min(measure(), FOUND.get(key, float("inf")))
    return FOUND[key]


def _chain(m: int, k: int, n: int, dtype: torch.dtype) -> float:
    """(m, k) x (k, n) as a step of the chain needs it: both layouts, transposed, laid out for oneDNN."""
    A, W = _random(m, k, dtype=dtype), _random(k, n, dtype=dtype)
    A_T, W_T = A.T.contiguous(), W.T.contiguous()
    out, out_T = torch.empty_like(A @ W), torch.empty_like((A @ W).T.contiguous())
    ways = [
        lambda: torch.mm(A, W, out=out),
        lambda: torch.mm(A, W_T.T, out=out),
        lambda: torch.mm(W_T, A_T, out=out_T),
    ]
    op = getattr(getattr(torch.ops, "mkldnn", None), "_linear_pointwise", None)
    if DEVICE.type == "cpu" and op is not None:
        packed = torch.ops.mkldnn._reorder_linear_weight(W_T, m)
        ways.append(lambda: op(A, packed, None, "none", [], ""))
    return _best(ways)


def _product(m: int, k: int, n: int, dtype: torch.dtype) -> float:
    """(m, k) x (k, n), the left one as it is or as a transpose."""
    left, left_T, right = _random(m, k, dtype=dtype), _random(k, m, dtype=dtype), _random(k, n, dtype=dtype)
    out = torch.empty(m, n, dtype=dtype, device=DEVICE)
    return _best([lambda: torch.mm(left, right, out=out), lambda: torch.mm(left_T.T, right, out=out)])


def _random(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(shape, device=DEVICE).to(dtype)


def chain_floor(
    B: int,
    T: int,
    H: int,
    V: int,
    *,
    gates: int = 1,
    layers: int = 1,
    dtype: torch.dtype = torch.float32,
    again: bool = False,
) -> float:
    """Seconds of the products of one training step, at the present number of threads.

    For each layer T products of the chain forward and T backward, and one for the gradient of W_hh; for each
    upper layer three more over all steps at once; three for the output. Looking up the inputs takes none.

    Args:
        B, T, H, V: rows, steps, hidden units, tokens.
        gates: G; the chain multiplies by (H, G*H).
        layers: L.
        dtype: of the products.
        again: measure products that were measured before once more, and keep the least: a moment in which
            another program has a core must not become the floor.
    """
    threads = torch.get_num_threads()
    rows = B * T

    def product(m: int, k: int, n: int) -> float:
        return _remembered(("all", m, k, n, dtype, threads), lambda: _product(m, k, n, dtype), again)

    def link(m: int, k: int, n: int) -> float:
        return _remembered(("link", m, k, n, dtype, threads), lambda: _chain(m, k, n, dtype), again)

    wide = gates * H
    chain = link(B, H, wide) + link(B, wide, H)
    layer = T * chain + product(H, rows, wide)
    between = 0.0
    if layers > 1:
        between = product(rows, H, wide) + product(rows, wide, H) + product(H, rows, wide)
    output = product(rows, H, V) + product(rows, V, H) + product(H, rows, V)
    return layers * layer + (layers - 1) * between + output


def launch_floor(T: int) -> float | None:
    """Seconds of as many dependent empty launches as the chain has products, replayed as one CUDA graph.

    None where there is no CUDA device.
    """
    if DEVICE.type != "cuda":
        return None
    x = torch.zeros(1, device=DEVICE)
    return _least_of(record_launches(lambda: [x.add_(1) for _ in range(2 * T)], DEVICE))
