"""Gaussian mixtures by expectation maximisation, for families that sample a space of codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from train.checkpoint import load_snapshot, save_snapshot
from train.data.mnist import CLASSES

ROUNDS: Final = 30
RIDGE: Final = 1e-4
"""Added to each covariance, as a share of its mean variance, so that it stays invertible."""
MIXTURES: Final = "mixtures.safetensors"
PARTS: Final = ("weights", "centers", "roots")


@dataclass(frozen=True)
class Mixture:
    """weights: float64 [k]. centers: [k, d]. roots: [k, d, d], lower Cholesky factors of the covariances."""

    weights: torch.Tensor
    centers: torch.Tensor
    roots: torch.Tensor

    @classmethod
    def fit(cls, points: torch.Tensor, count: int, seed: int) -> "Mixture":
        """Fit `count` Gaussians to points [n, d], starting at random points (Bishop 2006, section 9.2.2)."""
        points = points.double()
        random = torch.Generator().manual_seed(seed)
        centers = points[torch.randperm(len(points), generator=random)[:count]]
        spread = torch.linalg.cholesky(covariance(points, points.new_ones(len(points)))[1])
        mixture = cls(points.new_full((count,), 1 / count), centers, spread.expand(count, -1, -1))
        for _ in range(ROUNDS):
            shares = torch.softmax(mixture.log_densities(points), 1)
            moments = [covariance(points, each) for each in shares.T]
            roots = torch.linalg.cholesky(torch.stack([spread for _, spread in moments]))
            mixture = cls(shares.mean(0), torch.stack([center for center, _ in moments]), roots)
        return mixture

    def log_densities(self, points: torch.Tensor) -> torch.Tensor:
        """Return log(weight * density) of each point under each Gaussian, up to a constant: [n, k]."""
        columns = []
        for weight, center, root in zip(self.weights, self.centers, self.roots, strict=True):
            scaled = torch.linalg.solve_triangular(root, (points - center).T, upper=False)
            columns.append(weight.log() - root.diagonal().log().sum() - scaled.square().sum(0) / 2)
        return torch.stack(columns, 1)

    def sample(self, random: np.random.Generator, count: int) -> torch.Tensor:
        """Sample points: float64 [count, d]."""
        weights = self.weights.numpy()
        chosen = torch.from_numpy(random.choice(len(weights), count, p=weights / weights.sum()))
        noise = torch.from_numpy(random.standard_normal((count, self.centers.shape[1])))
        return self.centers[chosen] + torch.einsum("nij,nj->ni", self.roots[chosen], noise)


def covariance(points: torch.Tensor, shares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean [d] and covariance [d, d] of points [n, d] weighted by shares [n]."""
    shares = shares / shares.sum().clamp(min=1e-9)
    center = shares @ points
    offsets = points - center
    spread = (offsets * shares[:, None]).T @ offsets
    ridge = RIDGE * spread.diagonal().mean().clamp(min=1e-6)
    return center, spread + ridge * torch.eye(len(center), dtype=points.dtype)


def fit_classes(points: torch.Tensor, labels: torch.Tensor, count: int, seed: int) -> list[Mixture]:
    """Fit one mixture per digit to points [n, d] with labels int64 [n]; few points get fewer Gaussians."""
    classes = [points[labels == digit] for digit in range(CLASSES)]
    return [
        Mixture.fit(each, max(1, min(count, len(each) // (2 * points.shape[1]))), seed) for each in classes
    ]


def sample_classes(mixtures: list[Mixture], random: np.random.Generator, digits: np.ndarray) -> torch.Tensor:
    """Sample a point from the mixture of each digit: float32 [n, d]."""
    points = torch.empty(len(digits), mixtures[0].centers.shape[1], dtype=torch.float64)
    for digit, mixture in enumerate(mixtures):
        chosen = np.flatnonzero(digits == digit)
        points[torch.from_numpy(chosen)] = mixture.sample(random, len(chosen))
    return points.float()


def kept_mixtures(path: Path, fit: Callable[[], list[Mixture]]) -> list[Mixture]:
    """Load mixtures from a file; fit and save them first if it does not exist, since a new fit may differ.

    Raises:
        RunError: the file cannot be read or written.
    """
    if not path.exists():
        tensors = {
            f"{index}.{name}": getattr(mixture, name) for index, mixture in enumerate(fit()) for name in PARTS
        }
        save_snapshot(path, tensors, {})
    return mixtures_of(load_snapshot(path)[0])


def mixtures_of(tensors: Mapping[str, torch.Tensor]) -> list[Mixture]:
    """Return the mixtures that `kept_mixtures` saved, from its tensors in any precision."""
    return [
        Mixture(*(tensors[f"{index}.{name}"].double() for name in PARTS))
        for index in range(len(tensors) // len(PARTS))
    ]
