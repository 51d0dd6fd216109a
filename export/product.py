"""What the product's network becomes: `discriminator.onnx`, and the one door in front of it."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from demo.contract import (
    DIGIT_PROBABILITIES,
    DISCRIMINATOR,
    FAKE_PROBABILITY,
    IN_DOMAIN,
    LOGIT,
    MLP_DISCRIMINATOR,
    PICTURE_SHAPE,
    PIXELS,
)
from demo.inference.answer import Thresholds
from export.artifact import Artifact, Plan, blank_groups, make
from export.errors import ParityError, PublishError
from export.from_image import make_from_image, make_normalizer
from export.integers import Examined, make_integers
from export.modules import PixelDetector, example_pixels
from export.parity import Difference, save_report
from export.pictures import any_image_groups, golden_picture
from export.publish import publish, published

OUTPUTS: Final = (FAKE_PROBABILITY, LOGIT, DIGIT_PROBABILITIES, IN_DOMAIN)
LARGEST_DISCRIMINATOR_BYTES: Final = 2_000_000
NOISE_COUNT: Final = 4096
PARITY_SEED: Final = 2_000_000
ANY_IMAGE_COUNT: Final = 64
GOLDEN_COUNT: Final = 2
"""Pictures of each group whose numbers every session replays at load."""


def export_product(
    detector: nn.Module,
    scale: float,
    bias: float,
    thresholds: Thresholds,
    run: Path,
    training_run: str,
    licence: str,
    models: Path,
    details: Mapping[str, Any],
    groups: Mapping[str, NDArray[np.uint8]],
    beside: Mapping[str, bytes] | None = None,
    integers: Examined | None = None,
) -> dict[str, Sequence[Difference]]:
    """Convert the detector, pass the gate, publish it with `normalizer.onnx` and
    `discriminator_from_image.onnx` over it; what else the models folder holds stays.

    detector: pictures float32 [batch, 1, 28, 28] in [0, 1] → (fake_logit float32 [batch], digit_logits
    float32 [batch, 10], domain_logit float32 [batch]); itself left as it is.
    scale, bias: the calibration, logit = scale * fake_logit + bias.
    run: the folder that gets the gate's full report as `parity.json`, also where the gate refuses.
    training_run, licence: texts for the files' metadata.
    details: what else the manifest says of `discriminator.onnx`, its `metrics` for one; ready for JSON.
    groups: name → pixels uint8 [n, 28, 28], n at least 1, for the gate: real and generated digits, say.
    Black, white and noise are added. beside: name → content of files that are published with it.

    integers: what `discriminator_int8.onnx` is made and held with; without, it is not made. An earlier
    product's variants go: they would stand for another network.

    Returns the gate's comparisons, file name → rows.

    Raises:
        ParityError: a file's numbers differ from PyTorch's.
        PublishError: `discriminator.onnx` is larger than the contract allows, a threshold is none, or the
            folder cannot be written.
        RunError: the report cannot be written. In each case nothing was published.
    """
    refuse_thresholds(thresholds)
    module = PixelDetector(copy.deepcopy(detector).cpu().eval(), scale, bias)
    pixels = {**groups, **blank_groups(NOISE_COUNT, PICTURE_SHAPE, PARITY_SEED)}
    plan = Plan(
        name=DISCRIMINATOR,
        kind="discriminator",
        module=module,
        examples={PIXELS: example_pixels(PICTURE_SHAPE)},
        output_names=OUTPUTS,
        groups={group: {PIXELS: each} for group, each in pixels.items()},
        golden={PIXELS: np.concatenate([each[:GOLDEN_COUNT] for each in pixels.values()])},
        training_run=training_run,
        licence=licence,
        thresholds=thresholds,
    )
    share = max(1, ANY_IMAGE_COUNT // len(groups))
    digits = np.concatenate([each[:share] for each in groups.values()])
    artifacts: dict[str, Artifact] = {}
    report: dict[str, Sequence[Difference]] = {}
    try:
        for artifact in make_all(plan, thresholds, digits):
            artifacts[artifact.file] = artifact
            report[artifact.file] = artifact.report
        if integers is not None:
            discriminator = artifacts[f"{DISCRIMINATOR}.onnx"]
            artifact = make_integers(discriminator, thresholds, integers, plan.golden[PIXELS])
            artifacts[artifact.file] = artifact
            report[artifact.file] = artifact.report
    except ParityError as error:
        report[error.file] = error.report
        raise
    finally:
        save_report(run, report)
    entries = {file: artifact.entry for file, artifact in artifacts.items()}
    entries[f"{DISCRIMINATOR}.onnx"] = {**details, **entries[f"{DISCRIMINATOR}.onnx"]}
    files = {file: artifact.content for file, artifact in artifacts.items()}
    # Of the variants only the tutorial's stand for a network that stays.
    stale = [
        file
        for file, entry in published(models).items()
        if entry.get("variant_of") not in (None, MLP_DISCRIMINATOR)
    ]
    publish(models, {**(beside or {}), **files}, entries, without=stale)
    return report


def make_all(plan: Plan, thresholds: Thresholds, digits: NDArray[np.uint8]) -> Iterator[Artifact]:
    """The discriminator, the normaliser, and the two merged. digits: uint8 [n, 28, 28], to make pictures of.

    Raises:
        ParityError: a file's numbers differ from PyTorch's. PublishError: the discriminator is too large.
    """
    discriminator = make(plan)
    yield discriminator
    if len(discriminator.content) > LARGEST_DISCRIMINATOR_BYTES:
        raise PublishError(
            f"{discriminator.file} has {len(discriminator.content):,} bytes; the contract allows "
            f"{LARGEST_DISCRIMINATOR_BYTES:,}. Train a smaller network. Nothing is published."
        )
    pictures = any_image_groups(digits, PARITY_SEED)
    golden = golden_picture(digits[0], PARITY_SEED)
    normalizer = make_normalizer(pictures, golden)
    yield normalizer
    yield make_from_image(
        normalizer.content,
        discriminator.content,
        plan.module,
        thresholds,
        plan.training_run,
        plan.licence,
        pictures,
        golden,
    )


def refuse_thresholds(thresholds: Thresholds) -> None:
    """Raises PublishError where the thresholds leave a verdict that no score reaches, or `in_domain` none."""
    domain = thresholds.in_domain
    if domain is None or not (0 < thresholds.real <= thresholds.fake < 1 and 0 < domain < 1):
        raise PublishError(
            f"The thresholds {thresholds} are none: 0 < real <= fake < 1 and 0 < in_domain < 1 must hold. "
            "Nothing is published."
        )
