"""`python -m tests.tools.hostile`: hostile files against the whole served app; `… fuzz`: against its loader.

The battery sends about 2,000 files (`--files`), bombs among them, through every entry point of the real app,
prints a table of figures in Markdown, and exits with 1 where a goal is missed. The same seed gives the same
files.

`fuzz --seconds N` runs a coverage-guided fuzz of the decoder and the zips in one process; it needs atheris.
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.hostile", description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="how many, about (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=8, help="of the files (default: %(default)s)")
    commands = parser.add_subparsers()
    fuzzing = commands.add_parser("fuzz", help="a coverage-guided fuzz of the loader (needs atheris)")
    fuzzing.add_argument("--seconds", type=int, default=120, help="how long (default: %(default)s)")
    fuzzing.add_argument("--corpus", type=Path, help="a folder that keeps what reached new code")
    parsed = parser.parse_args()
    if hasattr(parsed, "seconds"):
        from tests.tools.hostile.fuzz import fuzz

        fuzz(parsed.seconds, parsed.corpus)
        return 0
    from tests.tools.hostile.battery import run
    from tests.tools.hostile.corpus import build

    report = run(build(parsed.files, parsed.seed), lambda line: print(line, file=sys.stderr, flush=True))
    print(report.table())
    if wrongs := report.wrongs():
        print(wrongs, file=sys.stderr)
    return 0 if report.met else 1


if __name__ == "__main__":
    sys.exit(main())
