"""The record of a training, and its single steps, as the page reads them."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, HISTORY_STEPS, MLP_GENERATOR, MLP_HISTORY
from demo.inference.check import check_bytes
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.insight.learning import Recording, example_digit, load_learning, load_recording, position
from export.publish import publish
from tests.support.driving import picture_bytes

HISTORY = f"{MLP_HISTORY}.onnx"


def without(file: str) -> Manifest:
    """The published manifest without one file."""
    manifest = Manifest.load(MODELS_FOLDER)
    kept = {name: entry for name, entry in manifest.files.items() if name != file}
    return Manifest(MODELS_FOLDER, {"version": manifest.version, "files": kept})


def published(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MODELS_FOLDER / name).read_text())
    return content


def republished(folder: Path, record: object, steps: list[int] | None = None) -> Manifest:
    """The published history with another record. steps: those of the model, if others."""
    old = Manifest.load(MODELS_FOLDER)
    files = {name: old.read(name) for name in (HISTORY, HISTORY_PICTURE)}
    files[HISTORY_RECORD] = json.dumps(record).encode()
    entry = dict(old.files[HISTORY]) | ({"steps": steps} if steps else {})
    publish(folder / "models", files, {HISTORY: entry})
    return Manifest.load(folder / "models")


def rerecorded(folder: Path, record: object) -> Manifest:
    """A manifest of one file: other recorded steps."""
    publish(folder / "models", {HISTORY_STEPS: json.dumps(record).encode()}, {})
    return Manifest.load(folder / "models")


def test_the_published_record_is_read(engine: Engine) -> None:
    learning = load_learning(engine.manifest)
    assert learning is not None
    record = published(HISTORY_RECORD)
    assert learning.snapshots.steps == tuple(record["steps"])
    assert learning.snapshots.discriminator == tuple(record["discriminator_loss"])
    assert learning.snapshots.generator == tuple(record["generator_loss"])
    assert learning.curve.steps == tuple(record["curve"]["step"])
    assert learning.grid_digits == 64
    checked = check_bytes(engine, "seven.png", picture_bytes())
    assert checked.pixels is not None
    assert engine.history(checked.pixels[np.newaxis]).steps == learning.snapshots.steps


def test_without_a_curve_the_snapshots_are_drawn(tmp_path: Path) -> None:
    record = published(HISTORY_RECORD)
    del record["curve"]
    learning = load_learning(republished(tmp_path, record))
    assert learning is not None
    assert learning.curve == learning.snapshots


@pytest.mark.parametrize(
    "change",
    [
        {"wall": None},
        {"wall": {}},
        {"steps": [0], "discriminator_loss": [0.7], "generator_loss": [0.7], "curve": None},
        {"steps": [], "discriminator_loss": [], "generator_loss": [], "curve": None},
        {"generator_loss": [0.7, 0.6]},
        {"discriminator_loss": [math.nan] * 8},
        {"curve": [0.7, 0.6]},
        {"steps": [46, 0, 146, 463, 1469, 4660, 14783, 46900]},
    ],
    ids=str,
)
def test_a_record_that_cannot_be_shown_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    record = published(HISTORY_RECORD) | change
    assert load_learning(republished(tmp_path, record, record["steps"])) is None


def test_a_record_that_does_not_fit_the_model_is_none(tmp_path: Path) -> None:
    record = published(HISTORY_RECORD)
    assert load_learning(republished(tmp_path / "steps", record, record["steps"][:-1])) is None
    others: list[object] = [{}, [], None, 5]
    for number, other in enumerate(others):
        assert load_learning(republished(tmp_path / str(number), other)) is None


@pytest.mark.parametrize("missing", [HISTORY, HISTORY_RECORD, HISTORY_PICTURE])
def test_an_incomplete_history_is_none(missing: str) -> None:
    assert load_learning(without(missing)) is None


def test_snapshots_are_equally_spaced_and_steps_between_them_logarithmic() -> None:
    snapshots = [0, 46, 146, 463]
    assert [position(step, snapshots) for step in snapshots] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert position(round(math.sqrt(47 * 147)) - 1, snapshots) == pytest.approx(0.5, abs=0.002)
    positions = [position(step, snapshots) for step in range(0, 464, 7)]
    assert positions == sorted(positions)


def test_the_example_is_a_digit_by_the_tutorials_generator(product_engine: Engine) -> None:
    example = example_digit(product_engine)
    assert example is not None
    assert example.answer.file.startswith(f"{MLP_GENERATOR}-0-")
    assert example.answer.verdict != "not a digit"
    assert example_digit(Engine(without(f"{MLP_GENERATOR}.onnx"), "cpu", "discriminator")) is None


@pytest.fixture(scope="module")
def recording(engine: Engine) -> Recording:
    recording = load_recording(engine.manifest)
    assert recording is not None
    return recording


def test_the_recorded_steps_are_the_published_ones(recording: Recording) -> None:
    record = published(HISTORY_STEPS)
    assert recording.batch_size == record["batch_size"]
    assert recording.discriminator_parameters == record["parameters"]["discriminator"]
    for step, each in zip(recording.steps, record["steps"], strict=True):
        assert step.number == each["step"]
        assert step.discriminator_loss == tuple(each["discriminator_loss"])
        assert step.generator_gradient == each["generator_gradient"]
        assert (step.real.label, step.fake.label) == (0, 1)
        assert step.real.pixels.tobytes() == base64.b64decode(each["real"]["pixels"])
        assert np.array_equal(step.real.pixels, step.real.pixels_after)
        assert step.fake.pixels_after.tobytes() == base64.b64decode(each["fake"]["pixels_after"])
        largest = each["fake"]["pixel_gradient"]["largest"]
        assert np.abs(step.fake.pixel_gradient).max() == pytest.approx(largest, rel=1e-5)


def test_the_numbers_of_a_recorded_step_agree(recording: Recording) -> None:
    for step in recording.steps:
        assert step.real.cost == pytest.approx([-np.log1p(-p) for p in step.real.fake_probability], rel=1e-4)
        assert step.fake.cost == pytest.approx([-np.log(p) for p in step.fake.fake_probability], rel=1e-4)
        assert step.real.fake_probability[1] == step.real.fake_probability[2]


def test_without_recorded_steps_there_is_none() -> None:
    assert load_recording(without(HISTORY_STEPS)) is None


@pytest.mark.parametrize(
    "path", ["shape", "steps", "parameters/generator", "steps/0/real", "steps/1/fake/pixel_gradient/levels"]
)
def test_recorded_steps_that_lack_a_field_are_none(tmp_path: Path, path: str) -> None:
    record = part = published(HISTORY_STEPS)
    *parents, name = path.split("/")
    for parent in parents:
        part = part[int(parent)] if isinstance(part, list) else part[parent]
    del part[name]
    assert load_recording(rerecorded(tmp_path, record)) is None


@pytest.mark.parametrize("change", [{"steps": []}, {"shape": [28, 27]}, {"batch_size": "many"}], ids=str)
def test_recorded_steps_of_another_form_are_none(tmp_path: Path, change: dict[str, Any]) -> None:
    assert load_recording(rerecorded(tmp_path, published(HISTORY_STEPS) | change)) is None
