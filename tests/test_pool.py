"""The pool of fakes: whose they are, which kind was left out, and no seed in two splits."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.errors import ConfigError
from train.pool import NO_DIGIT, Pool, fill_pool
from train.splits import SPLITS
from train.zoo.generator import Generator, Kind

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
    kinds = {each.name: each.kind for each in GENERATORS}
    assert [kinds[name] for name in pool.names] == pool.kinds.tolist()
    conditional = np.isin(pool.names, ["other_gan", "flow"])
    assert (pool.digits[~conditional] == NO_DIGIT).all()
    assert np.bincount(pool.digits[conditional]).tolist() == [4] * 10


@pytest.mark.parametrize("kind", ["adversarial", "flow", "classical", "variational"])
def test_no_sample_of_a_left_out_kind_remains(pool: Pool, kind: Kind) -> None:
    left = pool.without(kind)
    assert marks(left) == {MARKS[each.name] for each in GENERATORS if each.kind != kind}
    assert kind not in left.kinds
    assert len(left.images) == len(left.names) == len(left.kinds) == len(left.digits)
    assert len(left.images) == 20 * sum(each.kind != kind for each in GENERATORS)


def test_only_some_generators(pool: Pool) -> None:
    assert marks(pool.only(["flow", "mixture"])) == {3, 4}
    with pytest.raises(ConfigError, match="diffusion in the pool; known: flow, mixture, other_gan, small"):
        pool.only(["diffusion"])


def test_what_another_pool_holds_is_taken_out(pool: Pool) -> None:
    assert len(pool.apart_from(pool).images) == 0
    rest = pool.apart_from(pool.only(["flow"]))
    assert np.array_equal(rest.images, pool.without("flow").images)
    assert np.array_equal(rest.names, pool.without("flow").names)


def test_splits_and_seeds_share_no_sample() -> None:
    pools = [fill_pool(GENERATORS[:1], 5, split, seed) for split in SPLITS for seed in range(3)]
    pictures = [image.tobytes() for pool in pools for image in pool.images]
    assert len(set(pictures)) == len(pictures)
    again = fill_pool(GENERATORS[:1], 5, "train", 0)
    assert np.array_equal(again.images, pools[0].images)
