"""The pictures that paths name: files as they are, and what lies in folders."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from demo.errors import PictureError

SUFFIXES: Final = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp"),
    *(".avif", ".bmp", ".dib", ".gif", ".heic", ".heif"),
)
"""Of the names, in either case, that are taken for pictures in a folder."""

NONE_INSIDE: Final = (
    "There is no picture in the folder, going by the names; choose another, or name files themselves."
)


def find_pictures(paths: Iterable[Path]) -> Iterator[tuple[str, Path | PictureError]]:
    """Each file with its name, in the order given; for a folder, what it holds at any depth, by name.

    A file that is named itself is taken whatever it is called. In folders only names that end like a
    picture's are, and nothing hidden (a dot before the name). Links are followed; a folder that is met
    again is not entered again. Held in memory are the names in a folder and in those above it, and which
    folders were entered.

    A folder that cannot be read, and one given that holds no picture, comes with the error.
    """
    for path in paths:
        if not is_folder(path):
            yield str(path), path
            continue
        inside = pictures_inside(path)
        first = next(inside, None)
        if first is None:
            yield str(path), PictureError(NONE_INSIDE)
        else:
            yield first
            yield from inside


def pictures_inside(
    folder: Path, suffixes: Sequence[str] = SUFFIXES
) -> Iterator[tuple[str, Path | PictureError]]:
    """The pictures, or other files named so, in a folder and in those inside it; see `find_pictures`."""
    entered: set[tuple[int, int]] = set()
    # Not by recursion, which a deep enough tree would exhaust.
    waiting = [iter([(folder, True)])]
    while waiting:
        path, is_a_folder = next(waiting[-1], (None, False))
        if path is None:
            waiting.pop()
        elif not is_a_folder:
            yield str(path), path
        else:
            try:
                if is_new(path, entered):
                    waiting.append(iter(entries(path, suffixes)))
            except OSError as error:
                yield str(path), PictureError(f"The folder cannot be read ({error.strerror}).")


def entries(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> Iterator[tuple[Path, bool]]:
    """The pictures and the folders directly in a folder, by name, each with whether it is a folder.

    Raises:
        OSError: the folder cannot be read.
    """
    folders = set()
    names = []
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                folders.add(entry.name)
                names.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in suffixes and is_readable(entry):  # noqa: PTH122
                names.append(entry.name)
    names.sort()
    return ((folder / name, name in folders) for name in names)


def is_readable(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link that leads nowhere, which is to be said; a pipe would never end."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry).exists())
    except OSError:
        # Why it cannot be read is said where it is.
        return True


def is_new(folder: Path, entered: set[tuple[int, int]]) -> bool:
    """Whether a folder was not entered before, under whichever name; from now on it was."""
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    new = identity not in entered
    entered.add(identity)
    return new


def is_folder(path: Path | os.DirEntry[str]) -> bool:
    """Whether it leads to a folder; False where that cannot be told."""
    try:
        return path.is_dir()
    except OSError:
        return False
