"""Chapter 9: bidirectional RNNs."""
