"""Renew the pins in `tests/constraints.txt` from pyproject.toml, with uv: `python -m tests.tools.pins`.

The file pins what `.[test]` installs, for PIP_CONSTRAINT. It has no hashes, because pip would then ask for
a hash of the project itself.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CONSTRAINTS: Final = ROOT / "tests" / "constraints.txt"
NOWHERE: Final = "sys_platform == 'none'"
WITHOUT_TORCH: Final = f"torch==2.13.0 ; {NOWHERE}\n"
"""Overrides torch, whose version pyproject.toml fixes and whose builds bring different packages."""
TORCH_BRINGS: Final = "networkx\nsetuptools\nsympy\n"
"""Requirements of both builds of torch that little else needs."""
SAME_RUNTIME: Final = "onnxruntime==1.31.1\nonnxruntime-gpu==1.31.1\n"
"""The builds for CPU and GPU get the same versions, but not always on the same day: raise it by hand."""


def main() -> int:
    """Write the newest versions that fit; return uv's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, overrides = Path(folder, "constraints.txt"), Path(folder, "overrides.txt")
        constraints.write_text(SAME_RUNTIME)
        overrides.write_text(WITHOUT_TORCH)
        command = [
            *("uv", "pip", "compile", "-", "pyproject.toml", "--extra", "test"),
            *("--universal", "--python-version", "3.11", "--upgrade"),
            *("--constraint", str(constraints), "--override", str(overrides)),
            *("--no-annotate", "--no-header", "--no-emit-index-url", "--quiet"),
        ]
        result = subprocess.run(
            command, input=TORCH_BRINGS, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT
        )
    if result.returncode == 0:
        lines = [line for line in result.stdout.splitlines() if NOWHERE not in line]
        CONSTRAINTS.write_text("\n".join(lines) + "\n")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
