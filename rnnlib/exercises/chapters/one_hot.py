"""Chapter 2: one-hot encoding."""
