"""The whole way: train, export, score, by the commands that the README gives."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.inference.check import check_sources
from demo.inference.engine import Engine
from export.__main__ import main as export_main
from tests.support.detectors import quick_gate
from tests.support.handwriting import small_digits
from train.__main__ import main as train_main
from train.data import mnist
from train.run import Run

ROOT = Path(__file__).parent.parent


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )


def test_train_export_score(
    published_run: Path, smoke_models: Path, some_digits: str, tmp_path: Path
) -> None:
    digits = mnist.load(some_digits, "test").images.numpy()
    files = [tmp_path / f"{index}.png" for index in range(20)]
    for file, digit in zip(files, digits, strict=False):
        Image.fromarray(digit).save(file)
    result = command("demo", "check", "--models", str(smoke_models), "--json", *map(str, files))
    assert result.returncode == 0, result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["file"] for answer in answers] == list(map(str, files))
    engine = Engine.load(smoke_models, "cpu")
    assert [answer["fake_probability"] for answer in answers] == [
        checked.answer.fake_probability for checked in check_sources(engine, list(map(str, files)), files)
    ]
    reals = [answer["fake_probability"] for answer in answers]
    fakes = engine.score(engine.generate("mlp_generator", 20, seed=5)).fake_probability
    assert np.mean(fakes) > np.mean(reals) + 0.1
    if some_digits == "some-mnist":
        assert np.mean(np.array(reals) < 0.5) > 0.4
        assert np.mean(fakes >= 0.5) > 0.6
    assert (published_run / "parity.json").exists()


@pytest.mark.slow
def test_published_figures_are_measured_again(smoke_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export_main(["evaluate", "--models", str(smoke_models)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["measured"] == figures["published"]


def test_the_run_and_the_files_give_the_same_figures(
    published_run: Path, smoke_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_main(["evaluate", str(published_run)]) == 0
    trained = json.loads(capsys.readouterr().out)
    metrics = json.loads((smoke_models / "manifest.json").read_text())["files"]["mlp_discriminator.onnx"]
    for way in ("normalized", "raw"):
        assert metrics["metrics"][way] == pytest.approx(trained[way], abs=2e-3)


def test_another_data_set_goes_the_whole_way(
    small_dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_gate(monkeypatch)
    runs, models = tmp_path / "runs", tmp_path / "models"
    arguments = ["tutorial", "--preset", "smoke", "--dataset", small_dataset, "--epochs", "30"]
    assert train_main([*arguments, "--runs", str(runs), "--name", "eight"]) == 0
    assert export_main(["run", str(runs / "eight"), "--models", str(models)]) == 0
    engine = Engine.load(models, "cpu")
    assert engine.shape == (8, 8)
    images, _ = small_digits()
    real = engine.score(images[-360:]).fake_probability
    fake = engine.score(engine.generate("mlp_generator", 200, seed=3)).fake_probability
    assert real.mean() < fake.mean()
    assert engine.history(images[:2]).fake_probability.shape == (2, len(Run(runs / "eight").steps()))


def test_an_unfinished_run_is_not_published(
    smoke_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(Path(shutil.copytree(smoke_run, tmp_path / "run")))
    run.drop_except(run.steps()[:-1])
    assert export_main(["run", str(run.folder), "--models", str(tmp_path / "models")]) == 1
    assert "finish it with --resume first" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_history_is_one_story(smoke_models: Path) -> None:
    record = json.loads((smoke_models / "history.json").read_text())
    manifest = json.loads((smoke_models / "manifest.json").read_text())
    assert record["steps"] == manifest["files"]["mlp_history.onnx"]["steps"]
    assert len(record["steps"]) == len(record["discriminator_loss"]) == 8
    with Image.open(smoke_models / "history.png") as picture:
        assert picture.size == (8 * 28, 8 * 8 * 28)


def test_a_folder_without_a_run_is_one_line(tmp_path: Path) -> None:
    result = command("export", "run", str(tmp_path))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "holds no whole run" in line
