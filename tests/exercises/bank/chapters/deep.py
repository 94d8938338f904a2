"""Chapter 10: deep RNNs."""

WRONG = {}
RIGHT = {}
