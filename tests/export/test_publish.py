"""All files and their manifest are published, or nothing is."""

import json
import resource
import sys
from pathlib import Path

import pytest

from demo.inference.manifest import Manifest
from export.errors import PublishError
from export.publish import publish
from tests.support.shared import contents

ENTRY = {name: {"kind": "discriminator", "opset": 20, "golden": {}} for name in ("a.onnx", "b.onnx")}


def test_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "models"
    publish(folder, {"a.onnx": b"one"}, ENTRY)
    publish(folder, {"b.onnx": b"two"}, ENTRY)
    manifest = Manifest.load(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["models"]
    assert manifest.read("a.onnx") == b"one"
    assert manifest.files["a.onnx"]["opset"] == 20
    assert manifest.read("b.onnx") == b"two"


def test_files_are_removed(tmp_path: Path) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one", "b.json": b"two", "c.json": b"three"}, ENTRY)
    publish(tmp_path / "models", {"c.json": b"new"}, {}, without=["b.json", "c.json", "d.json"])
    assert sorted(contents(tmp_path / "models")) == ["a.onnx", "c.json", "manifest.json"]
    manifest = Manifest.load(tmp_path / "models")
    assert sorted(manifest.files) == ["a.onnx", "c.json"]
    assert manifest.read("c.json") == b"new"


@pytest.mark.parametrize(
    ("size", "names", "reason"),
    [
        (10_000_001, ["b.onnx"], "b.onnx has 10,000,001 bytes; the contract allows 10,000,000"),
        (2_000_001, ["discriminator.onnx"], "discriminator.onnx has 2,000,001"),
        (2_000_001, ["generator.onnx"], "generator.onnx has 2,000,001"),
        (9_000_000, ["b.onnx", "c.onnx", "d.onnx"], "The models have"),
    ],
)
def test_limits_are_kept(tmp_path: Path, size: int, names: list[str], reason: str) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one"}, ENTRY)
    before = contents(tmp_path / "models")
    with pytest.raises(PublishError, match=reason):
        publish(tmp_path / "models", dict.fromkeys(names, b"x" * size), {})
    assert contents(tmp_path / "models") == before
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one"}, ENTRY)
    before = contents(tmp_path / "models")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(PublishError, match=r"written \(File too large\); its content is unchanged"):
            publish(tmp_path / "models", {"a.onnx": b"new", "b.onnx": b"x" * 5000}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path / "models") == before
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_rename_that_fails_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one"}, ENTRY)
    before = contents(tmp_path / "models")
    rename = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if self.name == ".models.staged":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    # As on systems that cannot exchange two folders at once.
    monkeypatch.setattr("export.publish.exchange", lambda *_: False)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PublishError, match="its content is unchanged"):
        publish(tmp_path / "models", {"b.onnx": b"two"}, ENTRY)
    assert contents(tmp_path / "models") == before
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


@pytest.mark.parametrize("damage", ["", '{"version": "1", "files": {"a.onnx": {}}}'])
def test_a_damaged_manifest_is_named_with_the_way_out(tmp_path: Path, damage: str) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one"}, ENTRY)
    (tmp_path / "models" / "manifest.json").write_text(damage)
    with pytest.raises(PublishError, match=r"cannot be read .* Delete it, or name another folder"):
        publish(tmp_path / "models", {"b.onnx": b"two"}, ENTRY)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_kill_between_the_renames_is_repaired(tmp_path: Path) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one"}, ENTRY)
    (tmp_path / "models").rename(tmp_path / ".models.previous")
    publish(tmp_path / "models", {"b.onnx": b"two"}, ENTRY)
    files = json.loads((tmp_path / "models" / "manifest.json").read_text())["files"]
    assert sorted(files) == ["a.onnx", "b.onnx"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges folders at once")
def test_the_folder_is_there_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path / "models", {"a.onnx": b"one"}, ENTRY)

    rename = Path.replace

    def files_only(self: Path, target: Path) -> Path:
        assert not self.is_dir(), f"{self} was renamed to {target}"
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", files_only)
    publish(tmp_path / "models", {"b.onnx": b"two"}, ENTRY)
    assert sorted(contents(tmp_path / "models")) == ["a.onnx", "b.onnx", "manifest.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
