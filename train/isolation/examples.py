"""Training pictures of the networks, from synthetic photographs: whole pages, and crops around a digit."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.data import mnist
from train.data.layouts import Digit
from train.data.pendigits import find_drawings
from train.data.photographs import ANYTHING, CONDITIONS, Condition, photograph
from train.data.planes import Size, pick
from train.data.styles import STYLES, styled
from train.isolation.isolate import AROUND, crop_of, page_of, page_size

MOST: Final = 6
"""Digits of a page."""
SIDES: Final = (96, 320)
"""Longest side of a photograph, in pixels; small ones are more frequent."""
ALL_AT_ONCE: Final = 0.35
HARD: Final = 0.4
"""Shares of the photographs of `ANYTHING`, and of the hardest conditions; the others show any condition."""
HARDEST: Final = (
    "squared paper",
    "hard shadow",
    "hard shadow",
    "perspective",
    "marks beside it",
    "filling the picture",
    "filling the picture",
    "neighbouring strokes",
    "phone screenshot",
    "letterbox",
    "canvas on a page",
    "several touching",
    "several touching",
    "several on a screen",
    "several on a screen",
    "cut off",
    "cut off on a screen",
    "too small",
    "blank",
)
PENS: Final = 0.35
STYLED: Final = 0.15
"""Shares of the digits that a pen draws, and of those in a style of `STYLES`."""
LEAST_CROP: Final = 14
"""Longest side of a digit to segment, in pixels of the photograph."""
MISPLACED: Final = (0.1, 0.05)
"""Standard deviations of a crop's side, as a logarithm, and of its middle, as a share of the digit's box."""


def make_examples(seed: int, first: int, count: int, dataset: str) -> dict[str, torch.Tensor]:
    """Photograph `count` pages, those from `first` on of an endless series; seed: of the series.

    Returns training pictures of both networks; see the learners for their channels: `pages` uint8
    [n, PAGE, PAGE, 4], `digits` float32 [n, MOST, 5], and `crops` uint8 [m, CROP, CROP, 5].

    Raises:
        DataError: the digits cannot be read.
    """
    digits = mnist.hold_out(mnist.load(dataset, "train"))[0].images.numpy()
    drawings = find_drawings("train")
    pages, boxes, crops = [], [], []
    for number in range(first, first + count):
        random = np.random.default_rng((seed, number))
        condition = random_condition(random)
        written = [
            random_digit(digits, drawings, random) for _ in range(int(random.choice(condition.digits)))
        ]
        taken = photograph(written, "train", condition, random, random_size(random))
        page, found = page_of(taken.image)
        pages.append(np.concatenate([page, found[..., None]], 2, dtype=np.uint8))
        boxes.append(boxes_on_page(taken.boxes, taken.inside, taken.image.shape[:2]))
        for index in range(len(written)):
            own = taken.ink * (taken.numbers == index + 1)
            top, left, bottom, right = taken.boxes[index].tolist()
            longest = max(bottom - top, right - left)
            if longest < LEAST_CROP or taken.inside[index] < 0.5:
                continue
            middle = random.normal(0, MISPLACED[1], 2) * longest + ((top + bottom) / 2, (left + right) / 2)
            side = AROUND * longest * math.exp(random.normal(0, MISPLACED[0]))
            both = np.concatenate([taken.image, own[..., None]], 2)
            crop = crop_of(both, middle.astype(np.float32), np.float32(side))
            inside = crop.inside[..., None]
            crops.append(np.concatenate([crop.pixels[..., :3], inside, crop.pixels[..., 3:] * inside], 2))
    return {
        "pages": torch.from_numpy(np.array(pages)),
        "digits": torch.from_numpy(np.array(boxes)),
        "crops": torch.from_numpy(np.array(crops, np.uint8)),
    }


def random_condition(random: np.random.Generator) -> Condition:
    kind = random.random()
    if kind < ALL_AT_ONCE:
        return ANYTHING
    return CONDITIONS[pick(HARDEST if kind < ALL_AT_ONCE + HARD else tuple(CONDITIONS), random)]


def random_digit(digits: NDArray[np.uint8], drawings: Sequence[Digit], random: np.random.Generator) -> Digit:
    """Return one of MNIST's digits, one that a pen drew, or one in a rare style."""
    kind = random.random()
    if kind < STYLED:
        return styled(list(STYLES)[int(random.integers(len(STYLES)))], "train", random)
    if kind < STYLED + PENS and drawings:
        return drawings[int(random.integers(len(drawings)))]
    chosen: NDArray[np.uint8] = digits[int(random.integers(len(digits)))]
    return chosen


def random_size(random: np.random.Generator) -> Size:
    longest = round(math.exp(random.uniform(math.log(SIDES[0]), math.log(SIDES[1]))))
    shortest = round(longest * random.choice([0.46, 9 / 16, 3 / 4, 3 / 4, 1, 1]))
    return (longest, shortest) if random.random() < 0.6 else (shortest, longest)


def boxes_on_page(
    boxes: NDArray[np.int64], inside: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the boxes of a photograph in pixels of its page, with the shares: float32 [MOST, 5]."""
    scale = np.array(page_size(shape[0], shape[1])) / shape[:2]
    result = np.zeros((MOST, 5), np.float32)
    result[: len(boxes)] = np.column_stack([boxes * np.tile(scale, 2), inside])
    return result
