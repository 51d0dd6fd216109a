"""Tests of train/generators/."""
