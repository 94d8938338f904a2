"""Chapter 8: GRU."""
