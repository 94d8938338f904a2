from rnnlib.generation.decoding import beam_search, generate
try:
    from rnnlib.generation.decoding import generate_tokens
except ImportError:
    generate_tokens = None
