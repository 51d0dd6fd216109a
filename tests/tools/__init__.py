"""Batteries and tools that are run by hand or by CI, not by pytest."""
