"""The record of one training run: losses, speed, and where it ran."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


def to_perplexity(loss: float) -> float:
    """exp of a mean cross-entropy in nats; infinity where that is beyond a float."""
    return math.exp(loss) if loss < 700 else math.inf


def _short(perplexity: float) -> str:
    return f"{perplexity:.2f}" if perplexity < 1e6 else f"{perplexity:.2e}"


@dataclass
class History:
    """What a training run measured, epoch by epoch.

    Losses are means over the labels that count; of a language model they are in nats, and ``train_ppl`` and
    ``valid_ppl`` give them as perplexities.

    Attributes:
        train_loss: of each epoch, averaged while the weights were moving.
        valid_loss: on held-out data, by epoch number (from 1 on), at the epochs where it was measured.
        tokens_per_second: training throughput of each epoch; without tokens, labels count.
        seconds: wall-clock time of the training steps, without evaluation.
        device: hardware and torch version.
        interrupted: whether the reader stopped the run; what was learned until then is kept.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: dict[int, float] = field(default_factory=dict)
    tokens_per_second: list[float] = field(default_factory=list)
    seconds: float = 0.0
    device: str = ""
    interrupted: bool = False

    @property
    def num_epochs(self) -> int:
        """Epochs that were completed."""
        return len(self.train_loss)

    @property
    def train_ppl(self) -> list[float]:
        """Training perplexity of each epoch."""
        return [to_perplexity(loss) for loss in self.train_loss]

    @property
    def valid_ppl(self) -> dict[int, float]:
        """Held-out perplexity by epoch number."""
        return {epoch: to_perplexity(loss) for epoch, loss in self.valid_loss.items()}

    def at(self, epoch: int) -> float:
        """Training perplexity of an epoch, counted from 1."""
        if not 1 <= epoch <= self.num_epochs:
            raise IndexError(f"epoch {epoch} is not in this history of {self.num_epochs} epochs.")
        return to_perplexity(self.train_loss[epoch - 1])

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest held-out loss; 0 if none was measured."""
        return min(self.valid_loss, key=self.valid_loss.__getitem__, default=0)

    @property
    def best_valid(self) -> tuple[int, float]:
        """Epoch and value of the lowest held-out perplexity."""
        if not self.valid_loss:
            raise ValueError("no held-out loss was measured; give train() held-out data.")
        return self.best_epoch, to_perplexity(self.valid_loss[self.best_epoch])

    def summary(self) -> str:
        """One line for each language: epochs, perplexities, throughput, hardware."""
        if not self.train_loss:
            return "还没有完成任何迭代周期 |\nno epoch completed"
        speed = sorted(self.tokens_per_second)[len(self.tokens_per_second) // 2]
        epochs = f"{self.num_epochs} epoch" + ("s" if self.num_epochs > 1 else "")
        zh = f"{self.num_epochs} 个迭代周期：训练困惑度 {_short(self.at(self.num_epochs))}"
        en = f"{epochs}: training perplexity {_short(self.at(self.num_epochs))}"
        if self.valid_loss:
            last = to_perplexity(self.valid_loss[max(self.valid_loss)])
            epoch, best = self.best_valid
            zh += f"，验证困惑度 {_short(last)}（最低 {_short(best)}，在第 {epoch} 周期）"
            en += f", validation {_short(last)} (lowest {_short(best)} at epoch {epoch})"
        return (
            f"{zh}；{speed:,.0f} 词元/秒，共 {self.seconds:.1f} 秒 |\n"
            f"{en}; {speed:,.0f} tokens/s, {self.seconds:.1f} s in all\n{self.device}"
        )

    __str__ = summary

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings for standard JSON; an infinite loss is the string "inf"."""
        values = asdict(self)
        values["train_loss"] = [_plain(loss) for loss in self.train_loss]
        values["valid_loss"] = {str(epoch): _plain(loss) for epoch, loss in self.valid_loss.items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> History:
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: if the values are not those of a history.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != known:
            got = sorted(values) if isinstance(values, Mapping) else type(values).__name__
            raise ValueError(f"a history has the fields {sorted(known)}; got {got}.")
        try:
            return cls(
                train_loss=[float(loss) for loss in values["train_loss"]],
                valid_loss={int(epoch): float(loss) for epoch, loss in values["valid_loss"].items()},
                tokens_per_second=[float(speed) for speed in values["tokens_per_second"]],
                seconds=float(values["seconds"]),
                device=str(values["device"]),
                interrupted=bool(values["interrupted"]),
            )
        except (TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"a field of the history has the wrong type: {error}.") from error


def _plain(loss: float) -> float | str:
    return loss if math.isfinite(loss) else str(loss)
