"""Chapter 10: deep RNNs."""
