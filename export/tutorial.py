"""Export a tutorial run: discriminator, generator, history, and the discriminator's int8 variant."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import (
    DIGITS_PICTURE,
    DISCRIMINATOR,
    FAKE_PROBABILITY,
    HISTORY_STEPS,
    LOGIT,
    MLP_DISCRIMINATOR,
    MLP_GENERATOR,
    MLP_HISTORY,
    NOISE,
    PICTURE_SHAPE,
    PIXELS,
)
from demo.errors import ModelError
from demo.inference.answer import Thresholds
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.convert import ExportedModel, ExportSpec, blank_groups, export_model, publish_models
from export.errors import ExportError
from export.from_image import export_any_image
from export.generator import normal_noise
from export.history import PixelHistory, history_files
from export.int8.gate import CalibrationData, export_int8
from export.int8.mlp import quantize_mlp
from export.parity import run_torch
from export.publish import published
from train.bundle import CALIBRATION, INT8_GATE, REALS, Bundle
from train.checkpoint import unprefixed
from train.data import mnist
from train.evaluation.report import EVALUATION
from train.evaluation.tutorial import EVALUATION_SEED, raw_and_normalized
from train.figures import grid_png
from train.normalize import normalize
from train.tutorial.models import MlpDiscriminator, MlpGenerator

PARITY_COUNT: Final = 4096
PARITY_SEED: Final = 2_000_000
CALIBRATION_SEED: Final = 3_000_000
ANY_IMAGE_COUNT: Final = 32
DIGITS_COUNT: Final = 300
"""At most as many of the test digits are published."""
DIGITS_COLUMNS: Final = 20
TUTORIAL_THRESHOLDS: Final = Thresholds(fake=0.5, real=0.5)
"""The tutorial's own rule: one threshold, not calibrated."""


class PixelDiscriminator(nn.Module):
    """pixels uint8 [batch, height, width] → fake_probability float32 [batch], logit float32 [batch]."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logit = self.discriminator(pixels.flatten(1).float() / 255)
        return torch.sigmoid(logit), logit


class PixelGenerator(nn.Module):
    """noise float32 [batch, latent] → pixels uint8 [batch, height, width]."""

    def __init__(self, generator: nn.Module, shape: tuple[int, int]) -> None:
        super().__init__()
        self.generator = generator
        self.shape = shape

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        pictures = torch.round(self.generator(noise) * 255).to(torch.uint8)
        return pictures.reshape(-1, *self.shape)


def export_tutorial(bundle: Bundle, run: Path, models: Path) -> dict[str, Any]:
    """Publish a finished run; return its figures.

    The any-image files are made around the tutorial's discriminator only if no detector is published.
    `mlp_discriminator_int8.onnx` has a gate of its own; if it refuses, a line on stderr says so, and the pair
    is published without that file.

    run: the folder that gets the gate's report.

    Raises:
        ParityError, PublishError, RunError: nothing was published.
    """
    with_any_image = f"{DISCRIMINATOR}.onnx" not in published(models)
    metrics = {"dataset": bundle.record["config"]["dataset"], **json.loads(bundle.files[EVALUATION])}
    # If this run has no recorded steps, those of another run must not stay beside its history.
    publish_models(
        tutorial_models(bundle, with_any_image),
        run,
        models,
        metrics,
        {**history_files(bundle), DIGITS_PICTURE: digits_picture(bundle.pictures[REALS])},
        without=[HISTORY_STEPS],
    )
    return metrics


def digits_picture(reals: NDArray[np.uint8]) -> bytes:
    """Return a PNG of at most `DIGITS_COUNT` of the test digits uint8 [n, height, width], evenly spaced."""
    count = min(DIGITS_COUNT, len(reals) // DIGITS_COLUMNS * DIGITS_COLUMNS)
    return grid_png(reals[np.linspace(0, len(reals) - 1, count).astype(int)], DIGITS_COLUMNS)


def pair_of(bundle: Bundle) -> tuple[PixelDiscriminator, PixelGenerator]:
    """Return the trained networks of a tutorial run, in evaluation mode."""
    height, width = bundle.record["shape"]
    discriminator = MlpDiscriminator(height * width)
    discriminator.load_state_dict(unprefixed("discriminator", bundle.weights))
    generator = MlpGenerator(bundle.record["config"]["latent"], height * width)
    generator.load_state_dict(unprefixed("generator", bundle.weights))
    return PixelDiscriminator(discriminator).eval(), PixelGenerator(generator, (height, width)).eval()


def tutorial_models(bundle: Bundle, with_any_image: bool) -> Iterator[ExportedModel]:
    """Yield all models of a run; see `export_tutorial`."""
    record = bundle.record
    height, width = record["shape"]
    latent: int = record["config"]["latent"]
    common: dict[str, Any] = {
        "training_run": f"{record['run']}, step {record['step']} of {record['config']['epochs']} epochs, "
        f"seed {record['config']['seed']}",
        "licence": record["licence"],
    }
    discriminator, generator = pair_of(bundle)
    snapshots = []
    steps = [row["step"] for row in record["snapshots"]]
    for step in steps:
        snapshots.append(MlpDiscriminator(height * width))
        snapshots[-1].load_state_dict(unprefixed(f"history.{step}", bundle.weights))
    noise = normal_noise(PARITY_COUNT, latent, PARITY_SEED)
    reals, (fakes,) = bundle.pictures[REALS], run_torch(generator, {NOISE: noise})
    blank = blank_groups(PARITY_COUNT, (height, width), PARITY_SEED)
    groups = {"real": reals[:PARITY_COUNT], "generated": fakes, **blank}
    golden = np.concatenate([fakes[:4], *(each[:2] for each in blank.values())])
    scoring: dict[str, Any] = {
        "groups": {group: {PIXELS: pixels} for group, pixels in groups.items()},
        "golden": {PIXELS: golden},
        "thresholds": TUTORIAL_THRESHOLDS,
        **common,
    }
    reference = export_model(
        ExportSpec(
            name=MLP_DISCRIMINATOR,
            kind="discriminator",
            module=discriminator,
            output_names=[FAKE_PROBABILITY, LOGIT],
            **scoring,
        )
    )
    yield reference
    yield export_model(
        ExportSpec(
            name=MLP_HISTORY,
            kind="history",
            module=PixelHistory(snapshots),
            output_names=[FAKE_PROBABILITY],
            details={"steps": steps},
            **scoring,
        )
    )
    yield export_model(
        ExportSpec(
            name=MLP_GENERATOR,
            kind="generator",
            module=generator,
            output_names=[PIXELS],
            groups={
                "normal": {NOISE: noise},
                "zero": {NOISE: np.zeros((1, latent), np.float32)},
                "wide": {NOISE: 3 * noise},
            },
            golden={NOISE: noise[:4]},
            **common,
        )
    )
    if with_any_image and (height, width) == PICTURE_SHAPE:
        digits = np.concatenate([fakes[:ANY_IMAGE_COUNT], reals[:ANY_IMAGE_COUNT]])
        # A blank picture is no digit: the tutorial's model cannot say so, the normalizer can.
        thresholds = dataclasses.replace(TUTORIAL_THRESHOLDS, in_domain=0.5)
        yield from export_any_image(reference, discriminator, thresholds, digits)
    yield from int8_variant(reference, generator, bundle, golden)


def int8_variant(
    reference: ExportedModel, generator: PixelGenerator, bundle: Bundle, golden: NDArray[np.uint8]
) -> Iterator[ExportedModel]:
    """Yield the discriminator's int8 variant, unless its gate refuses it.

    A pair that hardly learnt anything may be refused, and is worth publishing all the same.
    """
    known, others = bundle.pictures[CALIBRATION], bundle.pictures[INT8_GATE]
    latent: int = bundle.record["config"]["latent"]
    noise = normal_noise(len(known) + len(others), latent, CALIBRATION_SEED)
    (fakes,) = run_torch(generator, {NOISE: noise})
    data = CalibrationData(
        np.concatenate([known, fakes[: len(known)]]),
        with_normalized("digits", others),
        with_normalized("generated", fakes[len(known) :]),
    )
    try:
        yield export_int8(reference, TUTORIAL_THRESHOLDS, data, golden, quantize_mlp)
    except ExportError as error:
        print(f"export: published without an int8 variant: {error}", file=sys.stderr)


def with_normalized(name: str, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Return pixels as they are and, if they are 28x28, normalized."""
    if pixels.shape[1:] != PICTURE_SHAPE:
        return {name: pixels}
    return {
        name: pixels,
        f"{name}, normalized": np.stack([normalize(each[..., np.newaxis]) for each in pixels]),
    }


def remeasure_tutorial(models: Path) -> dict[str, Any]:
    """Recompute the published figures from the published files and the test digits.

    Raises:
        ModelError, DataError: the models or the data set cannot be read.
    """
    manifest = Manifest.load(models)
    discriminator, generator = f"{MLP_DISCRIMINATOR}.onnx", f"{MLP_GENERATOR}.onnx"
    figures = manifest.files.get(discriminator, {}).get("metrics")
    if figures is None:
        raise ModelError(f"{models} holds no {discriminator} with figures; publish a tutorial run first.")
    reals = mnist.load(figures["dataset"], "test").images.numpy()
    scoring, sampling = (
        open_session(name, manifest.read(name), [CPU]) for name in (discriminator, generator)
    )
    latent = sampling.get_inputs()[0].shape[1]
    (fakes,) = sampling.run([PIXELS], {NOISE: normal_noise(len(reals), latent, EVALUATION_SEED)})
    measured = raw_and_normalized(lambda pixels: scoring.run([LOGIT], {PIXELS: pixels})[0], reals, fakes)
    return {"published": figures, "measured": {"dataset": figures["dataset"], **measured}}
