"""Replace a folder as a whole: readers see the old one or the new one, never a part."""

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import PublishError


@contextmanager
def replacement(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the named folder's place when the block ends without an error.

    It is filled beside the old one. Where the system cannot exchange the two at once, a kill between two
    renames leaves the old one as `.NAME.previous`, which the next replacement puts back first.

    Raises:
        PublishError: the folder cannot be written; what it held is intact.
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
            f"{folder} cannot be written ({getattr(error, 'strerror', None) or error}); what it held is "
            "intact. Free some space or mend the permissions, then try again."
        ) from error
    finally:
        restore(previous, folder)
        shutil.rmtree(staged, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Have two folders take each other's name at once; whether this system and its file system can."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    here, exchanged = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchanged) == 0


def restore(previous: Path, folder: Path) -> None:
    """Put the old folder back where a replacement stopped half-way, or clear it away."""
    if previous.exists() and not folder.exists():
        previous.replace(folder)
    shutil.rmtree(previous, ignore_errors=True)


def write_through(path: Path, content: bytes) -> None:
    """Write a file, its folder too if need be, and wait until it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
