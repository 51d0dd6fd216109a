"""Digits as the detector gets them: drawn, scanned, saved, displayed or photographed, then normalized.

Each call treats its digits anew, real and generated ones alike.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.augment import (
    CHANGES,
    UNTOUCHED,
    Changes,
    Picture,
    change_some,
    enlarge,
    examine_all,
    nudged,
    paint,
    place_on_canvas,
)
from train.data.photographs import ANYTHING, CONDITIONS, Condition, photograph
from train.data.planes import Look, Range, Size
from train.data.splits import own_seed
from train.isolation.together import results_of
from train.normalize import BOX_CONTRAST, NONE, SIDE, box_of, isolating_at
from train.processes import Workers

PART: Final = 50
"""Photographs per call of a worker process."""
PHOTOGRAPHED: Final = 0.2
"""Share of the digits that are photographed, or drawn on a screen."""
ALL_AT_ONCE: Final = 0.5
"""Share of the photographs of `ANYTHING`; the others show any of `SINGLE`."""
LONGEST: Final[Range] = (0.4, 0.85)
"""Longest side of a photographed digit, as a share of the shorter side: little time is spent on the rest."""
SIDES: Final = (72, 120)
"""Longest side of a photograph, in pixels."""
ANY_SINGLE: Final = replace(ANYTHING, digits=(1,), layouts=("one", "one", "one", "tight"), longest=LONGEST)
SINGLE: Final[tuple[Condition, ...]] = tuple(
    each for each in CONDITIONS.values() if each.digits == (1,) and {"one", "tight"} & {*each.layouts}
)
LARGE_SINGLE: Final = [replace(each, longest=LONGEST) for each in SINGLE]
LARGEST: Final = 5
"""Largest factor of `enlarge`: a larger one takes much time, and the normalizer averages it away."""
DRAWING: Final[Changes] = tuple(
    (chance, change, (1, LARGEST) if change is enlarge else bounds)
    for chance, change, bounds in CHANGES
    # The normalizer drops empty paper, whatever its size.
    if change is not place_on_canvas
)
PAINTED: Final = [change for _, change, _ in DRAWING].index(paint)
NUDGED: Final = 0.04
"""Largest share of pixels that are off by one level in digits that are not changed otherwise."""
MISJUDGED: Final = 0.06
"""How far an edge of a digit's box is misjudged, as the normalizer does, as a share of its longest side."""


def augmented(
    digits: NDArray[np.uint8], normalized: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Treat and normalize digits uint8 [n, 28, 28] with bright ink on 0: uint8 [n, 28, 28].

    normalized: the digits, normalized as they are. They take the place of those which are not in the picture
    any more, or not wholly.
    """
    treatments = [treated(digit, random) for digit in digits]
    found = iter(results_of([isolating_at(picture, box) for picture, box in treatments if box is not None]))
    return np.stack(
        [own if box is None else next(found) for (_, box), own in zip(treatments, normalized, strict=True)]
    )


def photographed(digits: NDArray[np.uint8], look: Look, seed: int, workers: Workers) -> NDArray[np.uint8]:
    """Photograph digits uint8 [n, 28, 28] under any of `SINGLE`, and normalize what the normalizer isolates.

    Returns uint8 [m, 28, 28], without blank ones and those for which the normalizer gives a reason.
    """
    digits = digits[digits.any((1, 2))]
    parts = [(digits[start : start + PART], start, look, seed) for start in range(0, len(digits), PART)]
    empty = np.zeros((0, SIDE, SIDE), np.uint8)
    return np.concatenate([empty, *workers.starmap(photographed_part, parts)])


def photographed_part(digits: NDArray[np.uint8], start: int, look: Look, seed: int) -> NDArray[np.uint8]:
    own = own_seed(seed, "photographed")
    randoms = [np.random.default_rng((own, index)) for index in range(start, start + len(digits))]
    found = examine_all(
        photograph([digit], look, SINGLE[int(random.integers(len(SINGLE)))], random).image
        for digit, random in zip(digits, randoms, strict=True)
    )
    images = np.stack([each.pixels for each in found])
    isolated: NDArray[np.uint8] = images[[each.reason == NONE for each in found]]
    return isolated


def treated(
    digit: NDArray[np.uint8], random: np.random.Generator
) -> tuple[Picture, NDArray[np.int64] | None]:
    """Photograph a digit uint8 [28, 28], or change it by some of `DRAWING`.

    Returns the picture, and about where the digit is: top, left, bottom, right; None without a whole digit.
    """
    picture: Picture
    if random.random() < PHOTOGRAPHED and digit.any():
        whole = random.random() < ALL_AT_ONCE
        condition = ANY_SINGLE if whole else LARGE_SINGLE[int(random.integers(len(LARGE_SINGLE)))]
        taken = photograph([digit], "train", condition, random, random_size(random))
        picture, box = taken.image, taken.boxes[0] if taken.inside[0] == 1 else None
    else:
        touched = random.random() >= UNTOUCHED
        if touched:
            picture = change_some(digit[..., np.newaxis], random, DRAWING[:PAINTED])
        else:
            picture = nudged(digit, random.uniform(0, NUDGED), random)[..., np.newaxis]
        ink = picture[..., 0].astype(np.float32)
        box = box_of(ink, BOX_CONTRAST * ink.max())
        if touched:
            picture = change_some(picture, random, DRAWING[PAINTED:])
    if box is None:
        return picture, None
    reach = MISJUDGED * (box[2:] - box[:2]).max()
    return picture, np.rint(box + random.uniform(-reach, reach, 4)).astype(np.int64)


def random_size(random: np.random.Generator) -> Size:
    longest = round(math.exp(random.uniform(*np.log(SIDES))))
    shortest = round(longest * random.choice([9 / 16, 3 / 4, 3 / 4, 1, 1]))
    return (longest, shortest) if random.random() < 0.6 else (shortest, longest)
