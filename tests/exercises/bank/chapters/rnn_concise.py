"""Chapter 5: the concise RNN."""

WRONG = {}
RIGHT = {}
