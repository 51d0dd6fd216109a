"""A tiny detector without training: a convolution and a linear layer, the same weights each time."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import DIGITS, DISCRIMINATOR, MLP_GENERATOR
from demo.inference.answer import Thresholds
from demo.inference.engine import MODELS_FOLDER, Engine
from export.conformance import strokes_of
from export.convert import publish_models
from export.detector import PixelDetector, detector_models, detector_spec
from tests.support.models import manifest_of
from train.data.pendigits import draw
from train.normalize import normalize

SCALE: Final = 0.8
BIAS: Final = 3.0
THRESHOLDS: Final = Thresholds(fake=0.625, real=0.375, in_domain=0.5)
CHANNELS: Final = 8
METRICS: Final = {"auroc_worst_kind": 0.98765, "real_test_digits": 10000, "by_kind": {"flow": 0.9}}
BATCHES: Final = (1, 7, 64)
"""Of the quick gate."""
MOST_INK: Final = 0.2
"""The mean brightness from which on a picture is no digit: those of people and generators stay below it."""


class TinyDetector(nn.Module):
    """pictures float32 [batch, 1, 28, 28] in [0, 1] → fake_logit, digit_logits [batch, 10], domain_logit.

    BatchNorm and dropout have something to say in training mode only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, CHANNELS, 5, stride=4, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.dropout = nn.Dropout(0.5)
        self.fake = nn.Linear(CHANNELS * 36, 1, bias=False)
        self.digits = nn.Linear(CHANNELS * 36, DIGITS, bias=False)
        random = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for layer in (self.features, self.fake, self.digits):
                weight = torch.randn(layer.weight.shape, generator=random)
                layer.weight.copy_(weight / weight[0].numel() ** 0.5)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        row = self.dropout(torch.relu(self.norm(self.features(pictures)))).flatten(1)
        domain_logit = 60 * (MOST_INK - pictures.mean((1, 2, 3)))
        return 20 * self.fake(row).squeeze(1), 20 * self.digits(row), domain_logit


def leave_product_out(models: Path) -> None:
    """Take the discriminator of the product from a models folder; its any-picture file stays."""
    (models / f"{DISCRIMINATOR}.onnx").unlink()
    with manifest_of(models) as manifest:
        del manifest["files"][f"{DISCRIMINATOR}.onnx"]


def tiny_groups() -> dict[str, NDArray[np.uint8]]:
    """Pixels for the gate: drawn and generated digits, uint8 [n, 28, 28]."""
    drawn = np.stack([normalize(draw(strokes_of(digit), 280, 22)[..., None]) for digit in range(DIGITS)])
    return {"real": drawn, "generated": Engine.load(MODELS_FOLDER, "cpu").generate(MLP_GENERATOR, 40, 1)}


def quick_gate(patch: pytest.MonkeyPatch) -> None:
    """Let few pictures through the gate, in small batches."""
    patch.setattr("export.parity.BATCHES", BATCHES)
    patch.setattr("export.detector.GATE_COUNT", 4)
    patch.setattr("export.detector.NOISE_COUNT", 64)
    for name in ("detector", "tutorial"):
        patch.setattr(f"export.{name}.ANY_IMAGE_COUNT", 4)
    for name in ("generator", "tutorial"):
        patch.setattr(f"export.{name}.PARITY_COUNT", 64)


def export_tiny(models: Path, thresholds: Thresholds = THRESHOLDS) -> None:
    """Publish a tiny detector into a models folder through a quick gate; its report is in `run` beside it."""
    module = PixelDetector(TinyDetector().eval(), SCALE, BIAS)
    with pytest.MonkeyPatch.context() as patch:
        quick_gate(patch)
        spec = detector_spec(module, thresholds, tiny_groups(), "none: tiny", "MIT")
        publish_models(detector_models(spec, None), models.parent / "run", models, METRICS, {})
