"""`python -m tests.tools.pins`: renew the pinned and hashed requirement files from pyproject.toml, with uv.

`demo/requirements/app.txt` is what `.[demo]` takes, on every system and Python; `tests/requirements.txt` what
`.[test]` takes, without torch and what it brings, since a build for CPUs is another file than the registry's.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# A requirement that no machine meets takes its place, so that nothing is pinned for its sake.
WITHOUT_TORCH: Final = "torch==2.13.0 ; sys_platform == 'none'\n"
SAME_RUNTIME: Final = "onnxruntime=={0}\nonnxruntime-gpu=={0}\n"
"""The builds for CPU and GPU are released under the same numbers, though not always on the same day."""


@dataclass(frozen=True)
class Pins:
    """A file of pins: its path below the project, and uv's own options for it."""

    path: str
    options: Sequence[str]


UNIVERSAL: Final = ("--universal", "--python-version", "3.11")
FILES: Final = (
    Pins("demo/requirements/app.txt", ("--extra", "demo", *UNIVERSAL)),
    Pins("tests/requirements.txt", ("--extra", "test", *UNIVERSAL)),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew the files; returns uv's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.pins", description=__doc__)
    parser.add_argument(
        "--onnxruntime", default="1.31.1", help="version of both builds (default: %(default)s)"
    )
    runtime: str = parser.parse_args(arguments).onnxruntime
    with tempfile.TemporaryDirectory() as folder:
        given = {"constraints": SAME_RUNTIME.format(runtime), "overrides": WITHOUT_TORCH}
        paths = written(Path(folder), given)
        for pins in FILES:
            if code := compile_pins(pins, paths):
                return code
    return 0


def written(folder: Path, contents: Mapping[str, str]) -> dict[str, Path]:
    """Contents as files in a folder; returns their paths by name."""
    paths = {name: folder / f"{name}.txt" for name in contents}
    for name, path in paths.items():
        path.write_text(contents[name])
    return paths


def compile_pins(pins: Pins, paths: Mapping[str, Path]) -> int:
    """Have uv choose the newest versions that fit, and write them with hashes; returns its exit code."""
    common = (
        "--upgrade",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--no-emit-index-url",
        "--quiet",
    )
    result = subprocess.run(
        [
            *("uv", "pip", "compile", "pyproject.toml", *common, *pins.options),
            *("--constraint", str(paths["constraints"]), "--override", str(paths["overrides"])),
            *("--output-file", pins.path, "--quiet"),
        ],
        stdout=subprocess.DEVNULL,
        text=True,
        check=False,
        cwd=ROOT,
    )
    print(f"{pins.path}: {'failed' if result.returncode else 'renewed'}")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
