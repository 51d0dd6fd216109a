"""Isolate a digit in a photograph: a locator finds the digits, a segmenter finds the ink of one of them."""
