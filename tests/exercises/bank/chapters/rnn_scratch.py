"""Chapter 3: an RNN from scratch."""

WRONG = {}
RIGHT = {}
