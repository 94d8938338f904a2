"""Data for the figures: each module makes one file of ``rnnlib/widgets/packs``; ``make packs``."""
