"""Check that Hugging Face can build the Space: `python -m tests.tools.space`.

The builder of a Gradio Space installs packages of its own beside the Space's `requirements.txt`, all in one
resolution. This resolves the same set with pip, without installing anything, for both kinds of hardware. It
prints pip's explanation of a conflict and exits with 1.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, get_args

from huggingface_hub.repocard import metadata_load

from demo.inference.engine import MODELS_FOLDER
from demo.space.assemble import Hardware, assemble_space

PLATFORMS: Final = ("manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(17, 37)))
"""The wheels that a Space's machine, Debian 12, can install."""
BUILDER: Final = ("uvicorn>=0.14.0", "websockets>=10.4", "spaces")
"""What the builder adds to gradio itself. Source: the build log of a Gradio Space."""


def main() -> int:
    """Assemble and resolve a Space for each hardware; return 0 where all of them can be built."""
    failed = False
    for hardware in get_args(Hardware):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "space"
            assemble_space(folder, MODELS_FOLDER, hardware)
            conflict = resolve(folder)
        print(f"Space on {hardware}: {'cannot be built' if conflict else 'can be built'}")
        print(conflict, end="", file=sys.stderr)
        failed = failed or bool(conflict)
    return int(failed)


def resolve(folder: Path) -> str:
    """Resolve what the builder would install for the Space in `folder`; return pip's errors, or "".

    Packages are chosen for the Space's version of Python, but pip evaluates markers for the running one.
    """
    head = metadata_load(folder / "README.md")
    assert isinstance(head, dict)
    with tempfile.TemporaryDirectory() as target:
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"),
                *("--disable-pip-version-check", "--only-binary=:all:"),
                *(f"--platform={platform}" for platform in PLATFORMS),
                *("--python-version", head["python_version"], "--target", target),
                *("--requirement", str(folder / "requirements.txt")),
                *(f"gradio[oauth,mcp]=={head['sdk_version']}", *BUILDER),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode == 0:
        return ""
    errors = [line for line in result.stderr.splitlines() if not line.startswith("WARNING")]
    return "\n".join([*errors, ""])


if __name__ == "__main__":
    sys.exit(main())
