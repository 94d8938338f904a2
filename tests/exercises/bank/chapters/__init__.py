"""The chapters' exercises: a module for each chapter, named like its notebook."""

WRONG = {}
RIGHT = {}
