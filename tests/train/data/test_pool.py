"""The pool of fakes: whose they are, and no seed in two splits."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data.pool import NO_DIGIT, Pool, fill_pool
from train.data.splits import SPLITS
from train.generators.generator import Generator, Kind

MARKS = {"small_gan": 1, "other_gan": 2, "flow": 3, "mixture": 4}
"""Name of a generator → the brightness of the top left pixel of all its samples."""


def generator(name: str, kind: Kind, conditional: bool) -> Generator:
    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        assert (digits is not None) == conditional
        pictures = np.random.default_rng(seed).integers(0, 256, (count, 28, 28)).astype(np.uint8)
        pictures[:, 0, 0] = MARKS[name]
        return pictures

    return Generator(name, kind, conditional, 0.0, sample)


GENERATORS = [
    generator("small_gan", "adversarial", False),
    generator("other_gan", "adversarial", True),
    generator("flow", "flow", True),
    generator("mixture", "classical", False),
]


@pytest.fixture(scope="module")
def pool() -> Pool:
    return fill_pool(GENERATORS, 20, "train", 0)


def marks(pool: Pool) -> set[int]:
    """Which generators' pictures are really there, by their own mark."""
    return set(pool.images[:, 0, 0].tolist())


def test_every_sample_says_whose_it_is(pool: Pool) -> None:
    assert pool.images.shape == (80, 28, 28)
    assert pool.images.dtype == np.uint8
    assert [MARKS[name] for name in pool.names] == pool.images[:, 0, 0].tolist()
    conditional = np.isin(pool.names, ["other_gan", "flow"])
    assert (pool.digits[~conditional] == NO_DIGIT).all()
    assert np.bincount(pool.digits[conditional]).tolist() == [4] * 10


def test_splits_and_seeds_share_no_sample() -> None:
    pools = [fill_pool(GENERATORS[:1], 5, split, seed) for split in SPLITS for seed in range(3)]
    pictures = [image.tobytes() for pool in pools for image in pool.images]
    assert len(set(pictures)) == len(pictures)
    again = fill_pool(GENERATORS[:1], 5, "train", 0)
    assert np.array_equal(again.images, pools[0].images)
