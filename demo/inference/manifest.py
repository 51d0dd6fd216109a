"""What was published: for each file its checksum, metrics and golden numbers, read from `manifest.json`."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from demo.contract import MANIFEST
from demo.errors import ModelError

MODELS_FOLDER: Final = Path(__file__).parents[1] / "models"

PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""A published file's name: no folder, no drive, nothing that a shell or a header would take for more."""
SHA256: Final = re.compile(r"[0-9a-f]{64}")
LARGEST_MANIFEST: Final = 10_000_000
"""Bytes; what a manifest lists is a few files and their golden numbers."""


class Manifest:
    """The manifest of a models folder. Every read of a file goes through its checksum."""

    def __init__(self, folder: Path, content: Mapping[str, Any]) -> None:
        self.folder = folder
        self.version: str = content["version"]
        self.files: Mapping[str, Mapping[str, Any]] = content["files"]

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read the manifest of a folder.

        Raises:
            ModelError: the folder holds none, or it cannot be read.
        """
        path = folder / MANIFEST
        try:
            content = json.loads(read_plain(path, LARGEST_MANIFEST))
            check_shape(content)
        except FileNotFoundError as error:
            raise ModelError(
                f"There are no published models in {folder} (no {MANIFEST}); name a folder that holds them "
                "with --models, or publish a run there with `python -m export run RUN`."
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{path} cannot be read ({error}); restore it.") from error
        return cls(folder, content)

    def names(self, kind: str) -> tuple[str, ...]:
        """The models of a kind, without `.onnx`.

        Kinds: `normalizer`, `discriminator`, `from_image`, `generator`, `history`.
        """
        return tuple(
            file.removesuffix(".onnx") for file, entry in self.files.items() if entry.get("kind") == kind
        )

    def read(self, file: str) -> bytes:
        """A published file's content, the very bytes whose checksum was compared.

        Raises:
            ModelError: the file is not in the manifest, is missing, is a link, or is not the one published.
        """
        if file not in self.files:
            raise ModelError(f"{file} is not among the published models in {self.folder}.")
        try:
            content = read_plain(self.folder / file, self.files[file]["size"])
        except OSError as error:
            raise ModelError(f"{self.folder / file} cannot be read ({error.strerror or error}).") from error
        if hashlib.sha256(content).hexdigest() != self.files[file]["sha256"]:
            raise ModelError(
                f"{file} is not the file that was published: its SHA-256 differs from the manifest's. "
                "Restore it, or publish the models again."
            )
        return content


def read_plain(path: Path, size: int) -> bytes:
    """A plain file's content, of which no more is read than one byte above a size.

    A link is not followed and a pipe not waited for: what a models folder names lies in it.

    Raises:
        OSError: there is no such file, or it is no plain one.
    """
    # Windows has neither of the two flags, and needs the third.
    flags = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
    if path.is_symlink():
        raise OSError("it is a link, not a file")
    with os.fdopen(os.open(path, os.O_RDONLY | flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError("it is no plain file")
        return stream.read(size + 1)


def check_shape(content: Any) -> None:
    """Raises ValueError, which names the place, where a manifest lacks what its readers rely on."""
    if not isinstance(content, dict) or not isinstance(content.get("version"), str):
        raise ValueError("it has no version")
    if not isinstance(content.get("files"), dict):
        raise ValueError("it lists no files")
    for file, entry in content["files"].items():
        if not PLAIN_NAME.fullmatch(file) or file == MANIFEST:
            raise ValueError(f"{file!r:.120} is no name of a published file")
        needed = {"sha256": str, "size": int}
        if file.endswith(".onnx"):
            needed |= {"kind": str, "golden": dict, "opset": int}
        if isinstance(entry, dict) and entry.get("kind") == "history":
            needed |= {"steps": list}
        for key, kind in needed.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise ValueError(f"{file} has no {key}")
        if not SHA256.fullmatch(entry["sha256"]):
            raise ValueError(f"{file} has no sha256")
        if isinstance(entry["size"], bool) or entry["size"] < 0:
            raise ValueError(f"{file} has no size")
