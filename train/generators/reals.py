"""Real digits in a generator's place, so that they are measured and shown as generated ones are."""

import numpy as np
from numpy.typing import NDArray

from train.generators.generator import Generator


def real_digits(name: str, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Generator:
    """A conditional generator that deals out pictures uint8 [n, 28, 28] of digits int64 [n].

    None is dealt twice in one call, unless more of a digit are wanted than there are. `sample` raises
    ValueError where a wanted digit is not among the labels.
    """

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        order = np.random.default_rng(seed).permutation(len(images))
        if digits is None:
            return images[np.resize(order, count)]
        dealt = np.empty(count, np.int64)
        for digit in np.unique(digits):
            places = np.flatnonzero(digits == digit)
            pile = order[labels[order] == digit]
            if len(pile) == 0:
                raise ValueError(f"There is no real {digit} among the {len(images)} pictures.")
            dealt[places] = np.resize(pile, len(places))
        return images[dealt]

    return Generator(name, "real", True, 0.0, sample)
