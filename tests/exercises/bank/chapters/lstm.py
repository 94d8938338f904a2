"""Chapter 7: LSTM."""

WRONG = {}
RIGHT = {}
