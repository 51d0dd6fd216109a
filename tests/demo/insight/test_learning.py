"""The record of a training, and its single steps, as the page reads them."""

import json
import math
from typing import Any

import numpy as np
import pytest

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, HISTORY_STEPS, MLP_GENERATOR, MLP_HISTORY
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.insight.learning import example_digit, load_learning, load_recording, position


def without(file: str) -> Manifest:
    """The published manifest without one file."""
    manifest = Manifest.load(MODELS_FOLDER)
    kept = {name: entry for name, entry in manifest.files.items() if name != file}
    return Manifest(MODELS_FOLDER, {"version": manifest.version, "files": kept})


def published(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MODELS_FOLDER / name).read_text())
    return content


def test_the_published_record_is_read(engine: Engine) -> None:
    learning = load_learning(engine.manifest)
    assert learning == published(HISTORY_RECORD)
    assert engine.entry(MLP_HISTORY)["steps"] == learning["steps"]


def test_an_incomplete_record_is_none() -> None:
    for missing in (f"{MLP_HISTORY}.onnx", HISTORY_RECORD, HISTORY_PICTURE):
        assert load_learning(without(missing)) is None
    assert load_recording(without(HISTORY_STEPS)) is None


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


def test_the_numbers_of_a_recorded_step_agree(engine: Engine) -> None:
    recording = load_recording(engine.manifest)
    assert recording == published(HISTORY_STEPS)
    for step in recording["steps"]:
        real, fake = step["real"], step["fake"]
        assert real["cost"] == pytest.approx([-np.log1p(-p) for p in real["fake_probability"]], rel=1e-4)
        assert fake["cost"] == pytest.approx([-np.log(p) for p in fake["fake_probability"]], rel=1e-4)
        assert real["fake_probability"][1] == real["fake_probability"][2]
