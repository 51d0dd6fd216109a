"""The any-image files can be rebuilt around the published discriminator."""

import json
import shutil
from pathlib import Path

import pytest

from demo.inference.engine import MODELS_FOLDER, Engine
from export.cli import main

FILES = ("normalizer.onnx", "discriminator_from_image.onnx")


def test_the_rebuilt_files_are_the_published_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = json.loads((MODELS_FOLDER / "manifest.json").read_text())
    # Part of every file's metadata.
    monkeypatch.setattr("export.convert.VERSION", published["version"])
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    for file in FILES:
        (models / file).write_bytes(b"")
    assert main(["rebuild", "--models", str(models)]) == 0
    for file in FILES:
        assert (models / file).read_bytes() == (MODELS_FOLDER / file).read_bytes()
    rebuilt = json.loads((models / "manifest.json").read_text())["files"]
    assert rebuilt.keys() == published["files"].keys()
    for file, entry in published["files"].items():
        assert rebuilt[file]["sha256"] == entry["sha256"]
        if file not in FILES:
            assert rebuilt[file] == entry
    Engine.load(models, "cpu").open_all()
