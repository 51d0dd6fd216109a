"""Classical: morphs half-way between two real digits of one class.

The mean of the signed distances to two outlines defines an outline between them: Raya and Udupa 1990,
https://doi.org/10.1109/42.52980.
"""

import time
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from train.config import GeneratorsConfig
from train.data.mnist import CLASSES, Digits, to_pixels
from train.generators.base import Family, wanted_digits
from train.run import Run

SCALE: Final = 2
"""Outlines are computed on a grid finer than the pixels by this factor."""
CHUNK: Final = 100
CANDIDATES: Final = 30


class Morphs(Family):
    """Each digit's partner is the most similar of a few of its class, so that the morph is a digit too."""

    kind = "classical"
    conditional = True

    def __init__(self, config: GeneratorsConfig) -> None:  # noqa: ARG002
        self.classes: list[torch.Tensor] = []

    def fit(self, digits: Digits, run: Run) -> float:
        began = time.monotonic()
        self.load(self.sampling_tensors(run), digits)
        return time.monotonic() - began

    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:  # noqa: ARG002
        return {}

    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:  # noqa: ARG002
        images, labels = digits.images.cpu(), digits.labels.cpu()
        self.classes = [images[labels == digit] for digit in range(CLASSES)]

    def sample(self, count: int, seed: int, digits: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        random = np.random.default_rng(seed)
        pairs = [self.pair(random, digit) for digit in wanted_digits(random, count, digits).tolist()]
        parts = [
            half_way(
                *(
                    torch.stack(side)[:, None].float() / 255
                    for side in zip(*pairs[start : start + CHUNK], strict=True)
                )
            )
            for start in range(0, count, CHUNK)
        ]
        return to_pixels(torch.cat(parts)[:, 0])

    def pair(self, random: np.random.Generator, digit: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose two similar real digits of a class, uint8 [28, 28] each."""
        known = self.classes[digit]
        first, *others = random.choice(len(known), min(CANDIDATES + 1, len(known)), replace=False).tolist()
        offsets = (known[others].float() - known[first].float()).square().sum((1, 2))
        return known[first], known[others[int(offsets.argmin())]]


def half_way(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the morphs between two sets of pictures, float32 [n, 1, 28, 28] in [0, 1]."""
    distance = (signed_distance(one) + signed_distance(other)) / 2
    # Ink fades over one pixel, like the edge of a stroke in MNIST, and is as bright as the originals'.
    ink = avg_pool2d((0.5 + distance / SCALE).clamp(0, 1), SCALE)
    return ink * max_pool2d(torch.maximum(one, other), 5, stride=1, padding=2)


def signed_distance(pictures: torch.Tensor) -> torch.Tensor:
    """Return distances to the outline in cells, positive inside the ink: float32 [n, 1, side, side]."""
    ink = interpolate(pictures, scale_factor=SCALE, mode="bicubic").clamp(0, 1) >= 0.5
    # The outline lies half a cell beyond the last cell's centre.
    return (distance_to(~ink) - 0.5).clamp(min=0) - (distance_to(ink) - 0.5).clamp(min=0)


def distance_to(inside: torch.Tensor) -> torch.Tensor:
    """Return each cell's exact Euclidean distance to the nearest one inside, bool [n, 1, side, side].

    The squared distance is the minimum over rows of the minimum over columns (Felzenszwalb and Huttenlocher
    2012, https://doi.org/10.4086/toc.2012.v008a019; here by trying every cell).
    """
    cells = torch.arange(inside.shape[-1], dtype=torch.float32)
    steps = (cells[:, None] - cells[None]).square()
    far = torch.where(inside, 0.0, 4.0 * inside.shape[-1] ** 2)
    along = (far[..., None, :] + steps).amin(-1)
    across = (along.transpose(-1, -2)[..., None, :] + steps).amin(-1).transpose(-1, -2)
    return across.sqrt()
