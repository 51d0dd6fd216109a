"""What a class-conditional generator becomes: `generator.onnx`, compared with PyTorch digit by digit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from demo.contract import DIGIT, DIGITS, GENERATOR, NOISE, PIXELS
from export.artifact import Plan, make
from export.errors import ParityError, PublishError
from export.modules import PixelConditionalGenerator, example_digit, example_noise
from export.parity import Difference, save_report
from export.publish import publish

LARGEST_GENERATOR_BYTES: Final = 2_000_000
PARITY_COUNT: Final = 4096
PARITY_SEED: Final = 2_000_000


def export_generator(
    generator: nn.Module,
    latent: int,
    run: Path,
    training_run: str,
    licence: str,
    models: Path,
    details: Mapping[str, Any],
    beside: Mapping[str, bytes] | None = None,
) -> list[Difference]:
    """Convert a generator, pass the gate, publish it beside what the models folder holds.

    generator: (noise float32 [batch, latent], digit int64 [batch]) → float32 [batch, 1, 28, 28] in [0, 1].
    run: the folder that gets the gate's full report as `parity.json`, also where the gate refuses.
    training_run, licence: texts for the file's metadata. details: what else the manifest says of the file,
    its metrics for one. beside: name → content of files that are published with it.

    Raises:
        ParityError, PublishError, RunError: nothing was published.
    """
    plan = Plan(
        name=GENERATOR,
        kind="generator",
        module=PixelConditionalGenerator(generator),
        examples={NOISE: example_noise(latent), DIGIT: example_digit()},
        output_names=[PIXELS],
        groups=parity_groups(latent),
        golden={NOISE: normal_noise(DIGITS, latent, PARITY_SEED), DIGIT: np.arange(DIGITS, dtype=np.int64)},
        training_run=training_run,
        licence=licence,
    )
    try:
        artifact = make(plan)
    except ParityError as error:
        save_report(run, {error.file: error.report})
        raise
    save_report(run, {artifact.file: artifact.report})
    if len(artifact.content) > LARGEST_GENERATOR_BYTES:
        raise PublishError(
            f"{artifact.file} has {len(artifact.content):,} bytes; the contract allows "
            f"{LARGEST_GENERATOR_BYTES:,}. Train a smaller generator. Nothing is published."
        )
    files = {artifact.file: artifact.content, **(beside or {})}
    publish(models, files, {artifact.file: {**details, **artifact.entry}})
    return list(artifact.report)


def parity_groups(latent: int) -> dict[str, dict[str, NDArray[Any]]]:
    """Inputs for the gate: normal noise for each digit, wide noise and none for all of them in turn."""
    normal: dict[str, dict[str, NDArray[Any]]] = {
        f"digit {digit}": {
            NOISE: normal_noise(PARITY_COUNT, latent, PARITY_SEED + digit),
            DIGIT: np.full(PARITY_COUNT, digit, np.int64),
        }
        for digit in range(DIGITS)
    }
    wide = 3 * normal_noise(PARITY_COUNT, latent, PARITY_SEED + DIGITS)
    return {
        **normal,
        "wide": {NOISE: wide, DIGIT: np.arange(PARITY_COUNT, dtype=np.int64) % DIGITS},
        "zero": {NOISE: np.zeros((DIGITS, latent), np.float32), DIGIT: np.arange(DIGITS, dtype=np.int64)},
    }


def normal_noise(count: int, latent: int, seed: int) -> NDArray[np.float32]:
    """float32 [count, latent], standard normal."""
    return np.random.default_rng(seed).standard_normal((count, latent), np.float32)
