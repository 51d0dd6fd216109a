"""Speed against what one would use instead, side by side in one run: `python -m export benchmark`."""
