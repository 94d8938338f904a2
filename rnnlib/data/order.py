"""A random order of very many things: a shuffle in little memory, and for even more a permutation by rule."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

LARGEST_SHUFFLE = 2**26  # 256 MB of numbers; at about 2 million a second it takes half a minute
ROUNDS = 6


def shuffled(
    count: int, rng: random.Random | ModuleType = random, device: str | torch.device | None = None
) -> Callable[[int, int], Tensor]:
    """A random order of the numbers 0 .. count-1.

    Up to 2**26 numbers it is the order that ``rng.shuffle`` gives a list of them, in 4 bytes a number. More
    are permuted by a Feistel network with random keys, which needs no memory at all: the numbers are split
    into halves of bits that scramble each other in turn, and what falls beyond ``count`` is sent through once
    more (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).

    Args:
        count: how many.
        rng: source of chance.
        device: where the numbers are wanted.

    Returns:
        A function of ``(begin, end)`` that gives those places of the order: (end - begin,) int64.
    """
    if count <= LARGEST_SHUFFLE:
        numbers = array("i", range(count))
        rng.shuffle(numbers)
        order = (torch.frombuffer(numbers, dtype=torch.int32) if count else torch.empty(0)).to(device)
        return lambda begin, end: order[begin:end].long()
    half = (count - 1).bit_length() + 1 >> 1
    keys = [rng.getrandbits(62) for _ in range(ROUNDS)]

    def places(begin: int, end: int) -> Tensor:
        numbers = _scramble(torch.arange(begin, min(end, count), device=device), half, keys)
        while (beyond := numbers >= count).any():
            numbers[beyond] = _scramble(numbers[beyond], half, keys)
        return numbers

    return places


def _scramble(numbers: Tensor, half: int, keys: list[int]) -> Tensor:
    """A permutation of 0 .. 4**half - 1, chosen by the keys."""
    mask = 2**half - 1
    left, right = numbers >> half, numbers & mask
    for key in keys:
        mixed = (right + key) * -7046029254386353131  # 64 bits, as in splitmix64
        mixed = (mixed ^ (mixed >> 29)) * -4658895280553007687
        left, right = right, left ^ (mixed >> 31 & mask)
    return left << half | right
