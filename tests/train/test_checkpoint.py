"""Snapshots are exact and atomic, and errors name the file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from train.checkpoint import load_snapshot, save_snapshot, write_atomically
from train.errors import RunError


def test_round_trip_is_exact(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4), "b.c": torch.arange(5, dtype=torch.uint8)}
    save_snapshot(tmp_path / "x.safetensors", tensors, {"step": 7})
    loaded, header = load_snapshot(tmp_path / "x.safetensors")
    assert header == {"step": 7}
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("content", [b"", b"not a snapshot", b"\xff" * 100])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"x\.safetensors is not a readable snapshot"):
        load_snapshot(path)


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_atomically(path, b"good")
    # A limit on file size stops a write half-way, like a full disk.
    program = (
        "import resource, sys; from pathlib import Path; from train.checkpoint import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomically(Path(sys.argv[1]), b'x' * 5000)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "cannot be written (File too large); earlier files are intact" in result.stderr
    assert path.read_bytes() == b"good"
    assert [item.name for item in tmp_path.iterdir()] == ["x.bin"]


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match=r"cannot be written .*--resume"):
        write_atomically(tmp_path / "file" / "x.bin", b"x")


def test_nothing_is_pickled(smoke_run: Path) -> None:
    assert {path.suffix for path in smoke_run.iterdir()} <= {".json", ".jsonl", ".safetensors", ".png"}
    json.loads((smoke_run / "config.json").read_text())
