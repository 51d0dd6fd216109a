"""Tests of demo/bounds/."""
