"""The tutorial pair's history: scores at every snapshot, grids of samples, losses, and recorded steps."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import leaky_relu

from demo.contract import HISTORY_PICTURE, HISTORY_RECORD, HISTORY_STEPS
from train.bundle import HISTORY, Bundle
from train.figures import grid_png
from train.tutorial.gan import GRID, GRID_COLUMNS, WINDOW
from train.tutorial.models import MlpDiscriminator
from train.tutorial.trace import RECORD

CURVE_POINTS: Final = 120
CURVE_DECIMALS: Final = 5
CURVES: Final = ("discriminator_loss", "generator_loss")


class PixelHistory(nn.Module):
    """pixels uint8 [batch, height, width] → fake_probability float32 [batch, snapshots].

    All snapshots of the tutorial's discriminator side by side, as one batched product per layer. Weights are
    stored as float16, half the size, and cast back in the graph: arithmetic is float32.
    """

    def __init__(self, discriminators: Sequence[MlpDiscriminator]) -> None:
        super().__init__()
        self.snapshots = len(discriminators)
        layers = [
            [layer for layer in each.modules() if isinstance(layer, nn.Linear)] for each in discriminators
        ]
        self.depth = len(layers[0])
        for index, group in enumerate(zip(*layers, strict=True)):
            self.register_buffer(
                f"weight{index}", torch.stack([each.weight.detach().T.half() for each in group])
            )
            self.register_buffer(
                f"bias{index}", torch.stack([each.bias.detach()[None].half() for each in group])
            )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        hidden = (pixels.flatten(1).float() / 255)[None].expand(self.snapshots, -1, -1)
        for index in range(self.depth):
            weight, bias = self.get_buffer(f"weight{index}"), self.get_buffer(f"bias{index}")
            hidden = hidden @ weight.float() + bias.float()
            if index < self.depth - 1:
                hidden = leaky_relu(hidden, 0.2)
        return torch.sigmoid(hidden.squeeze(2)).T


def history_files(bundle: Bundle) -> dict[str, bytes]:
    """Return file name → content of what is published of a run's history beside the model.

    `HISTORY_STEPS` is among them if `python -m train trace` has recorded steps.
    """
    recorded = {HISTORY_STEPS: bundle.files[RECORD]} if RECORD in bundle.files else {}
    return {
        HISTORY_PICTURE: grid_png(bundle.pictures[HISTORY], GRID_COLUMNS),
        HISTORY_RECORD: history_record(bundle.record["snapshots"], bundle.record["windows"]),
        **recorded,
    }


def history_record(snapshots: Sequence[Mapping[str, Any]], windows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return JSON: steps, losses (nats) and accuracies at the snapshots, the layout of `history.png`, and the
    `curve` of both losses between snapshots.

    snapshots, windows: rows of the run's metrics, in order.
    """
    record = {
        "wall": {"digits": GRID, "columns": GRID_COLUMNS},
        "steps": [row["step"] for row in snapshots],
        **{name: [row[name] for row in snapshots] for name in WINDOW},
        "curve": history_curve(windows),
    }
    return (json.dumps(record, indent=1) + "\n").encode()


def history_curve(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return points of both loss curves, nats: `step`, and each loss's mean since the point before.

    rows: windows of the metrics, in order, at least one. There are at most `CURVE_POINTS` points, half evenly
    spaced and half in equal ratios, so that they suit a linear axis and a logarithmic one.
    """
    steps = np.array([row["step"] for row in rows])
    taken = np.diff(steps, prepend=0)
    half, count = CURVE_POINTS // 2, len(rows)
    spaced = np.concatenate([np.linspace(0, count - 1, half), np.geomspace(1, count, half) - 1])
    ends = np.unique(spaced.round().astype(int))
    starts = np.concatenate([[0], ends[:-1] + 1])

    def means(name: str) -> list[float]:
        sums: NDArray[np.float64] = np.add.reduceat(np.array([row[name] for row in rows]) * taken, starts)
        values: list[float] = (sums / np.add.reduceat(taken, starts)).round(CURVE_DECIMALS).tolist()
        return values

    return {"step": steps[ends].tolist(), **{name: means(name) for name in CURVES}}
