"""Continue a sequence: greedy search, sampling, beam search.

``decoding``: from a prefix and a model to new tokens. ``steps``: the fast way through a model for one token.
"""

from rnnlib.generation.decoding import beam_search, generate, generate_tokens

__all__ = ["beam_search", "generate", "generate_tokens"]
