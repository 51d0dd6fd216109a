"""Tests of demo/ui/."""
