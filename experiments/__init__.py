"""Long runs of the book: one module for each question, one file of results for each module.

``make experiment NAME=comparison`` runs ``experiments/comparison.py`` and writes what its function ``run``
returns, with the conditions of the run, into ``rnnlib/results/comparison.json``.
"""
