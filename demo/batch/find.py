"""Find pictures: files given by name, and files in folders."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from demo.errors import PictureError

SUFFIXES: Final = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp"),
    *(".avif", ".bmp", ".dib", ".gif", ".heic", ".heif"),
)
"""Suffixes, in either case, of the files in folders that are taken for pictures."""

NONE_INSIDE: Final = (
    "No file in the folder has a picture's name; choose another folder, or name the files themselves."
)


def find_pictures(
    paths: Iterable[Path], suffixes: tuple[str, ...] = SUFFIXES
) -> Iterator[tuple[str, Path | PictureError]]:
    """Yield each file with its name, in the order given; for a folder, its pictures at any depth, by name.

    A file given by name is taken under any name. In folders, files with one of the suffixes are taken,
    and nothing hidden. Links are followed; no folder is entered twice. Memory holds the names in one folder
    and in those above it.

    A folder that cannot be read, or is given and holds no picture, is yielded with the error.
    """
    for path in paths:
        if not is_folder(path):
            yield str(path), path
            continue
        inside = pictures_inside(path, suffixes)
        first = next(inside, None)
        if first is None:
            yield str(path), PictureError(NONE_INSIDE)
        else:
            yield first
            yield from inside


def pictures_inside(folder: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, Path | PictureError]]:
    entered: set[tuple[int, int]] = set()
    # A stack, because a deep tree would exhaust recursion.
    waiting = [iter([(folder, True)])]
    while waiting:
        path, is_a_folder = next(waiting[-1], (None, False))
        if path is None:
            waiting.pop()
        elif not is_a_folder:
            yield str(path), path
        else:
            try:
                status = path.stat()
                identity = (status.st_dev, status.st_ino)
                if identity not in entered:
                    entered.add(identity)
                    waiting.append(entries(path, suffixes))
            except OSError as error:
                yield str(path), PictureError(f"The folder cannot be read ({error.strerror}).")


def entries(folder: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[Path, bool]]:
    """Return the pictures and folders directly in a folder, by name, each with whether it is a folder.

    Raises:
        OSError: the folder cannot be read.
    """
    found: dict[str, bool] = {}
    with os.scandir(folder) as scanned:
        for entry in scanned:
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                found[entry.name] = True
            elif entry.name.lower().endswith(suffixes) and is_readable(entry):
                found[entry.name] = False
    return ((folder / name, found[name]) for name in sorted(found))


def is_readable(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a file, or a broken link, which is reported later; a pipe would never end."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry).exists())
    except OSError:
        # Reading it will report why.
        return True


def is_folder(path: Path | os.DirEntry[str]) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
