"""Snapshots are exact and atomic, and errors name the file."""

import resource
from pathlib import Path

import pytest

from train.checkpoint import load_snapshot, write_atomically
from train.errors import RunError


@pytest.mark.parametrize("content", [b"", b"\xff" * 100])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"x\.safetensors is not a readable snapshot"):
        load_snapshot(path)


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_atomically(path, b"good")
    # A limit on file size stops a write half-way, like a full disk.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(RunError, match=r"cannot be written \(File too large\); earlier files are intact"):
            write_atomically(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"good"
    assert [item.name for item in tmp_path.iterdir()] == ["x.bin"]


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match=r"cannot be written .*--resume"):
        write_atomically(tmp_path / "file" / "x.bin", b"x")
