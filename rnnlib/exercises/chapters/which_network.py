"""Chapter 12: which network."""
