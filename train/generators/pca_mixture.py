"""Classical: a Gaussian mixture of principal components, projected back to pixels."""

import time
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import load_snapshot
from train.config import GeneratorsConfig
from train.data.mnist import Digits, to_float, to_pixels
from train.generators.base import Family, wanted_digits
from train.generators.mixture import (
    MIXTURES,
    Mixture,
    fit_classes,
    kept_mixtures,
    mixtures_of,
    sample_classes,
)
from train.run import Run

COMPONENTS: Final = 40
GAUSSIANS: Final = 10


class PcaMixture(Family):
    """The mixtures are saved; the axes are recomputed when needed, which takes a second."""

    kind = "classical"
    conditional = True

    def __init__(self, config: GeneratorsConfig) -> None:
        self.seed = config.seed
        self.center = torch.empty(0)
        self.axes = torch.empty(0)
        self.mixtures: list[Mixture] = []

    def fit(self, digits: Digits, run: Run) -> float:
        began = time.monotonic()
        offsets = self.find_axes(digits)

        def fit_mixtures() -> list[Mixture]:
            return fit_classes(offsets @ self.axes, digits.labels.cpu(), GAUSSIANS, self.seed)

        self.mixtures = kept_mixtures(run.folder / MIXTURES, fit_mixtures)
        return time.monotonic() - began

    def find_axes(self, digits: Digits) -> torch.Tensor:
        """Find the mean and the principal axes; return offsets from the mean, float32 [n, 784]."""
        pixels = to_float(digits.images).cpu()
        self.center = pixels.mean(0)
        offsets = pixels - self.center
        # eigh returns eigenvalues in ascending order, and eigenvectors of either sign.
        axes = torch.linalg.eigh(offsets.T @ offsets).eigenvectors[:, -COMPONENTS:]
        self.axes = axes * torch.sign(axes.gather(0, axes.abs().argmax(0, keepdim=True)))
        return offsets

    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:
        return load_snapshot(run.folder / MIXTURES)[0]

    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:
        self.find_axes(digits)
        self.mixtures = mixtures_of(tensors)

    def sample(self, count: int, seed: int, digits: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        random = np.random.default_rng(seed)
        points = sample_classes(self.mixtures, random, wanted_digits(random, count, digits))
        pixels = (points @ self.axes.T + self.center).clamp(0, 1)
        return to_pixels(pixels.reshape(count, 28, 28))
