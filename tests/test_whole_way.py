"""From training to an answer, with the commands that the READMEs give."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.cli import main as demo_main
from demo.inference.engine import Engine
from export.cli import main as export_main
from tests.support.detectors import quick_gate
from tests.support.handwriting import small_digits
from train.bundle import BUNDLE
from train.cli import main as train_main
from train.data import mnist
from train.run import Run


def test_a_run_is_trained_published_and_checked(
    smoke_models: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = mnist.load(few_digits, "test").images.numpy()[:20]
    files = [str(tmp_path / f"{index}.png") for index in range(len(digits))]
    for file, digit in zip(files, digits, strict=True):
        Image.fromarray(digit).save(file)
    assert demo_main(["check", "--device", "cpu", "--models", str(smoke_models), "--json", *files]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["file"] for answer in answers] == files
    engine = Engine.load(smoke_models, "cpu")
    fakes = engine.score(engine.generate("mlp_generator", 20, seed=5)).fake_probability
    assert np.mean(fakes) > np.mean([answer["fake_probability"] for answer in answers]) + 0.1


def test_published_figures_can_be_measured_again(
    published_run: Path, smoke_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export_main(["evaluate", "--models", str(smoke_models)]) == 0
    figures = json.loads(capsys.readouterr().out)
    for pixels in ("normalized", "raw"):
        assert figures["measured"][pixels] == pytest.approx(figures["published"][pixels], abs=2e-3)
    assert train_main(["evaluate", str(published_run)]) == 0
    trained = json.loads(capsys.readouterr().out)
    for pixels in ("normalized", "raw"):
        assert figures["published"][pixels] == pytest.approx(trained[pixels], abs=2e-3)


def test_another_data_set_goes_the_same_way(
    small_dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_gate(monkeypatch)
    runs, models = tmp_path / "runs", tmp_path / "models"
    arguments = ["tutorial", "--preset", "smoke", "--dataset", small_dataset, "--epochs", "6"]
    assert train_main([*arguments, "--runs", str(runs), "--name", "eight"]) == 0
    assert export_main(["run", str(runs / "eight"), "--models", str(models)]) == 0
    engine = Engine.load(models, "cpu")
    images, _ = small_digits()
    assert engine.shape == images.shape[1:] == (8, 8)
    real = engine.score(images[-360:]).fake_probability
    fake = engine.score(engine.generate("mlp_generator", 200, seed=3)).fake_probability
    assert real.mean() < fake.mean()
    assert engine.history(images[:2]).shape == (2, len(Run(runs / "eight").steps()))


def test_an_unfinished_run_is_not_published(
    smoke_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(Path(shutil.copytree(smoke_run, tmp_path / "run")))
    (run.folder / BUNDLE).unlink()
    assert export_main(["run", str(run.folder), "--models", str(tmp_path / "models")]) == 1
    assert "--resume" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_the_history_is_published_with_the_run(smoke_models: Path) -> None:
    record = json.loads((smoke_models / "history.json").read_text())
    manifest = json.loads((smoke_models / "manifest.json").read_text())
    count = len(record["steps"])
    assert record["steps"] == manifest["files"]["mlp_history.onnx"]["steps"]
    assert count == len(record["discriminator_loss"]) >= 4
    with Image.open(smoke_models / "history.png") as picture:
        assert picture.size == (8 * 28, count * 8 * 28)
