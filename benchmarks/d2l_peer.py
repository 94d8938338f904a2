"""The real package d2l 0.17, made importable on a current stack, as the peer to compare with.

It imports torchvision, which need not be there for the parts on text, and it calls a function of IPython that
newer versions no longer have. The stand-ins leave ``sys.modules`` again.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class _Missing(types.ModuleType):
    """Takes the place of torchvision during the import; a later use gets an error that says so."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"this function of d2l needs {self.__name__}.{name}, which is not used here")


def import_d2l() -> types.ModuleType:
    """The module ``d2l.torch``."""
    stand_ins = {name: _Missing(name) for name in ("torchvision", "torchvision.transforms")}
    stand_ins["torchvision"].transforms = stand_ins["torchvision.transforms"]
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        d2l = importlib.import_module("d2l.torch")
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    d2l.use_svg_display = lambda: None
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad", module="d2l")
    return d2l


def feed_lines(d2l: types.ModuleType, lines: Sequence[str]) -> None:
    """Let ``d2l`` read the given cleaned lines where it would download The Time Machine."""
    d2l.read_time_machine = lambda: list(lines)


def rnn(inputs: Tensor, state: tuple[Tensor], params: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
    """The RNN as d2l's chapter computes it, with an output product at every step.

    The package has the class RNNModelScratch, but leaves this function to its readers.

    Args:
        inputs: (T, B, V).
        state: a tuple of one (B, H) tensor.
        params: ``[W_xh, W_hh, b_h, W_hq, b_q]``.

    Returns:
        ``(logits (T*B, V), state)``.
    """
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = torch.tanh(torch.mm(X, W_xh) + torch.mm(H, W_hh) + b_h)
        outputs.append(torch.mm(H, W_hq) + b_q)
    return torch.cat(outputs, dim=0), (H,)
