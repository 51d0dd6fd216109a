"""The manifest of a models folder: checksum, metrics and golden numbers of each published file."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import MANIFEST
from demo.contract import MODELS_FOLDER as MODELS_FOLDER
from demo.errors import ModelError

PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""The allowed names of published files: no folder, no drive, nothing special to a shell or an HTTP header."""
LARGEST_MANIFEST: Final = 10_000_000
"""Bytes. A manifest lists a few files with their golden numbers."""


class Manifest:
    """The published files of a folder. Every file that is read is compared with its checksum."""

    def __init__(self, folder: Path, content: Mapping[str, Any]) -> None:
        self.folder = folder
        self.version: str = content["version"]
        self.files: Mapping[str, Mapping[str, Any]] = content["files"]

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read the manifest of a folder; raise ModelError if there is none, or it cannot be read."""
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
        """Return the names of the models of a kind, without `.onnx`.

        Kinds: `normalizer`, `discriminator`, `from_image`, `generator`, `history`.
        """
        return tuple(
            file.removesuffix(".onnx") for file, entry in self.files.items() if entry.get("kind") == kind
        )

    def read(self, file: str) -> bytes:
        """Return a published file's content; raise ModelError if it is missing or its checksum differs."""
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
    """Return at most `size + 1` bytes of a file; raise OSError if it is missing, or no regular file."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OSError("it is not a regular file")
    with path.open("rb") as stream:
        return stream.read(size + 1)


def check_shape(content: Any) -> None:
    """Raise ValueError, naming the entry, if a manifest lacks a field that its readers rely on."""
    if not isinstance(content, dict) or not isinstance(content.get("version"), str):
        raise ValueError("it has no version")
    if not isinstance(content.get("files"), dict):
        raise ValueError("it lists no files")
    for file, entry in content["files"].items():
        if not PLAIN_NAME.fullmatch(file) or file == MANIFEST:
            raise ValueError(f"{file!r:.120} is not a valid file name")
        needed = {"sha256": str, "size": int}
        if file.endswith(".onnx"):
            needed |= {"kind": str, "golden": dict, "opset": int}
        if isinstance(entry, dict) and entry.get("kind") == "history":
            needed |= {"steps": list}
        for key, kind in needed.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise ValueError(f"{file} has no {key}")


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """Return an array as JSON: dtype, shape and little-endian bytes in base64."""
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": base64.b64encode(little.tobytes()).decode(),
    }


def unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    """Return the array that `pack` was given."""
    dtype = np.dtype(packed["dtype"])
    data = base64.b64decode(packed["data"])
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(packed["shape"])


def check_golden(name: str, session: Any, golden: Mapping[str, Any], provider: str) -> None:
    """Run a model's golden inputs and compare every output with the published one.

    For each output and provider the manifest allows a largest absolute difference (`absolute`) and a largest
    share of values that differ at all (`share`).

    Raises:
        ModelError: an output differs by more than its tolerance, has another shape, or cannot be computed.
    """
    try:
        expected = {output: unpack(packed) for output, packed in golden["outputs"].items()}
        if not expected:
            raise ValueError("there are none")
        inputs = {feed: unpack(packed) for feed, packed in golden["inputs"].items()}
        limits = {output: golden["tolerance"][provider][output] for output in expected}
        tolerance = {name: (float(each["absolute"]), float(each["share"])) for name, each in limits.items()}
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelError(
            f"The manifest's golden numbers of {name} cannot be read ({error}); restore it."
        ) from error
    try:
        found = dict(zip(expected, session.run(list(expected), inputs), strict=True))
    # onnxruntime's exceptions share no base class but Exception.
    except Exception as error:
        raise ModelError(
            f"{name} does not run on its golden inputs ({' '.join(str(error).split())}); "
            "restore it and the manifest, or use --device cpu."
        ) from error
    for output, (largest, share) in tolerance.items():
        if found[output].shape != expected[output].shape:
            raise ModelError(f"{name} gives {output} another shape than the published one; it is not served.")
        difference = np.abs(found[output].astype(np.float64) - expected[output].astype(np.float64))
        # Written so that NaN fails.
        if not (difference.max() <= largest and np.mean(difference != 0) <= share):
            raise ModelError(
                f"{name} on {provider} gives other numbers than when it was published: {output} differs by "
                f"{difference.max():.3g}, and {largest:.3g} is allowed. It is not served; use "
                "--device cpu, or another version of onnxruntime."
            )
