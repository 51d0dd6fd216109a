"""`python -m export`."""

import sys

try:
    from export.cli import main
except ModuleNotFoundError as missing:
    # Without these packages there is nothing that it could do.
    sys.exit(f'export: {missing.name} is not installed; install what is needed: pip install ".[train]"')

if __name__ == "__main__":
    sys.exit(main())
