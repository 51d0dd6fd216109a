"""Tests of demo/api/."""
