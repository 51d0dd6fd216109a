"""Decoding of untrusted pictures, in isolated processes."""
