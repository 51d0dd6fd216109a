"""Digits as the detector gets them: drawn, scanned, saved, displayed or photographed, then normalized.

Each call treats its digits anew, real and generated ones alike.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.augment import CHANGES, Changes, Picture, augment, enlarge, examine_all
from train.data.photographs import ANYTHING, CONDITIONS, Condition, photograph
from train.data.planes import Size
from train.normalize import NONE

PHOTOGRAPHED: Final = 0.2
"""Share of the digits that are photographed, or drawn on a screen."""
ALL_AT_ONCE: Final = 0.5
"""Share of the photographs of `ANYTHING`; the others show any of `SINGLE`."""
ANY_SINGLE: Final = replace(ANYTHING, digits=(1,), layouts=("one", "one", "one", "tight"))
SINGLE: Final[tuple[Condition, ...]] = tuple(
    each for each in CONDITIONS.values() if each.digits == (1,) and {"one", "tight"} & {*each.layouts}
)
SIDES: Final = (96, 160)
"""Longest side of a photograph, in pixels; small ones are more frequent."""
LARGEST: Final = 6
"""Largest factor of `enlarge`: a larger one takes much time, and the normalizer averages it away."""
TREATMENTS: Final[Changes] = tuple(
    (chance, change, (1, LARGEST) if change is enlarge else bounds) for chance, change, bounds in CHANGES
)


def augmented(
    digits: NDArray[np.uint8], normalized: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Treat and normalize digits uint8 [n, 28, 28] with bright ink on 0: uint8 [n, 28, 28].

    normalized: the digits, normalized as they are. They take the place of those which cannot be isolated any
    more: out of the picture, too small, or mistaken for several.
    """
    found = examine_all(treated(digit, random) for digit in digits)
    return np.stack(
        [each.pixels if each.reason == NONE else own for each, own in zip(found, normalized, strict=True)]
    )


def treated(digit: NDArray[np.uint8], random: np.random.Generator) -> Picture:
    """Photograph a digit uint8 [28, 28], or change it by some of `TREATMENTS`."""
    if random.random() >= PHOTOGRAPHED or not digit.any():
        return augment(digit, random, TREATMENTS)
    whole = random.random() < ALL_AT_ONCE
    condition = ANY_SINGLE if whole else SINGLE[int(random.integers(len(SINGLE)))]
    return photograph([digit], "train", condition, random, random_size(random)).image


def random_size(random: np.random.Generator) -> Size:
    longest = round(math.exp(random.uniform(*np.log(SIDES))))
    shortest = round(longest * random.choice([9 / 16, 3 / 4, 3 / 4, 1, 1]))
    return (longest, shortest) if random.random() < 0.6 else (shortest, longest)
