"""The small things of earlier d2l chapters that the recurrent ones use: clock, sums, SGD, device, batches."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class Timer:
    """A stopwatch that runs from the start and keeps every time it was stopped at, in seconds."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Begin to measure anew."""
        self.tik = time.perf_counter()

    def stop(self) -> float:
        """Seconds since the last start; they are also added to ``times``."""
        self.times.append(time.perf_counter() - self.tik)
        return self.times[-1]

    def avg(self) -> float:
        """Mean of the times."""
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """Sum of the times."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Sums of the first one, two, three, ... times."""
        return list(itertools.accumulate(self.times))


class Accumulator:
    """``n`` running sums; ``accumulator[i]`` reads one."""

    def __init__(self, n: int):
        self.data = [0.0] * n

    def add(self, *args: float | Tensor) -> None:
        """Add one number to each sum; of a tensor with a gradient only the value."""
        values = (value.detach() if isinstance(value, Tensor) else value for value in args)
        self.data = [total + float(value) for total, value in zip(self.data, values)]

    def reset(self) -> None:
        """Set every sum to zero."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, idx: int) -> float:
        return self.data[idx]


def sgd(params: Iterable[Tensor], lr: float, batch_size: int) -> None:
    """One step of minibatch stochastic gradient descent; the gradients are zero afterwards.

    Args:
        params: parameters that have a gradient; those without are left alone.
        lr: learning rate.
        batch_size: the gradient is divided by it (1 where the loss is a mean already).
    """
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / batch_size
                param.grad.zero_()


def try_gpu(i: int = 0) -> torch.device:
    """GPU number ``i``, or the CPU where there are not so many."""
    return torch.device(f"cuda:{i}" if torch.cuda.device_count() > i else "cpu")


def load_array(data_arrays: Iterable[Tensor], batch_size: int, is_train: bool = True) -> DataLoader:
    """Minibatches of tensors that share their first axis, shuffled if ``is_train``."""
    return DataLoader(TensorDataset(*data_arrays), batch_size, shuffle=is_train)


def evaluate_loss(
    net: Callable[[Tensor], Tensor],
    data_iter: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
) -> float:
    """The loss that a model has on average over all elements of the loss tensors of a data set."""
    metric = Accumulator(2)
    for X, y in data_iter:
        out = net(X)
        values = loss(out, y.reshape(out.shape))
        metric.add(values.sum(), values.numel())
    return metric[0] / metric[1]
