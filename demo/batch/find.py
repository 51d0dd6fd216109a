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
    waiting = [(folder, True)]
    while waiting:
        path, enter = waiting.pop()
        if not enter:
            # A broken link is reported when it is read; a pipe would never end.
            if os.path.isfile(path) or not os.path.exists(path):  # noqa: PTH110, PTH113
                yield str(path), path
            continue
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(path) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            yield str(path), PictureError(f"The folder cannot be read ({error.strerror}).")
            continue
        for entry in entries:
            if not entry.name.startswith(".") and (
                (enter := is_folder(entry)) or entry.name.lower().endswith(suffixes)
            ):
                waiting.append((path / entry.name, enter))


def is_folder(path: Path | os.DirEntry[str]) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
