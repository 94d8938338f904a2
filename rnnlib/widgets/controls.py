"""Controls that run PyTorch: change a value, and the cell's figure is made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.utils.capture import capture_output


class Live(ipywidgets.VBox):
    """Controls above the output of a function. Where no kernel runs, that of the first call is shown."""

    def __init__(self, function: Callable[..., Any], controls: dict[str, ipywidgets.ValueWidget]) -> None:
        def run() -> None:
            function(**{name: control.value for name, control in controls.items()})

        def again(change: Any) -> None:
            with output:
                output.clear_output(wait=True)
                run()

        with capture_output() as first:  # programs that run notebooks may wait for ever inside `with output`
            run()
        shown = [
            {"output_type": "display_data", "data": dict(one.data), "metadata": dict(one.metadata or {})}
            for one in first.outputs
        ]
        if first.stdout:
            shown.insert(0, {"output_type": "stream", "name": "stdout", "text": first.stdout})
        still = first.outputs[0].data if first.outputs else {"text/plain": first.stdout.rstrip("\n")}
        self._still = {**still, "text/plain": "live"} if len(still) > 1 else still
        output = ipywidgets.Output(outputs=tuple(shown))
        for control in controls.values():
            control.observe(again, "value")
        super().__init__([*controls.values(), output], layout=ipywidgets.Layout(width="100%"))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**(data or {}), **self._still}
        return (data, *metadata) if metadata else data


def _control(label: str, values: Any) -> ipywidgets.ValueWidget:
    """A slider for (low, high, step, start), a menu for a list; the label in both languages."""
    common = {
        "description": label,
        "continuous_update": False,
        "style": {"description_width": "initial"},
        "layout": ipywidgets.Layout(width="32rem", max_width="100%"),
    }
    if isinstance(values, (list, dict)):
        options = list(values.items()) if isinstance(values, dict) else values
        return ipywidgets.Dropdown(
            options=options, **{k: v for k, v in common.items() if k != "continuous_update"}
        )
    if not isinstance(values, tuple) or len(values) != 4:
        raise ValueError(
            f"{label}: a control is (low, high, step, start) or a list of choices, not {values!r}."
        )
    low, high, step, start = values
    if not low <= start <= high or step <= 0:
        raise ValueError(f"{label}: low <= start <= high and step > 0 are expected, not {values!r}.")
    whole = all(isinstance(value, int) for value in values)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(min=low, max=high, step=step, value=start, **common)


def live(function: Callable[..., Any], labels: dict[str, str], **controls: Any) -> Live:
    """Show the output of ``function`` under controls for its arguments; the last expression of a cell.

    Args:
        function: draws or prints; called again whenever a control is let go.
        labels: argument -> ``中文 | English``, the control's name.
        controls: argument -> (low, high, step, start), or a list (or dictionary) of choices.

    Raises:
        ValueError: if a control cannot be understood, or has no label.
    """
    missing = controls.keys() - labels.keys()
    if missing:
        raise ValueError(f"no label for {', '.join(sorted(missing))}; labels maps every control to its name.")
    return Live(function, {name: _control(labels[name], values) for name, values in controls.items()})
