"""Discriminators in 8-bit integers: two ways to quantize, and the gate that they pass."""
