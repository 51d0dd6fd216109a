"""Tests of demo/doors/."""
