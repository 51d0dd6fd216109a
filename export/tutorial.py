"""What a run of the tutorial's pair becomes: discriminator, generator, history, and its pictures."""

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.contract import (
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
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.artifact import Artifact, Plan, blank_groups, make
from export.errors import ExportError, ParityError
from export.from_image import make_from_image, make_normalizer
from export.history import history_files, history_steps
from export.integers import Examined, make_integers
from export.measure import measure_pair
from export.modules import PixelDiscriminator, PixelGenerator, PixelHistory, example_noise, example_pixels
from export.parity import Difference, save_report
from export.perceptron import quantized_perceptron
from export.pictures import any_image_groups, golden_picture
from export.publish import publish, published
from export.scale import measure_enlarged
from train.config import TutorialConfig
from train.data import mnist
from train.normalize import normalize
from train.run import Run
from train.tutorial.gan import TutorialPair, load_pair

PARITY_COUNT = 4096
PARITY_SEED = 2_000_000
ENLARGED_COUNT = 200
ANY_IMAGE_COUNT = 32
EXAMINED_COUNT = 8192
"""Real digits, and generated ones, that integers are made with; half as many to hold them with."""
EXAMINED_SEED = 3_000_000
# The tutorial's own rule: one threshold, uncalibrated.
TUTORIAL_THRESHOLDS = Thresholds(fake=0.5, real=0.5)


def export_tutorial(run: Run, models: Path) -> dict[str, Any]:
    """Convert a run's last snapshot and its history, pass the gate, publish; returns the figures.

    The any-image files are made over the tutorial's discriminator only where no product is published:
    else they are the product's, and stay. The gate's full report is saved as `parity.json` in the run's
    folder.

    `mlp_discriminator_int8.onnx` is published where it passes a gate of its own; where it does not, stderr
    says so, and the pair is published without.

    Raises:
        ParityError, PublishError, DataError, RunError: nothing was published.
    """
    config = run.config(TutorialConfig)
    dataset = mnist.find_entry(config.dataset)
    has_product = f"{DISCRIMINATOR}.onnx" in published(models)
    pair, last = load_pair(run)
    steps = history_steps(run)
    pairs = [load_pair(run, step)[0] for step in steps]
    digits = mnist.load(config.dataset, "test")
    reals = digits.images.numpy()[:PARITY_COUNT]
    fakes = pair.sample(PARITY_COUNT, PARITY_SEED)
    noise = np.random.default_rng(PARITY_SEED).standard_normal((PARITY_COUNT, config.latent), np.float32)
    shape = dataset.shape
    blank = blank_groups(PARITY_COUNT, shape, PARITY_SEED)
    common: dict[str, Any] = {
        "training_run": f"{run.folder.name}, step {last} of {config.epochs} epochs, seed {config.seed}",
        "licence": f"MIT; trained on {dataset.licence}",
    }
    groups = {"real": reals, "generated": fakes, **blank}
    pictures: dict[str, Any] = {
        "examples": {PIXELS: example_pixels(shape)},
        "groups": {group: {PIXELS: pixels} for group, pixels in groups.items()},
        "golden": {PIXELS: np.concatenate([fakes[:4], *(each[:2] for each in blank.values())])},
        "thresholds": TUTORIAL_THRESHOLDS,
    }
    plans = [
        Plan(
            name=MLP_DISCRIMINATOR,
            kind="discriminator",
            module=PixelDiscriminator(pair.discriminator),
            output_names=[FAKE_PROBABILITY, LOGIT],
            **pictures,
            **common,
        ),
        Plan(
            name=MLP_HISTORY,
            kind="history",
            module=PixelHistory([each.discriminator for each in pairs]),
            output_names=[FAKE_PROBABILITY],
            details={"steps": steps},
            **pictures,
            **common,
        ),
        Plan(
            name=MLP_GENERATOR,
            kind="generator",
            module=PixelGenerator(pair.generator, shape),
            examples={NOISE: example_noise(config.latent)},
            output_names=[PIXELS],
            groups={
                "normal": {NOISE: noise},
                "zero": {NOISE: np.zeros((1, config.latent), np.float32)},
                "wide": {NOISE: 3 * noise},
            },
            golden={NOISE: noise[:4]},
            **common,
        ),
    ]
    artifacts: dict[str, Artifact] = {}
    report: dict[str, Sequence[Difference]] = {}
    try:
        for plan in plans:
            artifact = make(plan)
            artifacts[artifact.file] = artifact
            report[artifact.file] = artifact.report
        if dataset.shape == PICTURE_SHAPE and not has_product:
            for artifact in any_image_artifacts(artifacts, pair, reals, fakes, common):
                artifacts[artifact.file] = artifact
                report[artifact.file] = artifact.report
        reference = artifacts[f"{MLP_DISCRIMINATOR}.onnx"]
        learnt_from = mnist.load(config.dataset, "train").images.numpy()
        for artifact in integer_artifacts(reference, pair, learnt_from, pictures["golden"][PIXELS]):
            artifacts[artifact.file] = artifact
            report[artifact.file] = artifact.report
    except ParityError as error:
        report[error.file] = error.report
        raise
    finally:
        save_report(run.folder, report)
    discriminator, generator = f"{MLP_DISCRIMINATOR}.onnx", f"{MLP_GENERATOR}.onnx"
    metrics = measure_pair(
        open_session(discriminator, artifacts[discriminator].content, [CPU]),
        open_session(generator, artifacts[generator].content, [CPU]),
        digits.images.numpy(),
    )
    entries = {file: artifact.entry for file, artifact in artifacts.items()}
    entries[discriminator] = {**entries[discriminator], "metrics": {"dataset": config.dataset, **metrics}}
    files = {file: artifact.content for file, artifact in artifacts.items()}
    stale = [
        name for name, entry in published(models).items() if entry.get("variant_of") == MLP_DISCRIMINATOR
    ]
    # Another run's steps, where this one's are not recorded, would tell another story than its history.
    publish(models, files | history_files(run, pairs, steps), entries, without=[HISTORY_STEPS, *stale])
    return metrics


def integer_artifacts(
    reference: Artifact, pair: TutorialPair, learnt_from: NDArray[np.uint8], golden: NDArray[np.uint8]
) -> Iterator[Artifact]:
    """The discriminator in integers, unless it is too far from its reference: a pair that hardly learnt may
    be, and is worth showing all the same.

    learnt_from: uint8 [n, height, width], the training digits.
    """
    try:
        yield make_integers(
            reference, TUTORIAL_THRESHOLDS, examined_by(pair, learnt_from), golden, quantized_perceptron
        )
    except ExportError as error:
        print(f"export: the pair is published without integers: {error}", file=sys.stderr)


def examined_by(pair: TutorialPair, learnt_from: NDArray[np.uint8]) -> Examined:
    """What integers are made and held with: digits, and fakes that nobody has seen, as they are and as the
    normaliser leaves them.

    The test digits are for the published figures alone, so the digits that integers are held with are of
    those that the pair learnt from; the integers know nothing of them.
    """
    chosen = np.random.default_rng(EXAMINED_SEED).permutation(len(learnt_from))
    known = min(EXAMINED_COUNT, len(learnt_from) // 2)
    held = EXAMINED_COUNT // 2
    others = learnt_from[chosen[known : known + held]]
    fakes = pair.sample(EXAMINED_COUNT + held, EXAMINED_SEED)
    return Examined(
        np.concatenate([learnt_from[chosen[:known]], fakes[:EXAMINED_COUNT]]),
        both("digits", others),
        both("generated", fakes[EXAMINED_COUNT:]),
    )


def both(name: str, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Pixels as they are, and normalised where the normaliser gives their shape."""
    if pixels.shape[1:] != PICTURE_SHAPE:
        return {name: pixels}
    return {
        name: pixels,
        f"{name}, normalised": np.stack([normalize(each[..., np.newaxis]) for each in pixels]),
    }


def any_image_artifacts(
    artifacts: Mapping[str, Artifact],
    pair: TutorialPair,
    reals: NDArray[np.uint8],
    fakes: NDArray[np.uint8],
    common: Mapping[str, str],
) -> Iterator[Artifact]:
    """The normaliser, and the discriminator behind it."""
    digits = np.concatenate([reals[:ANY_IMAGE_COUNT], fakes[:ANY_IMAGE_COUNT]])
    pictures = any_image_groups(digits, PARITY_SEED)
    golden = golden_picture(fakes[0], PARITY_SEED)
    normalizer = make_normalizer(pictures, golden)
    yield normalizer
    discriminator = artifacts[f"{MLP_DISCRIMINATOR}.onnx"].content
    # Nothing to see is no digit: what the tutorial's model itself cannot say, the normaliser can.
    thresholds = dataclasses.replace(TUTORIAL_THRESHOLDS, in_domain=0.5)
    yield make_from_image(
        normalizer.content,
        discriminator,
        PixelDiscriminator(pair.discriminator),
        thresholds,
        pictures=pictures,
        golden=golden,
        **common,
    )


def remeasure(models: Path) -> dict[str, Any]:
    """Recompute the published figures from the published files and the test digits.

    Raises:
        ModelError, DataError: the models or the data set cannot be read.
    """
    manifest = Manifest.load(models)
    discriminator, generator = f"{MLP_DISCRIMINATOR}.onnx", f"{MLP_GENERATOR}.onnx"
    figures = manifest.files.get(discriminator, {}).get("metrics")
    if figures is None:
        raise ModelError(f"{models} holds no {discriminator} with figures; publish a run there first.")
    reals = mnist.load(figures["dataset"], "test").images.numpy()
    measured = measure_pair(
        open_session(discriminator, manifest.read(discriminator), [CPU]),
        open_session(generator, manifest.read(generator), [CPU]),
        reals,
    )
    result = {"published": figures, "measured": {"dataset": figures["dataset"], **measured}}
    if manifest.names("normalizer"):
        result["enlarged"] = measure_enlarged(
            Engine.load(models, "cpu", MLP_DISCRIMINATOR), reals[:ENLARGED_COUNT]
        )
    return result
