"""Real digits with synthetic artifacts: fakes without a generator, of any difficulty.

Traces of known generators need not occur in the next one's fakes. Artifacts of many kinds teach the detector
what a real digit's ink looks like, and that anything else is not real. The idea is that of
self-blended images (Shiohara and Yamasaki 2022, https://arxiv.org/abs/2204.08376) and of DeepAugment's
randomly perturbed networks (Hendrycks et al. 2021, https://arxiv.org/abs/2006.16241).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, conv2d, grid_sample, interpolate, max_pool2d, pad

from train.data.mnist import Digits, to_pixels
from train.data.splits import own_seed
from train.generators.base import Generator, Kind, Sampler, altered_digits

Artifact = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]
"""Changes float32 [n, 1, 28, 28] in [0, 1]; the second argument holds other digits of the same classes.

Returns the same shape; values may leave [0, 1]."""

CHUNK: Final = 50
"""Pictures that get the same artifact, each with its own strength."""
SECOND: Final = 0.35
"""Probability of a second artifact."""
HIDDEN: Final = 8


def artifact_generators(digits: Digits) -> list[Generator]:
    """Return one generator for each family of `ARTIFACTS`, which changes these digits."""
    return [
        artifact_generator(name, kind, digits, artifacts) for name, (kind, artifacts) in ARTIFACTS.items()
    ]


def artifact_generator(name: str, kind: Kind, known: Digits, artifacts: Sequence[Artifact]) -> Generator:
    """Return a generator that adds artifacts to real digits."""

    def alter(originals: Sampler, seed: int, digits: NDArray[np.int64]) -> NDArray[np.uint8]:
        count = len(digits)
        random = torch.Generator().manual_seed(own_seed(seed, name))
        # Shuffled, so that the pictures with the same artifact do not all show the same digit.
        order = torch.randperm(count, generator=random).numpy()
        one, other = (originals(count, own_seed(seed, f"{name}, {part}"), digits) for part in range(2))
        made = np.empty_like(one)
        for start in range(0, count, CHUNK):
            part = order[start : start + CHUNK]
            made[part] = add_artifacts(one[part], other[part], artifacts, random)
        return made

    return altered_digits(name, kind, 0.0, known, alter)


def add_artifacts(
    one: NDArray[np.uint8], other: NDArray[np.uint8], artifacts: Sequence[Artifact], random: torch.Generator
) -> NDArray[np.uint8]:
    """Add one or two artifacts to digits uint8 [n, 28, 28]; other: further digits of the same classes."""
    pictures, partners = (torch.from_numpy(images)[:, None].float() / 255 for images in (one, other))
    for _ in range(2 if uniform(random, 0, 1).item() < SECOND else 1):
        artifact = artifacts[int(torch.randint(len(artifacts), (1,), generator=random))]
        pictures = artifact(pictures, partners, random).clamp(0, 1)
    return to_pixels(pictures[:, 0])


def uniform(random: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    """Return uniform float32 of the given shape."""
    return low + (high - low) * torch.rand(shape, generator=random)


def strengths(random: torch.Generator, low: float, high: float, count: int) -> torch.Tensor:
    """Return a log-uniform strength for each picture, float32 [count, 1, 1, 1]."""
    return torch.exp(uniform(random, math.log(low), math.log(high), count, 1, 1, 1))


def near_ink(pictures: torch.Tensor) -> torch.Tensor:
    """Return a mask of the ink and two pixels around it: 1 inside, fading to 0."""
    return avg_pool2d(max_pool2d(pictures, 3, 1, 1), 3, 1, 1)


def smooth_noise(random: torch.Generator, cells: int, like: torch.Tensor, channels: int = 1) -> torch.Tensor:
    """Return smooth normal noise with `cells` cells a side: float32 [n, channels, 28, 28]."""
    coarse = torch.randn(len(like), channels, cells, cells, generator=random)
    return interpolate(coarse, like.shape[-2:], mode="bicubic", align_corners=False)


def speckle(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Single pixels near the ink that are too bright or too dark, as a perceptron leaves them."""
    density = strengths(random, 0.01, 0.15, len(pictures))
    reach = near_ink(pictures) if uniform(random, 0, 1).item() < 0.7 else torch.ones_like(pictures)
    hit = torch.rand(pictures.shape, generator=random) < density * reach
    most = strengths(random, 0.15, 1, len(pictures))
    changed = most * (2 * torch.rand(pictures.shape, generator=random) - 1)
    return torch.where(hit, pictures + changed, pictures)


def grain(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Weak noise on every pixel in and around the ink."""
    noise = torch.randn(pictures.shape, generator=random)
    return pictures + strengths(random, 0.05, 0.3, len(pictures)) * noise * near_ink(pictures)


def uneven_ink(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Ink whose strength varies smoothly."""
    cells = int(torch.randint(5, 14, (1,), generator=random))
    return pictures * (
        1 + strengths(random, 0.15, 0.6, len(pictures)) * smooth_noise(random, cells, pictures)
    )


def haze(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Faint grey around the strokes that does not quite fade to 0."""
    wide = avg_pool2d(avg_pool2d(pictures, 7, 1, 3), 5, 1, 2)
    added = wide * (1 + smooth_noise(random, 10, pictures)).clamp(min=0)
    return pictures + strengths(random, 0.04, 0.3, len(pictures)) * added


def jitter(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Shaky outlines: each place is moved by a fraction of a pixel, differently from its neighbours."""
    cells = int(torch.randint(10, 20, (1,), generator=random))
    pixels = strengths(random, 0.25, 0.9, len(pictures)) * smooth_noise(random, cells, pictures, 2)
    side = pictures.shape[-1]
    steps = (torch.arange(side) * 2 + 1) / side - 1
    still = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    grid = still + pixels.permute(0, 2, 3, 1) * 2 / side
    return grid_sample(pictures, grid, mode="bicubic", align_corners=False)


def checkerboard(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """A pattern that repeats every two or four pixels, as transposed convolutions leave it.

    Odena et al. 2016, https://doi.org/10.23915/distill.00003.
    """
    period = 2 if uniform(random, 0, 1).item() < 0.6 else 4
    tile = torch.randn(len(pictures), 1, period, period, generator=random)
    tile = tile - tile.mean((2, 3), keepdim=True)
    times = math.ceil(pictures.shape[-1] / period)
    pattern = tile.repeat(1, 1, times, times)[..., : pictures.shape[-2], : pictures.shape[-1]]
    return pictures + strengths(random, 0.04, 0.25, len(pictures)) * pattern * near_ink(pictures)


def random_filter(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """The output of two convolutions with random weights, added to the picture."""
    size = 3 if uniform(random, 0, 1).item() < 0.7 else 5
    first = torch.randn(HIDDEN, 1, size, size, generator=random) / size
    second = torch.randn(1, HIDDEN, size, size, generator=random) / (size * math.sqrt(HIDDEN))
    edge = [size // 2] * 4
    bias = 0.2 * torch.randn(HIDDEN, 1, 1, generator=random)
    hidden = torch.relu(conv2d(pad(pictures, edge), first) + bias)
    change = conv2d(pad(hidden, edge), second)
    change = change / change.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-6)
    # Away from the ink, the bias would turn the paper grey.
    return pictures + strengths(random, 0.03, 0.2, len(pictures)) * change * near_ink(pictures)


def blend(pictures: torch.Tensor, others: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """The ghost of another digit of the same class."""
    share = strengths(random, 0.08, 0.5, len(pictures))
    return (1 - share) * pictures + share * others


def splice(pictures: torch.Tensor, others: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """A soft-edged ellipse replaced by the same place of another digit of the class."""
    count, _, height, width = pictures.shape
    rows, columns = torch.arange(height).view(1, 1, -1, 1), torch.arange(width).view(1, 1, 1, -1)
    down, across = (uniform(random, 8, 20, count, 1, 1, 1) for _ in range(2))
    tall, wide = (uniform(random, 3, 9, count, 1, 1, 1) for _ in range(2))
    away = ((rows - down) / tall).square() + ((columns - across) / wide).square()
    share = torch.sigmoid((1 - away) * strengths(random, 2, 12, count))
    return (1 - share) * pictures + share * others


ARTIFACTS: Final[Mapping[str, tuple[Kind, Sequence[Artifact]]]] = {
    "rough": ("artifact", (speckle, grain, jitter)),
    "shaded": ("artifact", (uneven_ink, haze)),
    "patterned": ("artifact", (checkerboard, random_filter)),
    # Mixing two digits is classical, like morphs, and is left out together with them.
    "mixed": ("classical", (blend, splice)),
}
"""The names are part of the seeds: renaming a family changes its pictures."""
