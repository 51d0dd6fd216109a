"""Generators of handwritten digits, one file per family, for the detector to learn from and be tested on."""
