"""Single steps of a training, recorded number by number, to be looked at slowly."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import HISTORY_STEPS
from demo.inference.manifest import Manifest

_LEVELS: Final = 127


@dataclass(frozen=True, eq=False)
class Judged:
    """One picture of a step's batch, and what the discriminator made of it.

    label: 0 real, 1 fake.
    digit: what a person wrote; None of a fake.
    pixels, pixels_after: uint8 [height, width]; after the generator's update, a fake is another picture.
    fake_probability, cost: at three moments: before the step, after the discriminator's update, after the
        generator's. A cost is in nats.
    pixel_gradient: float32 [height, width], nats per full brightness: above 0 where more ink would raise
        the cost before the step.
    """

    label: int
    digit: int | None
    pixels: NDArray[np.uint8]
    pixels_after: NDArray[np.uint8]
    fake_probability: tuple[float, float, float]
    cost: tuple[float, float, float]
    pixel_gradient: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RecordedStep:
    """One training step. Losses, in nats, are of the whole batch, at the same three moments.

    number: which step it was, from 1. The gradients are L2 norms over all parameters of a network.
    """

    number: int
    discriminator_loss: tuple[float, float, float]
    generator_loss: tuple[float, float, float]
    discriminator_gradient: float
    generator_gradient: float
    real: Judged
    fake: Judged


@dataclass(frozen=True, eq=False)
class Recording:
    """Steps of one training, in order.

    batch_size: real pictures a step, and as many fakes. discriminator_parameters, generator_parameters:
    how many numbers there are in each network.
    """

    batch_size: int
    learning_rate: float
    discriminator_parameters: int
    generator_parameters: int
    steps: tuple[RecordedStep, ...]


def load_recording(manifest: Manifest) -> Recording | None:
    """The recorded steps of a models folder; None where there are none, or none of this form.

    Raises:
        ModelError: the file is missing, or is not the one that was published.
    """
    if HISTORY_STEPS not in manifest.files:
        return None
    content = manifest.read(HISTORY_STEPS)
    try:
        recording = _recording(json.loads(content))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return recording if recording.steps else None


def _recording(record: dict[str, Any]) -> Recording:
    height, width = record["shape"]
    return Recording(
        int(record["batch_size"]),
        float(record["learning_rate"]),
        int(record["parameters"]["discriminator"]),
        int(record["parameters"]["generator"]),
        tuple(_step(each, (height, width)) for each in record["steps"]),
    )


def _step(each: dict[str, Any], shape: tuple[int, int]) -> RecordedStep:
    return RecordedStep(
        int(each["step"]),
        _moments(each["discriminator_loss"]),
        _moments(each["generator_loss"]),
        float(each["discriminator_gradient"]),
        float(each["generator_gradient"]),
        _judged(each["real"], shape),
        _judged(each["fake"], shape),
    )


def _judged(each: dict[str, Any], shape: tuple[int, int]) -> Judged:
    gradient = each["pixel_gradient"]
    levels = np.frombuffer(base64.b64decode(gradient["levels"]), np.int8).reshape(shape)
    return Judged(
        each["label"],
        each["digit"],
        _pixels(each["pixels"], shape),
        _pixels(each.get("pixels_after", each["pixels"]), shape),
        _moments(each["fake_probability"]),
        _moments(each["cost"]),
        levels.astype(np.float32) * np.float32(gradient["largest"] / _LEVELS),
    )


def _pixels(text: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def _moments(values: list[float]) -> tuple[float, float, float]:
    before, after_discriminator, after_generator = map(float, values)
    return before, after_discriminator, after_generator
