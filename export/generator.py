"""Export a generators' run: `generator.onnx`, the report on all generators, and a grid of samples of each."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import DIGIT, DIGITS, GENERATOR, GENERATORS_GRID, GENERATORS_RECORD, NOISE, PIXELS
from export.convert import ExportSpec, export_model, publish_models
from train.bundle import PUBLISHED_GENERATOR, Bundle
from train.generators.build import REPORT
from train.generators.networks import ConvGenerator

PARITY_COUNT: Final = 4096
PARITY_SEED: Final = 2_000_000


class PixelConditionalGenerator(nn.Module):
    """noise float32 [batch, latent], digit int64 [batch] in 0-9 → pixels uint8 [batch, 28, 28].

    generator: (noise, digit) → float32 [batch, 1, 28, 28] in [0, 1].
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: torch.Tensor, digit: torch.Tensor) -> torch.Tensor:
        return torch.round(self.generator(noise, digit).squeeze(1) * 255).to(torch.uint8)


def export_generators(bundle: Bundle, run: Path, models: Path) -> dict[str, Any]:
    """Publish a finished run; return the report's figures for the published generator.

    run: the folder that gets the gate's report.

    Raises:
        ParityError, PublishError, RunError: nothing was published.
    """
    record = bundle.record
    report = json.loads(bundle.files[REPORT])
    rows = {row["name"]: row for row in report["rows"] if row["kind"] != "real"}
    figures: dict[str, Any] = rows[PUBLISHED_GENERATOR]
    generator = ConvGenerator(record["latent"], record["width"], True)
    generator.load_state_dict(bundle.weights)
    spec = generator_spec(
        generator,
        record["latent"],
        f"{record['run']}, {PUBLISHED_GENERATOR}, step {record['step']}, seed {record['config']['seed']}",
        record["licence"],
    )
    publish_models(
        map(export_model, [spec]),
        run,
        models,
        {"dataset": record["config"]["dataset"], "count": report["count"], **figures},
        {
            **{GENERATORS_GRID.format(name): bundle.files[f"{name}.png"] for name in rows},
            GENERATORS_RECORD: bundle.files[REPORT],
        },
    )
    return figures


def generator_spec(generator: nn.Module, latent: int, training_run: str, licence: str) -> ExportSpec:
    """Return what `generator.onnx` is made from.

    generator: (noise float32 [batch, latent], digit int64 [batch]) → float32 [batch, 1, 28, 28] in [0, 1].
    """
    return ExportSpec(
        name=GENERATOR,
        kind="generator",
        module=PixelConditionalGenerator(generator),
        output_names=[PIXELS],
        groups=parity_groups(latent),
        golden={NOISE: normal_noise(DIGITS, latent, PARITY_SEED), DIGIT: np.arange(DIGITS, dtype=np.int64)},
        training_run=training_run,
        licence=licence,
    )


def parity_groups(latent: int) -> dict[str, dict[str, NDArray[Any]]]:
    """Return inputs for the gate: normal noise per digit; wide noise and zeros for all digits in turn."""
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
    """Return standard normal noise, float32 [count, latent]."""
    return np.random.default_rng(seed).standard_normal((count, latent), np.float32)
