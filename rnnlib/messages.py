"""What the library says to readers, always in both languages."""

from __future__ import annotations

import sys

__all__ = ["notice"]


def notice(zh: str, en: str) -> None:
    """Print a notice, Chinese first, English below it; flushed, so that it stands before what follows."""
    print(f"{zh}\n{en}", file=sys.stdout, flush=True)
