"""What the tutorial's pair did while it learnt: losses, the generator's walls, and any digit's score then."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, MLP_GENERATOR, MLP_HISTORY
from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.ui.html import probability_to_show

EXAMPLES: Final = 8
"""So many digits of the tutorial's generator are looked through for one that is a digit."""


@dataclass(frozen=True)
class Losses:
    """Both losses, in nats, at some training steps."""

    steps: tuple[int, ...]
    discriminator: tuple[float, ...]
    generator: tuple[float, ...]


@dataclass(frozen=True)
class Learning:
    """The published record of a training.

    snapshots: the losses as they stood at the steps that were kept.
    curve: their means over the steps between its own, a line to draw; where none is published, `snapshots`.
    wall_digits: how many digits there are on each of the generator's walls in `HISTORY_PICTURE`, which
    stand one above the other.
    """

    snapshots: Losses
    curve: Losses
    wall_digits: int


def load_learning(manifest: Manifest) -> Learning | None:
    """The record of a models folder; None where no history of a pair is published there, or none that can
    be shown: it has a single snapshot, or its record is of another form.

    Raises:
        ModelError: the record is missing, or is not the one that was published.
    """
    if not {f"{MLP_HISTORY}.onnx", HISTORY_RECORD, HISTORY_PICTURE} <= manifest.files.keys():
        return None
    content = manifest.read(HISTORY_RECORD)
    try:
        record: dict[str, Any] = json.loads(content)
        snapshots = _losses(record["steps"], record)
        curve = record.get("curve")
        learning = Learning(
            snapshots, _losses(curve["step"], curve) if curve else snapshots, int(record["wall"]["digits"])
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    scored = tuple(manifest.files[f"{MLP_HISTORY}.onnx"].get("steps", ()))
    return learning if scored == snapshots.steps and len(scored) > 1 else None


def _losses(steps: Sequence[int], values: dict[str, Any]) -> Losses:
    """Raises ValueError where they are not as many finite numbers as steps, in the order of these."""
    both = [tuple(map(float, values[f"{name}_loss"])) for name in ("discriminator", "generator")]
    if any(len(each) != len(steps) or not all(map(math.isfinite, each)) for each in both):
        raise ValueError("there is not a number for each step")
    if list(steps) != sorted({int(step) for step in steps}):
        raise ValueError("the steps are out of order")
    return Losses(tuple(steps), *both)


def place(step: int, snapshots: Sequence[int]) -> float:
    """Where a training step lies among at least two snapshots, in [0, 1], which stand at equal distances.

    Between two of them the place follows the logarithm, as the snapshots themselves do.
    """
    known = [math.log1p(each) for each in snapshots]
    return float(np.interp(math.log1p(step), known, np.linspace(0, 1, len(known))))


def example_digit(engine: Engine) -> Checked | None:
    """A digit that the tutorial's generator makes; None where there is no such generator, or no digit."""
    if MLP_GENERATOR not in engine.generators:
        return None
    names = [f"{MLP_GENERATOR}-0-{index}.png" for index in range(EXAMPLES)]
    made = engine.generate(MLP_GENERATOR, EXAMPLES, 0)
    checked = check_sources(engine, names, [each[..., np.newaxis] for each in made])
    return next((each for each in checked if probability_to_show(each.answer) is not None), None)
