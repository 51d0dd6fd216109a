"""A folder that is ready to be pushed to a Hugging Face Space: the app, its models, and what it needs."""

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from demo.contract import MANIFEST, VERSION
from demo.errors import SpaceError
from demo.folders import foreign, write_folder
from demo.inference.manifest import Manifest
from demo.insight.game import DIGITS_FOLDER, MNIST_FILE, mnist_paths, read_idx

Hardware = Literal["cpu", "gpu"]

SPACE_FOLDER: Final = Path(__file__).parent
PACKAGE: Final = SPACE_FOLDER.parent
MARK: Final = "touchstone.json"
"""Lists the folder's files with their SHA-256, and tells it from somebody's own."""

REQUIREMENTS: Final = PACKAGE / "requirements"
HASHED: Final = "requirements-hashed.txt"
NOT_SHIPPED: Final = ("conformance", "screenshots", "models", "digits", "requirements", "__pycache__")
"""Folders of the package: pictures of tests and of the README; what is added from its own source; what
Python makes."""

PINNED: Final = ("gradio", "numpy", "pillow", "pillow-heif")
RUNTIMES: Final[Mapping[Hardware, str]] = {"cpu": "onnxruntime", "gpu": "onnxruntime-gpu[cuda,cudnn]"}

# A Space's own default is too old for onnxruntime.
PYTHON_VERSION: Final = "3.12"
SMALLEST_GPU: Final = "t4-small"


def assemble_space(folder: Path, models: Path, hardware: Hardware, digits: bool = False) -> None:
    """Write the app with a models folder into `folder`, for a Space on a CPU or a GPU.

    digits: MNIST's test pictures come along, for the game.

    Raises:
        ModelError: a model is missing, or is not the one that was published.
        SpaceError: the folder holds something else or cannot be written, or there are no
            digits at hand.
    """
    if foreign(folder, MARK):
        raise SpaceError(f"{folder} holds something else than this Space; name a new or an empty folder.")
    files = {
        "README.md": (front_matter(hardware) + (SPACE_FOLDER / "README.md").read_text("utf-8")).encode(),
        "requirements.txt": requirements(hardware).encode(),
        HASHED: (REQUIREMENTS / f"space-{hardware}.txt").read_bytes(),
        "app.py": (SPACE_FOLDER / "app.py").read_bytes(),
        ".gitignore": b"__pycache__/\n",
    }
    files |= package_files() | model_files(models)
    if digits:
        files[f"demo/{DIGITS_FOLDER.name}/{MNIST_FILE}.gz"] = packed_digits()
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    mark = {"version": VERSION, "hardware": hardware, "files": checksums}
    files[MARK] = (json.dumps(mark, indent=1) + "\n").encode()
    try:
        write_folder(folder, MARK, files)
    except OSError as error:
        raise SpaceError(f"{folder} cannot be written ({error.strerror}); name another folder.") from error


def front_matter(hardware: Hardware) -> str:
    """What a Space reads at the top of its README."""
    lines = {
        "title": "Touchstone",
        "emoji": "🔎",
        "colorFrom": "gray",
        "colorTo": "green",
        "sdk": "gradio",
        "sdk_version": pins(hardware)["gradio"],
        "python_version": f'"{PYTHON_VERSION}"',
        "app_file": "app.py",
        "pinned": "false",
        "license": "mit",
        "short_description": "Was this digit written by a person, or generated?",
    }
    if hardware == "gpu":
        lines["suggested_hardware"] = SMALLEST_GPU
    return "".join(["---\n", *(f"{key}: {value}\n" for key, value in lines.items()), "---\n\n"])


def requirements(hardware: Hardware) -> str:
    """What pip installs there: every package at its version, those that others bring along, too.

    Without the hashes, which stand beside it in `HASHED`: a Space's builder adds packages of its own, and pip
    refuses to mix what has a hash with what has none.
    """
    return "".join(f"{name}=={version}\n" for name, version in pins(hardware).items())


def pins(hardware: Hardware) -> dict[str, str]:
    """Name → version, of all packages of a Space's machine; see `tests/tools/pins.py`."""
    text = (REQUIREMENTS / f"space-{hardware}.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))


def package_files() -> dict[str, bytes]:
    """The app's own package, but for `NOT_SHIPPED`."""
    files = {}
    for path in sorted(PACKAGE.rglob("*")):
        inside = path.relative_to(PACKAGE)
        shipped = inside.parts[0] not in NOT_SHIPPED and "__pycache__" not in inside.parts
        if path.is_file() and shipped and not any(part.startswith(".") for part in inside.parts):
            files[f"demo/{inside.as_posix()}"] = path.read_bytes()
    return files


def model_files(models: Path) -> dict[str, bytes]:
    """The published models with their manifest, each file compared with its checksum."""
    manifest = Manifest.load(models)
    files = {f"demo/models/{name}": manifest.read(name) for name in manifest.files}
    files[f"demo/models/{MANIFEST}"] = (models / MANIFEST).read_bytes()
    return files


def packed_digits() -> bytes:
    """MNIST's test pictures as a compressed IDX file; raises SpaceError where there are none at hand."""
    for path in mnist_paths():
        if read_idx(path) is not None:
            content = path.read_bytes()
            return content if path.suffix == ".gz" else gzip.compress(content, mtime=0)
    raise SpaceError(
        "MNIST is not at hand: name its folder's parent with TOUCHSTONE_DATA, download it with "
        "`python -m train data`, or leave out --digits."
    )
