"""A finished run's bundle is all that export reads: no data set, and none of the run's other files."""

import shutil
from pathlib import Path

import pytest

from demo.inference.engine import Engine
from export.cli import main as export_main
from tests.support.detectors import quick_gate
from train.bundle import BUNDLE, read_files
from train.data.mnist import DATA_VARIABLE
from train.errors import RunError


def test_export_needs_nothing_but_the_bundle(
    published_run: Path,
    smoke_models: Path,
    product_models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick_gate(monkeypatch)
    # There is no data set here.
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    run = tmp_path / published_run.name
    run.mkdir()
    shutil.copy(published_run / BUNDLE, run)
    models = Path(shutil.copytree(product_models, tmp_path / "models"))
    assert export_main(["run", str(run), "--models", str(models)]) == 0
    assert Engine.load(models, "cpu").model == "discriminator"
    before, tutorial, after = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (product_models, smoke_models, models)
    )
    # The tutorial's files are the same again, and the detector's stay.
    for file in tutorial.keys() - {"manifest.json"}:
        detectors = file in ("normalizer.onnx", "discriminator_from_image.onnx")
        assert after[file] == (before if detectors else tutorial)[file]
    assert after["discriminator.onnx"] == before["discriminator.onnx"]


def test_a_missing_file_of_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"grid\.png cannot be read .*; run the command again"):
        read_files(tmp_path, ["grid.png"])
