"""Tests of train/detector/."""
