"""Tests of train/data/."""
