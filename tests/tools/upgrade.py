"""`python -m tests.tools.upgrade`: renew every pin, and run every check on what was renewed.

The pins (`tests.tools.pins`), then `.ci/run`, which installs them in a fresh environment, the slow
tests, and the audit (`tests.tools.audit`). Takes uv and pip-audit: pip install ".[upgrade]". Stops
at the first that fails; what was renewed stays, to be looked at with `git diff`.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
STEPS: Final = (
    (sys.executable, "-m", "tests.tools.pins"),
    ("bash", ".ci/run"),
    (sys.executable, "-m", "pytest", "-m", "slow"),
    (sys.executable, "-m", "tests.tools.audit"),
)


def main() -> int:
    """Run the steps; returns the exit code of the first that fails, or 0."""
    for step in STEPS:
        print("$", *step, flush=True)
        if code := subprocess.run(step, check=False, cwd=ROOT).returncode:
            print("upgrade: stopped here.", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
