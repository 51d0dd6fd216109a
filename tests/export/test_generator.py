"""A class-conditional generator is published beside the other models, or nothing is."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from demo.inference.engine import MODELS_FOLDER, Engine
from export.cards import model_cards
from export.cli import main
from tests.support.detectors import quick_gate
from tests.support.generators import LATENT, tiny_generator
from tests.support.runs import copied_generators
from tests.support.shared import contents
from train.config import GeneratorsConfig
from train.generators.conditional_gan import ConditionalGan
from train.run import Run


@pytest.mark.parametrize("count", [0, 1, 7])
def test_pixels_are_the_rounded_pictures_of_the_digits_asked_for(generator_models: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(generator_models / "generator.onnx")
    noise = np.random.default_rng(0).standard_normal((count, LATENT), np.float32)
    digits = np.arange(count, dtype=np.int64) + 3
    (pixels,) = session.run(None, {"noise": noise, "digit": digits})
    with torch.no_grad():
        pictures = tiny_generator()(torch.from_numpy(noise), torch.from_numpy(digits))
    assert pixels.shape == (count, 28, 28)
    assert np.abs(pixels - 255 * pictures.numpy()[:, 0]).max(initial=0) <= 0.51


def test_an_eleventh_digit_is_an_error_and_no_crash() -> None:
    session = onnxruntime.InferenceSession(MODELS_FOLDER / "generator.onnx")
    noise = np.zeros((1, session.get_inputs()[0].shape[1]), np.float32)
    with pytest.raises(Exception, match="invalid index found, index = 10"):
        session.run(None, {"noise": noise, "digit": np.array([10], np.int64)})


def test_other_models_stay_and_are_served(generator_models: Path) -> None:
    before, after = contents(MODELS_FOLDER), contents(generator_models)
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} == {"manifest.json", "generator.onnx"}
    Engine.load(generator_models, "cpu").open_all()


def test_a_run_is_published_with_its_report_and_makes_the_same_digits(
    narrow: None,  # noqa: ARG001
    few_digits: str,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = Path(shutil.copytree(MODELS_FOLDER, tmp_path / "models"))
    run = Run(copied_generators(tmp_path_factory, few_digits))
    quick_gate(monkeypatch)
    assert main(["run", str(run.folder), "--models", str(models)]) == 0
    report = json.loads((run.folder / "report.json").read_text())
    assert json.loads((models / "generators.json").read_text()) == report
    names = [row["name"] for row in report["rows"] if row["kind"] != "real"]
    for name in names:
        grid = (run.folder / "grids" / f"{name}.png").read_bytes()
        assert (models / f"generators-{name}.png").read_bytes() == grid
    entry = json.loads((models / "manifest.json").read_text())["files"]["generator.onnx"]
    (row,) = (row for row in report["rows"] if row["name"] == "conditional_gan")
    assert entry["metrics"]["frechet"] == row["frechet"]
    assert f"reads {report['classifier_accuracy']:.2%} of the test digits" in model_cards(models)
    # The same seed gives the same digits in the app as in training.
    family = ConditionalGan(run.config(GeneratorsConfig))
    family.restore(Run(run.folder / "conditional_gan").load(family.total)[0])
    engine = Engine.load(models, "cpu")
    for count, digit in ((20, 7), (64, None)):
        expected = family.sample(count, 5, None if digit is None else np.full(count, digit))
        found = engine.generate("generator", count, seed=5, digit=digit)
        assert np.abs(expected.astype(int) - found).max() <= 1
        assert np.mean(expected != found) < 1e-3
