"""Recorded training steps, as the view reads them."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.contract import HISTORY_STEPS
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.insight.trace import load_recording
from export.publish import publish
from tests.demo.insight.test_learning import without


def test_the_recording_is_the_published_one(engine: Engine) -> None:
    recording = load_recording(engine.manifest)
    assert recording is not None
    record = json.loads((MODELS_FOLDER / HISTORY_STEPS).read_text())
    assert recording.batch_size == record["batch_size"]
    assert recording.discriminator_parameters == record["parameters"]["discriminator"]
    assert [step.number for step in recording.steps] == [each["step"] for each in record["steps"]]
    for step, each in zip(recording.steps, record["steps"], strict=True):
        assert step.discriminator_loss == tuple(each["discriminator_loss"])
        assert step.generator_gradient == each["generator_gradient"]
        assert (step.real.label, step.fake.label) == (0, 1)
        assert step.real.pixels.tobytes() == base64.b64decode(each["real"]["pixels"])
        assert np.array_equal(step.real.pixels, step.real.pixels_after)
        assert step.fake.pixels_after.tobytes() == base64.b64decode(each["fake"]["pixels_after"])
        assert step.fake.pixels.shape == (28, 28)


def test_the_numbers_of_a_recording_agree(engine: Engine) -> None:
    recording = load_recording(engine.manifest)
    assert recording is not None
    for step in recording.steps:
        assert step.real.cost == pytest.approx([-np.log1p(-p) for p in step.real.fake_probability], rel=1e-4)
        assert step.fake.cost == pytest.approx([-np.log(p) for p in step.fake.fake_probability], rel=1e-4)
        assert step.real.fake_probability[1] == step.real.fake_probability[2]


def test_a_gradient_has_its_published_size(engine: Engine) -> None:
    recording = load_recording(engine.manifest)
    assert recording is not None
    record = json.loads((MODELS_FOLDER / HISTORY_STEPS).read_text())
    for step, each in zip(recording.steps, record["steps"], strict=True):
        largest = each["fake"]["pixel_gradient"]["largest"]
        assert np.abs(step.fake.pixel_gradient).max() == pytest.approx(largest, rel=1e-5)


def test_without_the_file_there_is_no_recording() -> None:
    assert load_recording(without(HISTORY_STEPS)) is None
    assert load_recording(Manifest.load(MODELS_FOLDER)) is not None


def removed(record: dict[str, Any], path: str) -> dict[str, Any]:
    """A record without one of its fields."""
    *parents, name = path.split("/")
    part: Any = record
    for parent in parents:
        part = part[int(parent)] if isinstance(part, list) else part[parent]
    del part[name]
    return record


@pytest.mark.parametrize(
    "path", ["shape", "steps", "parameters/generator", "steps/0/real", "steps/1/fake/pixel_gradient/levels"]
)
def test_a_recording_that_lacks_something_is_none(tmp_path: Path, path: str) -> None:
    assert load_recording(rerecorded(tmp_path, removed(recorded(), path))) is None


@pytest.mark.parametrize("change", [{"steps": []}, {"shape": [28, 27]}, {"batch_size": "many"}])
def test_a_recording_of_another_form_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    assert load_recording(rerecorded(tmp_path, recorded() | change)) is None


def recorded() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MODELS_FOLDER / HISTORY_STEPS).read_text())
    return content


def rerecorded(folder: Path, record: object) -> Manifest:
    """A manifest of one file: another recording."""
    publish(folder / "models", {HISTORY_STEPS: json.dumps(record).encode()}, {})
    return Manifest.load(folder / "models")
