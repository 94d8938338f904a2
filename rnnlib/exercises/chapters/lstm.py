"""Chapter 7: LSTM."""
