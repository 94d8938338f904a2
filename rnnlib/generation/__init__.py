"""Continue a sequence: greedy search, sampling, beam search.

``decoding``: from a prefix and a model to new tokens. ``steps``: what is left of a model when tokens are
read one by one, and of which models. ``inplace``: how they are read, in buffers that are made once.
``graphs``: on a GPU, as a CUDA graph.
"""

from rnnlib.generation.decoding import beam_search, beam_search_tokens, generate, generate_tokens

__all__ = ["beam_search", "beam_search_tokens", "generate", "generate_tokens"]
