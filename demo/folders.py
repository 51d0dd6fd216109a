"""Folders that are written whole, to be put on the web: told from somebody's own, with nothing left over."""

from collections.abc import Mapping
from pathlib import Path


def foreign(folder: Path, mark: str) -> bool:
    """Whether a folder holds anything, hidden files apart, without the file that marks one of ours."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        return True
    names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    return bool(names) and mark not in names


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
        (folder / name).write_bytes(files[name])
    inside = {folder / Path(name).parts[0] for name in files}
    found = [*folder.iterdir(), *(path for part in inside for path in part.rglob("*"))]
    for path in found:
        if path.is_file() and path not in written and not path.name.startswith("."):
            path.unlink()
