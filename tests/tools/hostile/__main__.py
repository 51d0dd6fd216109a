"""`python -m tests.tools.hostile`: hostile files against the whole served app.

The battery sends about 2,000 files (`--files`), bombs among them, through every entry point of the real app,
prints a table of figures in Markdown, and exits with 1 where a goal is missed. The same seed gives the same
files.
"""

import argparse
import sys

from tests.tools.hostile.battery import build, run


def main() -> int:
    """Run the battery; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.hostile", description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="how many, about (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=8, help="of the files (default: %(default)s)")
    parsed = parser.parse_args()
    report = run(build(parsed.files, parsed.seed))
    print(report.table())
    failures = report.failures()
    print("\n".join(failures), file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
