"""Chapter 6: Chinese text, and sampling."""

WRONG = {}
RIGHT = {}
