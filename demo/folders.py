"""Write files atomically, and folders without touching foreign files."""

import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from demo.errors import DemoError

ASIDE: Final = re.compile(r"\..+\.[0-9a-f]{32}")
"""The name of a file that was being written when its process was killed."""


def foreign(folder: Path, mark: str) -> bool:
    """Return whether a folder holds visible files but not the one that marks a folder of ours."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        return True
    names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    return bool(names) and mark not in names


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: at every moment the path holds the old content or the new, never a part.

    Raises:
        OSError: it cannot be written; the old content is intact.
    """
    # A unique name: if two processes write the same file, the last one wins.
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
    """Write files by their paths inside a folder, and remove other files left by an earlier build.

    Removed are all other files at the top and inside the written folders, except hidden ones. The mark is
    written first, so that a folder whose build was stopped is still recognised as ours.

    Raises:
        DemoError: the folder cannot be written.
    """
    written = {folder / name for name in files}
    try:
        for name in (mark, *files):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / name, files[name])
        inside = {folder / Path(name).parts[0] for name in files}
        for path in (*folder.iterdir(), *(path for part in inside for path in part.rglob("*"))):
            left = not path.name.startswith(".") or ASIDE.fullmatch(path.name)
            if left and path.is_file() and path not in written:
                path.unlink()
    except OSError as error:
        raise DemoError(f"{folder} cannot be written ({error.strerror}); use another folder.") from error
