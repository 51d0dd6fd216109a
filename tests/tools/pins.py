"""`python -m tests.tools.pins`: renew the pinned requirements from pyproject.toml, with uv.

`demo/requirements/app.txt` pins what `.[demo]` installs, with hashes. `tests/constraints.txt` pins what
`.[test]` installs, for PIP_CONSTRAINT; without hashes, or pip would ask for a hash of the project itself.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
NOWHERE: Final = "sys_platform == 'none'"
WITHOUT_TORCH: Final = f"torch==2.13.0 ; {NOWHERE}\n"
"""Overrides torch, whose version pyproject.toml fixes and whose builds bring different packages."""
TORCH_BRINGS: Final = ("networkx", "setuptools", "sympy")
"""Requirements of both builds of torch that little else needs."""
SAME_RUNTIME: Final = "onnxruntime=={0}\nonnxruntime-gpu=={0}\n"
"""The builds for CPU and GPU get the same versions, but not always on the same day."""
UNIVERSAL: Final = ("--universal", "--python-version", "3.11")


@dataclass(frozen=True)
class Pins:
    """A file of pins.

    path: below the project. sources: uv's options that say what to resolve, and for which machines.
    requirements: what to resolve beside those, one a line. hashed: whether each pin has its hashes.
    """

    path: str
    sources: Sequence[str]
    requirements: Sequence[str] = ()
    hashed: bool = True


FILES: Final = (
    Pins("demo/requirements/app.txt", ("pyproject.toml", "--extra", "demo", *UNIVERSAL)),
    Pins("tests/constraints.txt", ("pyproject.toml", "--extra", "test", *UNIVERSAL), TORCH_BRINGS, False),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew the files; returns the exit code of the first uv that fails, or 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.pins", description=__doc__)
    parser.add_argument(
        "--onnxruntime", default="1.31.1", help="version of both builds (default: %(default)s)"
    )
    runtime: str = parser.parse_args(arguments).onnxruntime
    with tempfile.TemporaryDirectory() as folder:
        constraints, overrides = Path(folder, "constraints.txt"), Path(folder, "overrides.txt")
        constraints.write_text(SAME_RUNTIME.format(runtime))
        overrides.write_text(WITHOUT_TORCH)
        for pins in FILES:
            if code := renew(pins, constraints, overrides):
                return code
            print(f"{pins.path} is renewed.")
    return 0


def renew(pins: Pins, constraints: Path, overrides: Path) -> int:
    """Write the newest versions that fit into one file; returns uv's exit code."""
    command = [
        *("uv", "pip", "compile", "-", *pins.sources, "--constraint", str(constraints)),
        *("--override", str(overrides)),
        *("--upgrade", "--no-annotate", "--no-header", "--no-emit-index-url", "--quiet"),
        *(["--generate-hashes"] if pins.hashed else []),
    ]
    text = "\n".join(pins.requirements)
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if result.returncode == 0:
        lines = [line for line in result.stdout.splitlines() if NOWHERE not in line]
        (ROOT / pins.path).write_text("\n".join(lines) + "\n")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
