"""Data for the figures of the book: each module makes one file of ``rnnlib/widgets/packs``; ``make packs``."""
