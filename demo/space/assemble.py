"""Assemble a folder that can be pushed to a Hugging Face Space: the app, its models and its requirements."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from demo.contract import MANIFEST, VERSION
from demo.errors import DemoError
from demo.folders import foreign, write_folder
from demo.inference.manifest import Manifest

Hardware = Literal["cpu", "gpu"]

SPACE_FOLDER: Final = Path(__file__).parent
PACKAGE: Final = SPACE_FOLDER.parent
MARK: Final = "touchstone.json"
"""Lists the folder's files with their SHA-256. A folder that has it may be overwritten."""

NOT_SHIPPED: Final = ("conformance", "screenshots", "models", "__pycache__")
"""Folders of the package that are left out; the models are added on their own."""

GRADIO_VERSION: Final = "6.31.0"
REQUIREMENTS: Final = ("numpy>=2.1,<3", "pillow>=12.3,<13", "pillow-heif>=1.8,<2", "tqdm>=4.67,<5")
"""What the app imports beyond what the Space's builder installs: gradio, uvicorn, websockets and spaces.

Neither those four nor what they depend on may be pinned here: the builder resolves everything together, and a
pin that contradicts one of its own makes the Space impossible to build. See `tests/tools/space.py`.
"""
RUNTIMES: Final[Mapping[Hardware, str]] = {
    "cpu": "onnxruntime>=1.31,<2",
    "gpu": "onnxruntime-gpu[cuda,cudnn]>=1.31,<2",
}

# The default of Spaces is too old for onnxruntime.
PYTHON_VERSION: Final = "3.12"
SMALLEST_GPU: Final = "t4-small"


def assemble_space(folder: Path, models: Path, hardware: Hardware) -> None:
    """Write the app and the models of a models folder into `folder`, for a Space on a CPU or a GPU.

    Raises:
        ModelError: a model is missing, or its checksum differs from the published one.
        DemoError: the folder holds other files or cannot be written.
    """
    if foreign(folder, MARK):
        raise DemoError(f"{folder} holds other files than a Space of Touchstone; use a new or empty folder.")
    files = {
        "README.md": (front_matter(hardware) + (SPACE_FOLDER / "README.md").read_text("utf-8")).encode(),
        "requirements.txt": "".join(f"{line}\n" for line in (*REQUIREMENTS, RUNTIMES[hardware])).encode(),
        "app.py": (SPACE_FOLDER / "app.py").read_bytes(),
        ".gitignore": b"__pycache__/\n",
    }
    files |= package_files() | model_files(models)
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    mark = {"version": VERSION, "hardware": hardware, "files": checksums}
    files[MARK] = (json.dumps(mark, indent=1) + "\n").encode()
    write_folder(folder, MARK, files)


def front_matter(hardware: Hardware) -> str:
    """Return the YAML block at the top of a Space's README, which configures the Space."""
    lines = {
        "title": "Touchstone",
        "emoji": "🔎",
        "colorFrom": "gray",
        "colorTo": "green",
        "sdk": "gradio",
        "sdk_version": GRADIO_VERSION,
        "python_version": f'"{PYTHON_VERSION}"',
        "app_file": "app.py",
        "pinned": "false",
        "license": "mit",
        "tags": "[mcp-server]",
        "short_description": "Was this digit written by a person, or generated?",
    }
    if hardware == "gpu":
        lines["suggested_hardware"] = SMALLEST_GPU
    return "".join(["---\n", *(f"{key}: {value}\n" for key, value in lines.items()), "---\n\n"])


def package_files() -> dict[str, bytes]:
    """Return the files of the `demo` package, without `NOT_SHIPPED`, by their path in the Space."""
    files = {}
    for path in sorted(PACKAGE.rglob("*")):
        inside = path.relative_to(PACKAGE)
        shipped = inside.parts[0] not in NOT_SHIPPED and "__pycache__" not in inside.parts
        if path.is_file() and shipped and not any(part.startswith(".") for part in inside.parts):
            files[f"demo/{inside.as_posix()}"] = path.read_bytes()
    return files


def model_files(models: Path) -> dict[str, bytes]:
    """Return the published models and their manifest, after verifying each checksum."""
    manifest = Manifest.load(models)
    files = {f"demo/models/{name}": manifest.read(name) for name in manifest.files}
    files[f"demo/models/{MANIFEST}"] = (models / MANIFEST).read_bytes()
    return files
