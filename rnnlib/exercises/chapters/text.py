"""Chapter 1: text and counting."""
