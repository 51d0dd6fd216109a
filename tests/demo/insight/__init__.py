"""Tests of demo/insight/."""
