"""The bank of mistakes, and the tests that go through it."""
