"""Tests, one file per module; `pytest` from the project's root runs them all, offline, on the CPU."""
