"""A recorded step is exactly the one that training took, and its numbers are correct."""

import base64
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.handwriting import small_digits, write_data_set
from train.cli import main
from train.config import TutorialConfig
from train.data import mnist
from train.data.mnist import DATASETS
from train.loop import batches, restore_at
from train.run import Run
from train.tutorial.gan import TutorialPair, schedule_of
from train.tutorial.trace import MOMENTS, record_step

BATCH = 359
"""Of 1,437 digits: four whole batches, and a rest that is dropped."""
STEPS = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run of four steps with a snapshot after each, and its record."""
    folder = tmp_path_factory.mktemp("steps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "few", write_data_set(folder / "data" / "few", *small_digits()))
        patch.setenv(mnist.DATA_VARIABLE, str(folder / "data"))
        options = "tutorial --dataset few --epochs 1 --learning-rate 0.002 --snapshots 5 --log-every 1"
        where = ["--runs", str(folder), "--name", "short", "--threads", "1", "--device", "cpu"]
        assert main([*options.split(), "--batch-size", str(BATCH), *where]) == 0
        assert main(["trace", str(folder / "short")]) == 0
        yield Run(folder / "short")


@pytest.fixture(scope="module")
def record(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.folder / "steps.json").read_text())
    return content


def pair_at(run: Run, snapshot: int) -> tuple[TutorialPair, torch.Tensor, torch.Tensor]:
    """The pair at a snapshot, and the pictures and labels of its next step."""
    config = run.config(TutorialConfig)
    digits = mnist.load(config.dataset, "train")
    schedule = schedule_of(config, len(digits.images))
    pair = TutorialPair(config, (8, 8), torch.device("cpu"))
    restore_at(pair, schedule, run, snapshot)
    indices = next(batches(schedule, len(digits.images), snapshot))
    return pair, digits.images[indices], digits.labels[indices]


def pixels(text: str, kind: type = np.uint8) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).reshape(8, 8)


def test_the_losses_are_those_in_the_metrics(run: Run, record: dict[str, Any]) -> None:
    assert [(each["snapshot"], each["step"]) for each in record["steps"]] == [
        (step, step + 1) for step in range(STEPS)
    ]
    assert record["moments"] == list(MOMENTS)
    logged = {row["step"]: row for row in run.metrics() if row["kind"] == "window"}
    for each in record["steps"]:
        row = logged[each["step"]]
        # The generator's update comes second, when the discriminator is another one already.
        assert each["discriminator_loss"][0] == row["discriminator_loss"]
        assert each["generator_loss"][1] == row["generator_loss"]


def test_recording_a_step_does_not_change_it(run: Run) -> None:
    for snapshot in range(STEPS):
        pair, images, labels = pair_at(run, snapshot)
        probe = TutorialPair(run.config(TutorialConfig), (8, 8), torch.device("cpu"))
        record_step(pair, probe, images, labels)
        expected = run.load(snapshot + 1)[0]
        found = pair.state()
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected), snapshot


def test_both_pictures_are_followed_from_the_batch_to_the_next_snapshot(
    run: Run, record: dict[str, Any]
) -> None:
    for each in record["steps"]:
        pair, images, labels = pair_at(run, each["snapshot"])
        batch = pair.batch(images)
        real, fake = each["real"], each["fake"]
        assert (real["label"], fake["label"]) == (0, 1)
        assert (real["digit"], fake["digit"]) == (labels[0], None)
        assert np.array_equal(pixels(real["pixels"]), images[0].numpy())
        deployed = batch.fakes[BATCH - BATCH // 2]
        assert np.array_equal(pixels(fake["pixels"]).ravel(), (deployed * 255).round().numpy())

        later = TutorialPair(run.config(TutorialConfig), (8, 8), torch.device("cpu"))
        later.restore_networks(run.load(each["step"])[0])
        with torch.no_grad():
            made = later.fakes(batch.eval_noise, training=False)[0]
            before = torch.sigmoid(pair.discriminator(torch.stack([batch.reals[0], deployed])))
            after = torch.sigmoid(later.discriminator(torch.stack([batch.reals[0], made])))
        assert np.array_equal(pixels(fake["pixels_after"]).ravel(), (made * 255).round().numpy())
        for picture, first, last in zip((real, fake), before.tolist(), after.tolist(), strict=True):
            assert picture["fake_probability"][0] == pytest.approx(first, abs=1e-6)
            assert picture["fake_probability"][2] == pytest.approx(last, abs=1e-6)
            right = first if picture["label"] else 1 - first
            assert picture["cost"][0] == pytest.approx(-math.log(right), rel=1e-4)


@pytest.mark.parametrize("name", ["real", "fake"])
def test_the_pixels_gradient_is_the_costs_slope(run: Run, record: dict[str, Any], name: str) -> None:
    picture = record["steps"][2][name]
    pair, _, _ = pair_at(run, 2)
    network = pair.discriminator.double()
    x = torch.from_numpy(pixels(picture["pixels"]).ravel() / 255.0)

    def cost(brightness: torch.Tensor) -> float:
        with torch.no_grad():
            logit = network(brightness[None])[0]
        return float(torch.nn.functional.softplus(logit if name == "real" else -logit))

    step = 1e-6
    slopes = np.array([cost(x + step * unit) - cost(x - step * unit) for unit in torch.eye(64)]) / (2 * step)
    gradient = picture["pixel_gradient"]
    found = gradient["largest"] * pixels(gradient["levels"], np.int8).ravel() / 127
    assert gradient["largest"] == pytest.approx(np.abs(slopes).max(), rel=1e-3)
    assert np.abs(found - slopes).max() < 0.51 / 127 * gradient["largest"] + 1e-6


def test_snapshots_without_a_next_step_are_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Run(Path(shutil.copytree(run.folder, tmp_path / "copy")))
    (copy.folder / "steps.json").unlink()
    assert main(["trace", str(copy.folder), "--at", str(STEPS)]) == 1
    assert "before a step at 0, 1, 2, 3; give --at some of these" in capsys.readouterr().err
    copy.drop_except([STEPS])
    assert main(["trace", str(copy.folder)]) == 1
    assert "holds no snapshot before the last step" in capsys.readouterr().err
    assert not (copy.folder / "steps.json").exists()
