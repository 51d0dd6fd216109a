"""Renew every pin and run every check on the new versions: `python -m tests.tools.upgrade`.

Needs uv and pip-audit: pip install ".[upgrade]". Stops at the first step that fails; the renewed pins
stay, to be read with `git diff`. The audit asks a service on the network for advisories, which is why
`.ci/run` leaves it out: a new advisory would turn an old commit red.
"""

import subprocess
import sys
from typing import Final

from tests.tools.pins import CONSTRAINTS, ROOT

# --strict: a package that cannot be looked up is a failure.
AUDIT: Final = ("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(CONSTRAINTS))
STEPS: Final = (
    (sys.executable, "-m", "tests.tools.pins"),
    ("bash", ".ci/run"),
    (sys.executable, "-m", "pytest", "-m", "slow"),
    AUDIT,
)


def main() -> int:
    """Run the steps; return the exit code of the first that fails, or 0."""
    for step in STEPS:
        print("$", *step, flush=True)
        if code := subprocess.run(step, check=False, cwd=ROOT).returncode:
            print("upgrade: stopped here.", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
