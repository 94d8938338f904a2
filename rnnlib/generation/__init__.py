"""Continue a sequence: greedy search, sampling, beam search.

``decoding``: from a prefix and a model to new tokens. ``steps``: what is left of a model when tokens are
read one by one, and of which models. ``inplace``: how they are read, in buffers that are made once.
"""

from rnnlib.generation.decoding import beam_search, generate, generate_tokens

__all__ = ["beam_search", "generate", "generate_tokens"]
