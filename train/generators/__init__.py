"""Generators of handwritten digits, one family a file, for the detector to learn from and be judged by."""
