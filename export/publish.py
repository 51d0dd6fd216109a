"""Publish: all files and their manifest together, or nothing."""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from demo.contract import MANIFEST, VERSION
from demo.errors import ModelError
from demo.inference.manifest import Manifest
from export.errors import PublishError
from export.folders import replacement, write_through

LARGEST_FILE_BYTES: Final = 10_000_000
LARGEST_FOLDER_BYTES: Final = 25_000_000


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    entries: Mapping[str, Mapping[str, Any]],
    without: Collection[str] = (),
) -> None:
    """Put files into a models folder and their entries into its manifest; other files there stay.

    without: names of files that go, unless they are among the new ones.

    Raises:
        PublishError: a limit of the contract is broken, or the folder cannot be written; nothing has changed.
    """
    with replacement(folder) as staged:
        if folder.exists():
            shutil.copytree(folder, staged, dirs_exist_ok=True)
        for name in without:
            (staged / name).unlink(missing_ok=True)
        for name, content in files.items():
            write_through(staged / name, content)
        manifest = merged_manifest(staged, files, entries, without)
        write_through(staged / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        check_limits(staged)


def published(folder: Path) -> dict[str, Mapping[str, Any]]:
    """File name → entry of what a models folder's manifest lists; nothing where there is no manifest.

    Raises:
        PublishError: the manifest cannot be read.
    """
    try:
        return dict(Manifest.load(folder).files) if (folder / MANIFEST).exists() else {}
    except ModelError as error:
        raise PublishError(f"{error} Delete it, or name another folder with --models.") from error


def merged_manifest(
    folder: Path,
    files: Mapping[str, bytes],
    entries: Mapping[str, Mapping[str, Any]],
    without: Collection[str],
) -> dict[str, Any]:
    """The folder's manifest with the new files' entries in place of the old, and none of what goes."""
    known = {name: entry for name, entry in published(folder).items() if name not in without}
    for name, content in files.items():
        known[name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            **entries.get(name, {}),
        }
    return {"version": VERSION, "files": dict(sorted(known.items()))}


def check_limits(folder: Path) -> None:
    """Raises PublishError where the folder or a file in it is larger than the contract allows."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    for name, size in sizes.items():
        if size > LARGEST_FILE_BYTES:
            raise PublishError(f"{name} has {size:,} bytes; the contract allows {LARGEST_FILE_BYTES:,}.")
    if sum(sizes.values()) > LARGEST_FOLDER_BYTES:
        raise PublishError(
            f"The models have {sum(sizes.values()):,} bytes; the contract allows {LARGEST_FOLDER_BYTES:,}."
        )
