"""Hostile files against the whole served app: `python -m tests.tools.hostile`."""
