"""Pictures as the discriminator gets to see them: through what happens in the wild, then the one door.

Each picture's chance events are a function of the seed and its place alone, so that the result does
not depend on how many processes share the work.
"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.augment import Picture, wild
from train.normalize import SIDE, normalize
from train.processes import Workers

Change = Callable[[NDArray[np.uint8], np.random.Generator], Picture]
"""What happens to uint8 [height, width] before the door; fit to be sent to another process."""
PART: Final = 1000
"""Pictures that a process is given at a time."""


def seen(pictures: Iterable[Picture]) -> NDArray[np.uint8]:
    """Pictures uint8 [height, width, 1 | 3 | 4] of any sizes, normalised: uint8 [n, 28, 28]."""
    normalized = [normalize(picture) for picture in pictures]
    return np.stack(normalized) if normalized else np.zeros((0, SIDE, SIDE), np.uint8)


def as_it_is(pixels: NDArray[np.uint8], random: np.random.Generator) -> Picture:  # noqa: ARG001
    """Nothing happens to it but the normaliser."""
    return pixels[..., np.newaxis]


def prepare(
    pixels: NDArray[np.uint8], copies: int, seed: int, workers: Workers, change: Change = wild
) -> NDArray[np.uint8]:
    """Several fates of each picture: uint8 [n, height, width], ink bright on dark → [n, copies, 28, 28].

    workers: who share the work. The result does not depend on their number, and more copies begin with
    the same.
    """
    parts = [
        (pixels[start : start + PART], start, copies, seed, change) for start in range(0, len(pixels), PART)
    ]
    results = workers.results(prepare_part, parts)
    whole = np.concatenate(results) if results else np.zeros((0, SIDE, SIDE), np.uint8)
    return whole.reshape(len(pixels), copies, SIDE, SIDE)


def prepare_part(
    pixels: NDArray[np.uint8], start: int, copies: int, seed: int, change: Change
) -> NDArray[np.uint8]:
    """Pictures that are at place `start` and after in the whole: uint8 [n * copies, 28, 28]."""
    randoms = [np.random.default_rng((seed, start + place)) for place in range(len(pixels))]
    return seen(
        change(each, random) for each, random in zip(pixels, randoms, strict=True) for _ in range(copies)
    )
