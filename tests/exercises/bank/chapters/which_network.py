"""Chapter 12: which network."""

WRONG = {}
RIGHT = {}
