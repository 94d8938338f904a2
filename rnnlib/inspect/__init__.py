"""Look inside: shapes on their way through a model, gates and gradients of a layer, figures.

``trace``: the shapes that really flow. ``probes``: gates while a layer reads, and how far back its gradients
reach. ``plots``: curves and heat maps in one style; matplotlib is loaded when one of them is first used.
"""

from importlib import import_module
from typing import Any

from rnnlib.inspect.probes import gate_activations, gradient_by_lag
from rnnlib.inspect.trace import trace_shapes

_PLOTS = ("curves", "heatmap", "learning_curves", "use_style")

__all__ = [
    "curves",
    "gate_activations",
    "gradient_by_lag",
    "heatmap",
    "learning_curves",
    "trace_shapes",
    "use_style",
]


def __getattr__(name: str) -> Any:
    if name in _PLOTS:
        return getattr(import_module("rnnlib.inspect.plots"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLOTS})
