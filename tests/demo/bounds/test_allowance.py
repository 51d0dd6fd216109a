"""What bodies may take: in memory, given back; on the disk, counted as it comes and at each look."""

import shutil
from pathlib import Path

import pytest

from demo.bounds.allowance import Allowance, FolderAllowance, bytes_in


def test_what_is_too_much_is_not_counted() -> None:
    allowance = Allowance(10)
    assert allowance.take(7)
    assert not allowance.take(4)
    assert allowance.take(3)
    allowance.give(7)
    assert allowance.take(6)


def test_what_lies_in_a_folder_and_what_has_come_since_count(tmp_path: Path) -> None:
    (tmp_path / "hash").mkdir()
    (tmp_path / "hash" / "7.png").write_bytes(bytes(40_000))
    lying = bytes_in(tmp_path)
    assert 40_000 <= lying < 60_000
    allowance = FolderAllowance(tmp_path, lying + 10_000)
    assert allowance.crowded
    assert allowance.take(8_000)
    allowance.give(8_000)
    # It may lie there.
    assert not allowance.take(8_000)
    allowance.look()
    assert allowance.take(8_000)
    assert not allowance.take(8_000)
    shutil.rmtree(tmp_path / "hash")
    assert not allowance.take(8_000)
    allowance.look()
    assert not allowance.crowded
    assert allowance.take(45_000)


def test_there_is_never_more_than_half_of_what_the_disk_has_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    allowance = FolderAllowance(tmp_path)
    assert not allowance.take(501)
    assert allowance.take(500)


def test_on_a_small_disk_less_is_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "7.png").write_bytes(bytes(40_000))
    lying = bytes_in(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    for free, crowded in ((2 * lying - 2, True), (2 * lying, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert FolderAllowance(tmp_path).crowded == crowded


def test_a_folder_that_is_gone_for_now_keeps_what_was_counted(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    allowance = FolderAllowance(folder, 1000)
    folder.rmdir()
    allowance.look()
    assert allowance.take(1000)
    assert not allowance.take(1)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "7.png").write_bytes(bytes(100_000))
    (folder / "link").symlink_to(outside)
    assert bytes_in(folder) < 10_000
