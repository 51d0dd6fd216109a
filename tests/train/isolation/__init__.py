"""Tests of train/isolation/."""
