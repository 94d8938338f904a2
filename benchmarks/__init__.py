"""Side-by-side measurements of rnnlib against its peers: ``python -m benchmarks``.

One module a subject, each with a function ``comparisons(quick) -> list[Comparison]``. To add one, write the
module and name it here.
"""

SUBJECTS = ("training", "generation")
