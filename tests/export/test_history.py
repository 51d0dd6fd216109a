"""The history that is published beside the model: its curve, and its recorded steps."""

import base64
import json
import math
from pathlib import Path

import numpy as np
import pytest

from demo.inference.engine import MODELS_FOLDER, Engine
from export.history import CURVE_POINTS, history_curve
from train.run import Run


def windows(*ends: int) -> list[dict[str, float]]:
    """Return windows up to these steps, whose losses are the mean of the steps' numbers, and twice that."""
    starts = [0, *ends[:-1]]
    means = [(start + 1 + end) / 2 for start, end in zip(starts, ends, strict=True)]
    return [
        {"step": end, "discriminator_loss": mean, "generator_loss": 2 * mean}
        for end, mean in zip(ends, means, strict=True)
    ]


@pytest.mark.parametrize("count", [1, 7, 20_000])
def test_a_point_is_the_mean_of_all_steps_since_the_one_before(count: int) -> None:
    # Snapshots cut windows short, so they differ in length.
    ends = [10 * number - (number % 3) for number in range(1, count + 1)]
    curve = history_curve(windows(*ends))
    steps = curve["step"]
    assert 1 <= len(steps) <= CURVE_POINTS
    assert (steps[0], steps[-1]) == (ends[0], ends[-1])
    assert steps == sorted(set(steps))
    for start, end, one, other in zip(
        [0, *steps[:-1]], steps, curve["discriminator_loss"], curve["generator_loss"], strict=True
    ):
        assert one == pytest.approx((start + 1 + end) / 2)
        assert other == pytest.approx(start + 1 + end)


def test_curve_and_recorded_steps_are_the_runs_own(published_run: Path, smoke_models: Path) -> None:
    record = json.loads((smoke_models / "history.json").read_text())
    rows = [row for row in Run(published_run).metrics() if row["kind"] == "window"]
    assert set(record["curve"]) == {"step", "discriminator_loss", "generator_loss"}
    assert record["curve"]["step"][-1] == record["steps"][-1] == rows[-1]["step"]
    assert record["curve"]["discriminator_loss"][0] == round(rows[0]["discriminator_loss"], 5)
    assert all(math.isfinite(value) for values in record["curve"].values() for value in values)
    content = (smoke_models / "history-steps.json").read_bytes()
    assert content == (published_run / "steps.json").read_bytes()
    manifest = json.loads((smoke_models / "manifest.json").read_text())
    assert manifest["files"]["history-steps.json"]["size"] == len(content)
    assert [each["snapshot"] for each in json.loads(content)["steps"]] == record["steps"][:-1]


def test_the_published_steps_begin_where_the_published_history_stands(tutorial_engine: Engine) -> None:
    record = json.loads((MODELS_FOLDER / "history-steps.json").read_text())
    shown = [each[name] for each in record["steps"] for name in ("real", "fake")]
    pictures = [np.frombuffer(base64.b64decode(each["pixels"]), np.uint8) for each in shown]
    scores = tutorial_engine.history(np.stack(pictures).reshape(-1, *record["shape"]))
    snapshots = tutorial_engine.entry("mlp_history")["steps"]
    places = [snapshots.index(each["snapshot"]) for each in record["steps"]]
    assert places == [*range(len(snapshots) - 1)]
    for row, (picture, place) in enumerate(zip(shown, np.repeat(places, 2), strict=True)):
        # The history model's weights are rounded to half precision.
        assert picture["fake_probability"][0] == pytest.approx(scores[row, place], abs=0.01)
