"""Tests of train/tutorial/."""
