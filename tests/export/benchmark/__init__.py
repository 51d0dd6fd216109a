"""Tests of export/benchmark/."""
