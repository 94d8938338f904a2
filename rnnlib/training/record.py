"""The record of one training run: perplexities, speed, and where it ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

__all__ = ["History"]


def _round(perplexity: float) -> str:
    return f"{perplexity:.2f}" if perplexity < 1e6 else f"{perplexity:.2e}"


@dataclass
class History:
    """What a training run measured, epoch by epoch.

    Attributes:
        train_ppl: training perplexity of each epoch, averaged while the weights were moving.
        valid_ppl: held-out perplexity by epoch number (1-based), at the epochs where it was measured.
        tokens_per_second: training throughput of each epoch.
        seconds: wall-clock time of the training steps, without evaluation.
        device: hardware and torch version.
        interrupted: whether the reader stopped the run; what was learnt until then is kept.
    """

    train_ppl: list[float] = field(default_factory=list)
    valid_ppl: dict[int, float] = field(default_factory=dict)
    tokens_per_second: list[float] = field(default_factory=list)
    seconds: float = 0.0
    device: str = ""
    interrupted: bool = False

    @property
    def num_epochs(self) -> int:
        """Epochs that were completed."""
        return len(self.train_ppl)

    def at(self, epoch: int) -> float:
        """Training perplexity of an epoch, counted from 1."""
        if not 1 <= epoch <= self.num_epochs:
            raise IndexError(f"epoch {epoch} is not in this history of {self.num_epochs} epochs.")
        return self.train_ppl[epoch - 1]

    @property
    def best_valid(self) -> tuple[int, float]:
        """Epoch and value of the lowest held-out perplexity."""
        if not self.valid_ppl:
            raise ValueError("no held-out perplexity was measured; give train() held-out data.")
        epoch = min(self.valid_ppl, key=self.valid_ppl.__getitem__)
        return epoch, self.valid_ppl[epoch]

    def summary(self) -> str:
        """One line for each language: epochs, perplexities, throughput, hardware."""
        if not self.train_ppl:
            return "还没有完成任何迭代周期\nno epoch completed"
        speeds = sorted(self.tokens_per_second)
        speed = speeds[len(speeds) // 2]
        zh = f"{self.num_epochs} 个迭代周期：训练困惑度 {_round(self.train_ppl[-1])}"
        en = f"{self.num_epochs} epochs: training perplexity {_round(self.train_ppl[-1])}"
        if self.valid_ppl:
            last = self.valid_ppl[max(self.valid_ppl)]
            epoch, best = self.best_valid
            zh += f"，留出困惑度 {_round(last)}（最低 {_round(best)}，在第 {epoch} 周期）"
            en += f", held-out {_round(last)} (lowest {_round(best)} at epoch {epoch})"
        return (
            f"{zh}；{speed:,.0f} 词元/秒，共 {self.seconds:.1f} 秒\n"
            f"{en}; {speed:,.0f} tokens/s, {self.seconds:.1f} s in all\n{self.device}"
        )

    __str__ = summary

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, as JSON wants them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> History:
        """The inverse of :meth:`to_dict`, also after a trip through JSON (whose keys are strings)."""
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"a history has the fields {sorted(known)}; got also {sorted(unknown)}.")
        valid = {int(epoch): value for epoch, value in values.get("valid_ppl", {}).items()}
        return cls(**{**values, "valid_ppl": valid})
