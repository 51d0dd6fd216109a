"""`python -m tests.tools.audit`: ask pip-audit for advisories on every pinned package of app and Space.

It asks a service on the network, which is why `.ci/run` does not: an advisory that is published tomorrow
would turn an old commit red. What it finds is answered in SECURITY.md or upgraded away.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path("demo", "requirements")


def main() -> int:
    """Audit each file of pins; returns 0 only where all packages were looked up and none has an advisory."""
    worst = 0
    for path in sorted((ROOT / FOLDER).glob("*.txt")):
        print(f"{FOLDER / path.name}:", flush=True)
        # --strict: a package that could not be looked up is a failure, and no package passes unseen.
        command = ("pip-audit", "--strict", "--require-hashes", "--disable-pip", "--requirement", str(path))
        worst = max(worst, subprocess.run(command, check=False, cwd=ROOT).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
