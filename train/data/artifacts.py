"""Real digits that are given a flaw by hand: fakes of no generator, as hard or as easy as one likes.

What a detector finds in the fakes of the generators it knows is not what gives the next one away. Flaws
of every kind teach the other side instead: what a real digit's ink looks like, and that anything else is
not real. The idea is that of self-blended images (Shiohara and Yamasaki 2022,
https://arxiv.org/abs/2204.08376) and of DeepAugment's networks of random weights (Hendrycks et al. 2021,
https://arxiv.org/abs/2006.16241).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, conv2d, grid_sample, interpolate, max_pool2d, pad

from train.data.mnist import Digits
from train.data.splits import own_seed
from train.generators.generator import Generator, Kind
from train.generators.reals import real_digits

Flaw = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]
"""Changes float32 [n, 1, 28, 28] in [0, 1]; the second are others of the same classes.

Returns the like, perhaps beyond [0, 1]."""

CHUNK: Final = 50
"""Pictures that have the same flaw, of a strength drawn for each of them."""
TWICE: Final = 0.35
"""How often a second flaw follows."""
HIDDEN: Final = 8


def flaw_makers(digits: Digits) -> list[Generator]:
    """Real digits with flaws, in a generator's place, one for each family of `FLAWS`.

    digits: those that are changed.
    """
    return [flawing(name, kind, digits, flaws) for name, (kind, flaws) in FLAWS.items()]


def flawing(name: str, kind: Kind, known: Digits, flaws: Sequence[Flaw]) -> Generator:
    """A generator that changes the digits that `real_digits` deals out."""
    images, labels = known.images.cpu().numpy(), known.labels.cpu().numpy()
    originals = real_digits(name, images, labels)

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        if digits is None:
            digits = labels[np.random.default_rng(seed).integers(len(labels), size=count)]
        random = torch.Generator().manual_seed(own_seed(seed, name))
        # In any order: one flaw's pictures shall not all show the same digit.
        order = torch.randperm(count, generator=random).numpy()
        made = np.empty((count, *images.shape[1:]), np.uint8)
        one, other = (originals.sample(count, own_seed(seed, f"{name}, {part}"), digits) for part in range(2))
        for start in range(0, count, CHUNK):
            part = order[start : start + CHUNK]
            made[part] = with_flaws(one[part], other[part], flaws, random)
        return made

    return Generator(name, kind, True, 0.0, sample)


def with_flaws(
    one: NDArray[np.uint8], other: NDArray[np.uint8], flaws: Sequence[Flaw], random: torch.Generator
) -> NDArray[np.uint8]:
    """Digits uint8 [n, 28, 28] with one flaw or two; other: others of the same classes."""
    pictures, partners = (torch.from_numpy(images)[:, None].float() / 255 for images in (one, other))
    for _ in range(2 if uniform(random, 0, 1).item() < TWICE else 1):
        flaw = flaws[int(torch.randint(len(flaws), (1,), generator=random))]
        pictures = flaw(pictures, partners, random).clamp(0, 1)
    return (pictures * 255).round().to(torch.uint8).squeeze(1).numpy()


def uniform(random: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    """Float32 of a shape, each evenly between two bounds."""
    return low + (high - low) * torch.rand(shape, generator=random)


def strengths(random: torch.Generator, low: float, high: float, count: int) -> torch.Tensor:
    """One for each picture, float32 [count, 1, 1, 1]: as often in one octave as in the next."""
    return torch.exp(uniform(random, math.log(low), math.log(high), count, 1, 1, 1))


def around(pictures: torch.Tensor) -> torch.Tensor:
    """Where the ink is, and two pixels on: 1 within, fading to 0."""
    return avg_pool2d(max_pool2d(pictures, 3, 1, 1), 3, 1, 1)


def field(random: torch.Generator, cells: int, like: torch.Tensor, channels: int = 1) -> torch.Tensor:
    """Smooth normal noise, so many cells a side: float32 [n, channels, 28, 28]."""
    coarse = torch.randn(len(like), channels, cells, cells, generator=random)
    return interpolate(coarse, like.shape[-2:], mode="bicubic", align_corners=False)


def speckled(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Single pixels that are too bright or too dark, near the ink: what a perceptron leaves."""
    density = strengths(random, 0.01, 0.15, len(pictures))
    reach = around(pictures) if uniform(random, 0, 1).item() < 0.7 else torch.ones_like(pictures)
    hit = torch.rand(pictures.shape, generator=random) < density * reach
    most = strengths(random, 0.15, 1, len(pictures))
    changed = most * (2 * torch.rand(pictures.shape, generator=random) - 1)
    return torch.where(hit, pictures + changed, pictures)


def grainy(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Every pixel in the ink and beside it a little off, but none far from it."""
    noise = torch.randn(pictures.shape, generator=random)
    return pictures + strengths(random, 0.05, 0.3, len(pictures)) * noise * around(pictures)


def uneven(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Ink that is thick here and thin there."""
    cells = int(torch.randint(5, 14, (1,), generator=random))
    return pictures * (1 + strengths(random, 0.15, 0.6, len(pictures)) * field(random, cells, pictures))


def hazy(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Faint grey around the strokes that never quite falls to nothing."""
    wide = avg_pool2d(avg_pool2d(pictures, 7, 1, 3), 5, 1, 2)
    haze = wide * (1 + field(random, 10, pictures)).clamp(min=0)
    return pictures + strengths(random, 0.04, 0.3, len(pictures)) * haze


def shaken(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Outlines that tremble: each place moved by a part of a pixel, its neighbours otherwise."""
    cells = int(torch.randint(10, 20, (1,), generator=random))
    pixels = strengths(random, 0.25, 0.9, len(pictures)) * field(random, cells, pictures, 2)
    side = pictures.shape[-1]
    steps = (torch.arange(side) * 2 + 1) / side - 1
    still = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    grid = still + pixels.permute(0, 2, 3, 1) * 2 / side
    return grid_sample(pictures, grid, mode="bicubic", align_corners=False)


def checkered(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Every second or fourth row and column a little stronger.

    Odena et al. 2016, https://doi.org/10.23915/distill.00003.
    """
    period = 2 if uniform(random, 0, 1).item() < 0.6 else 4
    tile = torch.randn(len(pictures), 1, period, period, generator=random)
    tile = tile - tile.mean((2, 3), keepdim=True)
    times = math.ceil(pictures.shape[-1] / period)
    pattern = tile.repeat(1, 1, times, times)[..., : pictures.shape[-2], : pictures.shape[-1]]
    return pictures + strengths(random, 0.04, 0.25, len(pictures)) * pattern * around(pictures)


def filtered(pictures: torch.Tensor, _: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Through two convolutions of random weights, and added to what it was: a network's own handwriting."""
    size = 3 if uniform(random, 0, 1).item() < 0.7 else 5
    first = torch.randn(HIDDEN, 1, size, size, generator=random) / size
    second = torch.randn(1, HIDDEN, size, size, generator=random) / (size * math.sqrt(HIDDEN))
    edge = [size // 2] * 4
    bias = 0.2 * torch.randn(HIDDEN, 1, 1, generator=random)
    hidden = torch.relu(conv2d(pad(pictures, edge), first) + bias)
    change = conv2d(pad(hidden, edge), second)
    change = change / change.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-6)
    # Beyond the ink a bias would show as a grey page.
    return pictures + strengths(random, 0.03, 0.2, len(pictures)) * change * around(pictures)


def blended(pictures: torch.Tensor, others: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """The ghost of another digit of the class."""
    share = strengths(random, 0.08, 0.5, len(pictures))
    return (1 - share) * pictures + share * others


def spliced(pictures: torch.Tensor, others: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """A part of another digit of the class in place of one's own, its border soft."""
    count, _, height, width = pictures.shape
    rows, columns = torch.arange(height).view(1, 1, -1, 1), torch.arange(width).view(1, 1, 1, -1)
    down, across = (uniform(random, 8, 20, count, 1, 1, 1) for _ in range(2))
    tall, wide = (uniform(random, 3, 9, count, 1, 1, 1) for _ in range(2))
    away = ((rows - down) / tall).square() + ((columns - across) / wide).square()
    share = torch.sigmoid((1 - away) * strengths(random, 2, 12, count))
    return (1 - share) * pictures + share * others


# What mixes two digits is classical, as morphs are, and left out with them.
FLAWS: Final[Mapping[str, tuple[Kind, Sequence[Flaw]]]] = {
    "rough": ("flawed", (speckled, grainy, shaken)),
    "shaded": ("flawed", (uneven, hazy)),
    "patterned": ("flawed", (checkered, filtered)),
    "mixed": ("classical", (blended, spliced)),
}
