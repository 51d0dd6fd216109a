"""Folders that are written whole, to be put on the web: told from somebody's own, with nothing left over."""

import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ASIDE: Final = re.compile(r"\..+\.[0-9a-f]{32}")
"""What a kill leaves of a file that was being written."""


def foreign(folder: Path, mark: str) -> bool:
    """Whether a folder holds anything, hidden files apart, without the file that marks one of ours."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        return True
    names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    return bool(names) and mark not in names


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment the path holds the old content or the new, never a part.

    Raises:
        OSError: it cannot be written; what was there before is intact.
    """
    # Aside, under a name that nobody else has: of two that write the same file the last one stays.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_folder(folder: Path, mark: str, files: Mapping[str, bytes]) -> None:
    """Write files by their paths inside a folder, and remove what an earlier writing left.

    That is every other file at the top and inside the folders that are written; hidden files stay. The mark
    is written first: it is what tells a folder that was stopped half-way from somebody's own.

    Raises:
        OSError: the folder cannot be written.
    """
    written = {folder / name for name in files}
    for name in (mark, *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, files[name])
    inside = {folder / Path(name).parts[0] for name in files}
    found = [*folder.iterdir(), *(path for part in inside for path in part.rglob("*"))]
    for path in found:
        left = not path.name.startswith(".") or ASIDE.fullmatch(path.name)
        if left and path.is_file() and path not in written:
            path.unlink()
