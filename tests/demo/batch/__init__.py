"""Tests of demo/batch/."""
