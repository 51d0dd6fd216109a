"""Publish all files and their manifest together, or nothing."""

import ctypes
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from demo.contract import DISCRIMINATOR, GENERATOR, MANIFEST, VERSION
from demo.errors import ModelError
from demo.folders import write_whole
from demo.inference.manifest import Manifest
from export.errors import PublishError

LARGEST_BYTES: Final = {f"{DISCRIMINATOR}.onnx": 2_000_000, f"{GENERATOR}.onnx": 2_000_000}
LARGEST_OTHER_BYTES: Final = 10_000_000
LARGEST_FOLDER_BYTES: Final = 25_000_000


def publish(
    folder: Path,
    files: Mapping[str, bytes],
    entries: Mapping[str, Mapping[str, Any]],
    without: Collection[str] = (),
) -> None:
    """Put files into a models folder and their entries into its manifest; other files there stay.

    without: names of files to remove, unless they are among the new ones.

    Raises:
        PublishError: a limit of the contract is broken, or the folder cannot be written; nothing has changed.
    """
    with replacement(folder) as staged:
        if folder.exists():
            shutil.copytree(folder, staged, dirs_exist_ok=True)
        for name in without:
            (staged / name).unlink(missing_ok=True)
        known = {name: entry for name, entry in published(staged).items() if name not in without}
        for name, content in files.items():
            write_whole(staged / name, content)
            checksum = hashlib.sha256(content).hexdigest()
            known[name] = {"sha256": checksum, "size": len(content), **entries.get(name, {})}
        manifest = {"version": VERSION, "files": dict(sorted(known.items()))}
        write_whole(staged / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        check_limits(staged)


def published(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return file name → entry of a models folder's manifest; empty if there is no manifest.

    Raises:
        PublishError: the manifest cannot be read.
    """
    try:
        return dict(Manifest.load(folder).files) if (folder / MANIFEST).exists() else {}
    except ModelError as error:
        raise PublishError(f"{error} Delete it, or name another folder with --models.") from error


def check_limits(folder: Path) -> None:
    """Raise PublishError if the folder or a file in it is larger than the contract allows."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    rows = [
        (f"{name} has", size, LARGEST_BYTES.get(name, LARGEST_OTHER_BYTES)) for name, size in sizes.items()
    ]
    for what, size, most in [*rows, ("The models have", sum(sizes.values()), LARGEST_FOLDER_BYTES)]:
        if size > most:
            raise PublishError(
                f"{what} {size:,} bytes; the contract allows {most:,}. Train a smaller network. "
                "Nothing is published."
            )


@contextmanager
def replacement(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes the named folder's place if the block ends without an error.

    Readers see the old folder or the new one, never a part. On systems that cannot swap two folders at
    once, a kill between two renames leaves the old one as `.NAME.previous`, and the next replacement puts
    it back first.

    Raises:
        PublishError: the folder cannot be written; its content is unchanged.
    """
    folder = folder.resolve()
    previous = folder.with_name(f".{folder.name}.previous")
    staged = folder.with_name(f".{folder.name}.staged")
    try:
        restore(previous, folder)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        yield staged
        if not (folder.exists() and exchange(staged, folder)):
            if folder.exists():
                folder.replace(previous)
            staged.replace(folder)
    except (OSError, shutil.Error) as error:
        raise PublishError(
            f"{folder} cannot be written ({getattr(error, 'strerror', None) or error}); its content is "
            "unchanged. Free some space or fix the permissions, then try again."
        ) from error
    finally:
        restore(previous, folder)
        shutil.rmtree(staged, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Swap the names of two folders at once; return whether this system and its file system can."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    here, exchanged = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchanged) == 0


def restore(previous: Path, folder: Path) -> None:
    """Put the old folder back if a replacement stopped half-way, else delete it."""
    if previous.exists() and not folder.exists():
        previous.replace(folder)
    shutil.rmtree(previous, ignore_errors=True)
