"""Tests of demo/inference/."""
