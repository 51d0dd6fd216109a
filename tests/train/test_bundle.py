"""A finished run's bundle is all that export reads: no data set, and none of the run's other files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from demo.inference.engine import Engine
from export.__main__ import main as export_main
from tests.support.detectors import quick_gate
from train.bundle import BUNDLE, Bundle, load_bundle, save_bundle
from train.data.mnist import DATA_VARIABLE
from train.run import Run


def test_a_bundle_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    run = Run(tmp_path)
    pictures = {"validation/mnist": np.arange(12, dtype=np.uint8).reshape(3, 2, 2)}
    weights = {"heads.weight": torch.ones(2, 3), "norm.count": torch.tensor(7)}
    save_bundle(run, Bundle({"kind": "detector"}, weights, pictures, {"evaluation.json": b"{}"}))
    found = load_bundle(run)
    assert found.record == {"kind": "detector"}
    assert found.weights.keys() == weights.keys()
    assert all(torch.equal(found.weights[name], each) for name, each in weights.items())
    assert np.array_equal(found.group("validation")["mnist"], pictures["validation/mnist"])
    assert found.files == {"evaluation.json": b"{}"}
    assert [path.name for path in tmp_path.iterdir()] == [BUNDLE]


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
