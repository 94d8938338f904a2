"""What rnnlib's speed is measured with, beside its peers and beside the machine: ``python -m benchmarks``.

One module a subject, each with ``measure(run) -> dict``, whose docstring names the keys of what it returns.
To add one, write the module and name it here, with the seconds that it takes on two cores.
"""

SUBJECTS = {
    "learning": 180,
    "training": 320,
    "generation": 60,
    "ladder": 30,
    "profile": 15,
    "grid": 430,
}
"""Subject -> its usual seconds, for the remaining time that is printed."""
