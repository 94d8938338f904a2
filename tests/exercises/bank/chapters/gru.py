"""Chapter 8: GRU."""

WRONG = {}
RIGHT = {}
