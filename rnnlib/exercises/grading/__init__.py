"""The teacher's side: grade a folder of submissions without trusting any of them."""

from rnnlib.exercises.grading.grade import Graded, clean_copy, grade, similar
from rnnlib.exercises.grading.report import write

__all__ = ["Graded", "clean_copy", "grade", "similar", "write"]
