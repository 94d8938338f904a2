"""The real package d2l 0.17, made importable on a current stack, as the peer to compare with.

It imports torchvision, which need not be there for the parts on text, and it calls a function of IPython that
newer versions no longer have. Nothing of either stays behind in ``sys.modules``.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Sequence
from typing import Any


class _Missing(types.ModuleType):
    """Stands for torchvision during the import; whoever uses it later is told so."""

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
