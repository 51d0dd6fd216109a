"""The record of a training, as the view reads it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from demo.contract import HISTORY_RECORD, MLP_GENERATOR
from demo.inference.check import check_bytes
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.insight.learning import example_digit, load_learning, place
from demo.ui.html import probability_to_show
from export.publish import publish
from tests.support.driving import picture_bytes


def without(*files: str) -> Manifest:
    """The committed manifest as if some files had not been published."""
    manifest = Manifest.load(MODELS_FOLDER)
    left = {name: entry for name, entry in manifest.files.items() if name not in files}
    return Manifest(MODELS_FOLDER, {"version": manifest.version, "files": left})


def test_the_record_is_the_published_one(engine: Engine) -> None:
    learning = load_learning(engine.manifest)
    assert learning is not None
    record = json.loads((MODELS_FOLDER / HISTORY_RECORD).read_text())
    assert learning.snapshots.steps == tuple(record["steps"])
    assert learning.snapshots.discriminator == tuple(record["discriminator_loss"])
    assert learning.snapshots.generator == tuple(record["generator_loss"])
    assert learning.curve.steps == tuple(record["curve"]["step"])
    assert len(learning.curve.steps) == len(learning.curve.discriminator) == len(learning.curve.generator)
    assert len(learning.curve.steps) > 50
    assert learning.wall_digits == 64
    answer = check_bytes(engine, "seven.png", picture_bytes())
    assert answer.pixels is not None
    assert engine.history(answer.pixels[np.newaxis]).steps == learning.snapshots.steps


def test_without_a_curve_the_snapshots_are_the_line(tmp_path: Path) -> None:
    record = json.loads((MODELS_FOLDER / HISTORY_RECORD).read_text())
    del record["curve"]
    learning = load_learning(republished(tmp_path, record))
    assert learning is not None
    assert learning.curve == learning.snapshots


def republished(folder: Path, record: object, steps: list[int] | None = None) -> Manifest:
    """A manifest of the committed history with another record. steps: of the model, where others."""
    old = Manifest.load(MODELS_FOLDER)
    names = ("mlp_history.onnx", "history.png")
    files = {name: old.read(name) for name in names} | {HISTORY_RECORD: json.dumps(record).encode()}
    entry = dict(old.files[names[0]]) | ({"steps": steps} if steps else {})
    publish(folder / "models", files, {names[0]: entry})
    return Manifest.load(folder / "models")


TRIMMED: dict[str, dict[str, object]] = {
    "no wall": {"wall": None},
    "a wall without its size": {"wall": {}},
    "one snapshot": {"steps": [0], "discriminator_loss": [0.7], "generator_loss": [0.7], "curve": None},
    "no snapshot": {"steps": [], "discriminator_loss": [], "generator_loss": [], "curve": None},
    "fewer losses than snapshots": {"generator_loss": [0.7, 0.6]},
    "a loss that is no number": {"discriminator_loss": [math.nan] * 8},
    "a curve of another form": {"curve": [0.7, 0.6]},
    "steps out of order": {"steps": [46, 0, 146, 463, 1469, 4660, 14783, 46900]},
}


@pytest.mark.parametrize("change", TRIMMED)
def test_a_record_that_cannot_be_shown_is_none(tmp_path: Path, change: str) -> None:
    record = json.loads((MODELS_FOLDER / HISTORY_RECORD).read_text()) | TRIMMED[change]
    manifest = republished(tmp_path, record, record["steps"])
    assert load_learning(manifest) is None


@pytest.mark.parametrize("record", [{}, [], None, 5])
def test_a_record_of_another_form_is_none(tmp_path: Path, record: object) -> None:
    assert load_learning(republished(tmp_path, record)) is None


def test_a_record_of_other_snapshots_than_the_models_is_none(tmp_path: Path) -> None:
    record = json.loads((MODELS_FOLDER / HISTORY_RECORD).read_text())
    assert load_learning(republished(tmp_path, record, record["steps"][:-1])) is None


@pytest.mark.parametrize("missing", ["mlp_history.onnx", "history.json", "history.png"])
def test_a_history_that_is_not_whole_is_none(missing: str) -> None:
    assert load_learning(without(missing)) is None


def test_a_step_stands_where_the_snapshots_put_it() -> None:
    snapshots = [0, 46, 146, 463]
    assert [place(step, snapshots) for step in snapshots] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    middle = round(math.sqrt(47 * 147)) - 1
    assert place(middle, snapshots) == pytest.approx(0.5, abs=0.002)
    places = [place(step, snapshots) for step in range(0, 464, 7)]
    assert places == sorted(places)


def test_the_example_is_a_digit_of_the_tutorials_generator(product_engine: Engine) -> None:
    example = example_digit(product_engine)
    assert example is not None
    assert example.answer.file.startswith(f"{MLP_GENERATOR}-0-")
    assert probability_to_show(example.answer) is not None


def test_without_the_tutorials_generator_there_is_no_example() -> None:
    assert example_digit(Engine(without(f"{MLP_GENERATOR}.onnx"), "cpu", "discriminator")) is None
