"""What was published: for each file its checksum, metrics and golden numbers, read from `manifest.json`."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from demo.contract import MANIFEST
from demo.errors import ModelError

MODELS_FOLDER: Final = Path(__file__).parent / "models"


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
            content = json.loads(path.read_text(encoding="utf-8"))
            check_shape(content)
        except FileNotFoundError as error:
            raise ModelError(
                f"There are no published models in {folder} (no {MANIFEST}); name a folder that holds them "
                "with --models, or publish a run there with `python -m export run RUN`."
            ) from error
        except (OSError, ValueError) as error:
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
            ModelError: the file is not in the manifest, is missing, or is not the one published.
        """
        if file not in self.files:
            raise ModelError(f"{file} is not among the published models in {self.folder}.")
        try:
            content = (self.folder / file).read_bytes()
        except OSError as error:
            raise ModelError(f"{self.folder / file} cannot be read ({error.strerror}).") from error
        if hashlib.sha256(content).hexdigest() != self.files[file]["sha256"]:
            raise ModelError(
                f"{file} is not the file that was published: its SHA-256 differs from the manifest's. "
                "Restore it, or publish the models again."
            )
        return content


def check_shape(content: Any) -> None:
    """Raises ValueError, which names the place, where a manifest lacks what its readers rely on."""
    if not isinstance(content, dict) or not isinstance(content.get("version"), str):
        raise ValueError("it has no version")
    if not isinstance(content.get("files"), dict):
        raise ValueError("it lists no files")
    for file, entry in content["files"].items():
        needed = {"sha256": str, "size": int}
        if file.endswith(".onnx"):
            needed |= {"kind": str, "golden": dict}
        for key, kind in needed.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise ValueError(f"{file} has no {key}")
