"""Chapter 1: text and counting."""

WRONG = {}
RIGHT = {}
