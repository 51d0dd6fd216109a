"""The recorded training of the tutorial's pair: losses, snapshots, and single steps number by number."""

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, HISTORY_STEPS, MLP_GENERATOR, MLP_HISTORY
from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest

EXAMPLES: Final = 8
"""Pictures of the tutorial's generator among which to look for an example digit."""

_GRADIENT_LEVELS: Final = 127


@dataclass(frozen=True)
class Losses:
    """Both losses, in nats, at some training steps."""

    steps: tuple[int, ...]
    discriminator: tuple[float, ...]
    generator: tuple[float, ...]


@dataclass(frozen=True)
class Learning:
    """The published record of a training.

    snapshots: the losses at the steps whose models were kept.
    curve: mean losses between the curve's own steps, to draw as lines.
    grid_digits: digits on each of the grids that `HISTORY_PICTURE` stacks vertically.
    """

    snapshots: Losses
    curve: Losses
    grid_digits: int


def load_learning(manifest: Manifest) -> Learning | None:
    """Load the record of a training; None if it is incomplete or has only one snapshot.

    Raises:
        ModelError: the record is missing or altered.
    """
    if not {f"{MLP_HISTORY}.onnx", HISTORY_RECORD, HISTORY_PICTURE} <= manifest.files.keys():
        return None
    record: dict[str, Any] = json.loads(manifest.read(HISTORY_RECORD))
    snapshots, curve = _losses(record["steps"], record), record["curve"]
    if len(snapshots.steps) == 1:
        return None
    return Learning(snapshots, _losses(curve["step"], curve), record["wall"]["digits"])


def _losses(steps: Sequence[int], values: dict[str, Any]) -> Losses:
    return Losses(tuple(steps), tuple(values["discriminator_loss"]), tuple(values["generator_loss"]))


def position(step: int, snapshots: Sequence[int]) -> float:
    """Return where a training step lies on an axis with equally spaced snapshots, in [0, 1].

    Between two snapshots the position follows the logarithm, as the snapshots themselves do.
    """
    known = [math.log1p(each) for each in snapshots]
    return float(np.interp(math.log1p(step), known, np.linspace(0, 1, len(known))))


def example_digit(engine: Engine) -> Checked | None:
    """Return a digit by the tutorial's generator; None without that generator, or if it makes no digit."""
    if MLP_GENERATOR not in engine.generators:
        return None
    names = [f"{MLP_GENERATOR}-0-{index}.png" for index in range(EXAMPLES)]
    pictures = engine.generate(MLP_GENERATOR, EXAMPLES, 0)
    checked = check_sources(engine, names, [each[..., np.newaxis] for each in pictures])
    return next((each for each in checked if each.answer.verdict not in (None, "not a digit")), None)


@dataclass(frozen=True, eq=False)
class RecordedPicture:
    """One picture of a recorded step, and the discriminator's prediction for it.

    label: 0 real, 1 fake. digit: what a person wrote; None for a fake.
    pixels, pixels_after: uint8 [height, width], before and after the generator's update.
    fake_probability, cost (nats): before the step, after the discriminator's update, after the generator's.
    pixel_gradient: float32 [height, width], nats per full brightness; positive where more ink would raise
        the cost before the step.
    """

    label: int
    digit: int | None
    pixels: NDArray[np.uint8]
    pixels_after: NDArray[np.uint8]
    fake_probability: Sequence[float]
    cost: Sequence[float]
    pixel_gradient: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RecordedStep:
    """One training step. Losses, in nats, are of the whole batch, at the same three moments.

    number: from 1. The gradients are L2 norms over all parameters of a network.
    """

    number: int
    discriminator_loss: Sequence[float]
    generator_loss: Sequence[float]
    discriminator_gradient: float
    generator_gradient: float
    real: RecordedPicture
    fake: RecordedPicture


@dataclass(frozen=True, eq=False)
class Recording:
    """Steps of one training, in order. batch_size: real pictures per step, and as many fakes."""

    batch_size: int
    learning_rate: float
    discriminator_parameters: int
    generator_parameters: int
    steps: tuple[RecordedStep, ...]


def load_recording(manifest: Manifest) -> Recording | None:
    """Load the recorded steps; None if there are none.

    Raises:
        ModelError: the file is missing or altered.
    """
    if HISTORY_STEPS not in manifest.files:
        return None
    record: dict[str, Any] = json.loads(manifest.read(HISTORY_STEPS))
    return Recording(
        record["batch_size"],
        record["learning_rate"],
        record["parameters"]["discriminator"],
        record["parameters"]["generator"],
        tuple(_step(each, record["shape"]) for each in record["steps"]),
    )


def _step(record: dict[str, Any], shape: Sequence[int]) -> RecordedStep:
    return RecordedStep(
        record["step"],
        record["discriminator_loss"],
        record["generator_loss"],
        record["discriminator_gradient"],
        record["generator_gradient"],
        _picture(record["real"], shape),
        _picture(record["fake"], shape),
    )


def _picture(record: dict[str, Any], shape: Sequence[int]) -> RecordedPicture:
    def pixels(text: str) -> NDArray[np.uint8]:
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)

    gradient = record["pixel_gradient"]
    levels = pixels(gradient["levels"]).view(np.int8)
    return RecordedPicture(
        record["label"],
        record["digit"],
        pixels(record["pixels"]),
        pixels(record.get("pixels_after", record["pixels"])),
        record["fake_probability"],
        record["cost"],
        levels.astype(np.float32) * np.float32(gradient["largest"] / _GRADIENT_LEVELS),
    )
