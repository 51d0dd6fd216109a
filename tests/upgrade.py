"""`python -m tests.upgrade`: renew every pin, and run every check on what was renewed.

The pins (`tests.pins`), then `.ci/run`, which installs them in an environment of its own, the slow tests,
and the audit (`tests.audit`). Takes uv and pip-audit: pip install ".[upgrade]". Stops at the first that
fails; what was renewed stays, to be looked at with `git diff`.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
STEPS: Final = (
    (sys.executable, "-m", "tests.pins"),
    ("bash", ".ci/run"),
    (sys.executable, "-m", "pytest", "-m", "slow"),
    (sys.executable, "-m", "tests.audit"),
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
