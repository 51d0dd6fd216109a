"""The pool of fakes: digits of many generators as a file would hold them, rounded to 8 bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.mnist import CLASSES
from train.data.splits import Split, split_seed
from train.generators.generator import Generator
from train.normalize import SIDE

NO_DIGIT: Final = -1
"""The label of a fake that nobody asked to be a certain digit."""


@dataclass(frozen=True)
class Pool:
    """Fakes in no order that matters, and of each where it comes from.

    images: uint8 [n, 28, 28], as generated: not normalised, ink bright on dark 0.
    names: [n], the generator's. digits: int64 [n], the digit that was asked
    of a conditional generator, else `NO_DIGIT`.
    """

    images: NDArray[np.uint8]
    names: NDArray[np.str_]
    digits: NDArray[np.int64]


def fill_pool(generators: Sequence[Generator], count: int, split: Split, seed: int) -> Pool:
    """A pool of `count` samples of each generator, of a conditional one as many of each digit.

    Seeds of two splits are never the same, nor those of one split for two seeds: see `split_seed`.
    """
    images = np.zeros((len(generators), count, SIDE, SIDE), np.uint8)
    digits = np.full((len(generators), count), NO_DIGIT, np.int64)
    for place, generator in enumerate(generators):
        if generator.conditional:
            digits[place] = np.arange(count) % CLASSES
        wanted = digits[place] if generator.conditional else None
        images[place] = generator.sample(count, split_seed(seed, split), wanted)
    return Pool(
        images.reshape(-1, SIDE, SIDE),
        np.repeat([generator.name for generator in generators], count),
        digits.reshape(-1),
    )
