"""Hostile files against the whole served app: `python -m tests.hostile`, see `tests/hostile/__main__.py`."""
