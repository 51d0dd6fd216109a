"""Encoded pictures of strangers → pixels, in processes of their own."""
