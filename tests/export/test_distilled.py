"""A distilled run on its way to publication, from the real thing: a teacher, a learner, and its report."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.contract import DISCRIMINATOR
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from export.__main__ import main as export_main
from export.benchmark.inference import REPEATS
from export.benchmark.options import Options
from export.benchmark.sizes import measure
from export.distilled import SMALL
from export.errors import ExportError
from export.variant import Tolerance
from tests.support.detectors import quick_gate
from tests.support.shared import built_once
from tests.support.zoos import evaluated_product
from train.__main__ import main
from train.detector.train import read_calibration
from train.run import Run


@pytest.fixture(scope="module")
def run(few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A distilled run that hardly learnt anything, with its report; everybody's."""

    def build(runs: Path) -> None:
        teacher = evaluated_product(tmp_path_factory, few_digits)
        options = ["--preset", "smoke", "--teacher", str(teacher), "--dataset", few_digits]
        assert main(["distil", *options, "--threads", "1", "--runs", str(runs)]) == 0
        assert main(["evaluate", str(runs / "distil-smoke")]) == 0

    return Run(built_once(tmp_path_factory, "distilled", build) / "distil-smoke")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the committed models, to export to through a quick gate."""
    quick_gate(monkeypatch)
    monkeypatch.setattr("export.distilled.GATE_COUNT", 4)
    monkeypatch.setattr("export.distilled.NOISE_COUNT", 64)
    return Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))


def test_a_distilled_run_is_published_beside_its_teacher(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What a network that learnt nothing loses in integers, on a dozen pictures, is chance.
    monkeypatch.setattr("export.integers.TOLERANCE", Tolerance(1, 1, 1, auroc=1, auroc_worst=1))
    before = Manifest.load(models).files
    assert export_main(["run", str(run.folder), "--models", str(models)]) == 0
    files = Manifest.load(models).files
    assert set(files) - set(before) == {f"{SMALL}.onnx", f"{SMALL}_int8.onnx"}
    assert all(files[file] == entry for file, entry in before.items())
    small, integers = files[f"{SMALL}.onnx"], files[f"{SMALL}_int8.onnx"]
    assert (small["variant_of"], integers["variant_of"]) == (DISCRIMINATOR, SMALL)
    assert "taught by product-smoke" in small["training_run"]
    report: dict[str, Any] = json.loads((run.folder / "evaluation.json").read_text())
    assert small["metrics"]["parameters"] == report["parameters"]
    assert small["metrics"]["expected_calibration_error"] == report["ece"]["value"]
    assert json.loads(capsys.readouterr().out.partition("\nPublished")[0]).items() <= small["metrics"].items()
    assert set(json.loads((run.folder / "parity.json").read_text())) == {
        f"{SMALL}.onnx",
        f"{SMALL}_int8.onnx",
    }
    calibrated = read_calibration(run)[1]
    for name in (SMALL, f"{SMALL}_int8"):
        engine = Engine.load(models, "cpu", name)
        assert engine.thresholds == Thresholds(calibrated.fake, calibrated.real, calibrated.in_domain)
        assert engine.score(np.zeros((1, 28, 28), np.uint8)).in_domain == 0


def test_too_far_from_its_reference_nothing_is_published(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("export.integers.TOLERANCE", Tolerance(0, 0, 0, auroc=0, auroc_worst=0))
    before = (models / "manifest.json").read_bytes()
    assert export_main(["run", str(run.folder), "--models", str(models)]) == 1
    assert f"{SMALL}_int8 is too far" in capsys.readouterr().err
    assert (models / "manifest.json").read_bytes() == before
    assert not (models / f"{SMALL}.onnx").exists()


def test_sizes_are_timed_beside_the_teacher(run: Run) -> None:
    report = measure(Options(rounds=1, quick=True, runs=run.folder.parent))
    names = [row.contestant for row in report.rows]
    assert len(names) == len(REPEATS) * len(set(names))
    assert names[0].startswith("the product, 8-16-24: AUROC 0.")
    assert sum(name.startswith("distil-smoke, 4-4-4: AUROC 0.") for name in names) == len(REPEATS)
    assert sum(name.startswith(f"{DISCRIMINATOR}_int8, AUROC") for name in names) == len(REPEATS)
    assert all(0 < row.cost.low <= row.cost.high for row in report.rows)


def test_without_a_distilled_run_there_is_no_curve(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="holds 0 examined distilled runs"):
        measure(Options(rounds=1, quick=True, runs=tmp_path))
