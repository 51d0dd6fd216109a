"""The recorded training of the tutorial's pair: losses, snapshots, and single steps number by number."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, HISTORY_STEPS, MLP_GENERATOR, MLP_HISTORY
from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest

EXAMPLES: Final = 8
"""Pictures of the tutorial's generator among which to look for an example digit."""

Record = Mapping[str, Any]
"""A published JSON document, described where it is loaded."""


def load_learning(manifest: Manifest) -> Record | None:
    """Load the record of a training; None if it is incomplete or has only one snapshot.

    Returns `steps`, at which a snapshot was kept, and `discriminator_loss` and `generator_loss` at them, in
    nats; `curve`: each loss's mean since the point before, at its own `step`s; and `wall`, whose `digits` is
    the number in each grid of `HISTORY_PICTURE`. The grids are stacked vertically, one per snapshot.

    Raises:
        ModelError: the record is missing or altered.
    """
    if not {f"{MLP_HISTORY}.onnx", HISTORY_RECORD, HISTORY_PICTURE} <= manifest.files.keys():
        return None
    record: Record = json.loads(manifest.read(HISTORY_RECORD))
    return record if len(record["steps"]) > 1 else None


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


def load_recording(manifest: Manifest) -> Record | None:
    """Load the recorded steps; None if there are none.

    Returns `batch_size` (real pictures per step, and as many fakes), `learning_rate`, `parameters` (how many
    each network has), `shape` (height, width), and `steps`. In a step, each list has a value from before the
    step, from after the discriminator's update, and from after the generator's:

    - `step`: its number, from 1.
    - `discriminator_loss`, `generator_loss`: lists, nats, of the whole batch.
    - `discriminator_gradient`, `generator_gradient`: L2 norms over all parameters of a network.
    - `real`, `fake`: one picture each, with `label` (0 real, 1 fake), `digit` (None for a fake), `pixels`
      (uint8 in base64; the fake also has `pixels_after` the step), `fake_probability` and `cost` (lists;
      nats), and `pixel_gradient`: `levels` (int8 in base64) are positive where more ink would raise the cost.

    Raises:
        ModelError: the file is missing or altered.
    """
    if HISTORY_STEPS not in manifest.files:
        return None
    record: Record = json.loads(manifest.read(HISTORY_STEPS))
    return record
