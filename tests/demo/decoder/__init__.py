"""Tests of demo/decoder/."""
