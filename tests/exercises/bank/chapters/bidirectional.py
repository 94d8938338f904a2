"""Chapter 9: bidirectional RNNs."""

WRONG = {}
RIGHT = {}
