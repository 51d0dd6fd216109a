"""A finished run's bundle is all that export reads: no data set, and none of the run's other files."""

import json
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
from train.errors import RunError
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
    published_run: Path, smoke_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_gate(monkeypatch)
    # There is no data set here.
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    run = tmp_path / published_run.name
    run.mkdir()
    shutil.copy(published_run / BUNDLE, run)
    assert export_main(["run", str(run), "--models", str(tmp_path / "models")]) == 0
    Engine.load(tmp_path / "models", "cpu").open_all()
    published, again = (
        json.loads((models / "manifest.json").read_text())["files"]
        for models in (smoke_models, tmp_path / "models")
    )
    assert {file: entry["sha256"] for file, entry in published.items()} == {
        file: entry["sha256"] for file, entry in again.items()
    }


def test_a_damaged_bundle_is_named(smoke_run: Path, tmp_path: Path) -> None:
    (tmp_path / BUNDLE).write_bytes((smoke_run / BUNDLE).read_bytes()[:1000])
    with pytest.raises(RunError, match=BUNDLE):
        load_bundle(Run(tmp_path))
