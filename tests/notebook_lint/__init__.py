"""Checks of the book's notebooks: the parity of the two languages, typography, terms, stored outputs.

Every rule is a function that takes a :class:`Chapter` and yields a :class:`Problem` for each thing to mend.
From the command line: ``python tests/notebook_lint book/03_rnn_scratch.ipynb``.
"""

from notebook_lint import display, language, lessons, outputs, parity, structure, terms
from notebook_lint.chapter import Chapter, Problem

RULES = {
    function.__name__: function
    for module in (structure, lessons, parity, language, terms, outputs, display)
    for function in module.RULES
}

__all__ = ["RULES", "Chapter", "Problem"]
