"""Touchstone as a Space: what `python -m demo` serves, for everyone."""

import sys

from demo.cli import main

if __name__ == "__main__":
    # Options given here come last, and so they count.
    sys.exit(main(["--host", "0.0.0.0", "--port", "7860", *sys.argv[1:]]))  # noqa: S104
