"""Exact scaling: weights that sum to the whole, means of blocks, and inputs of one scale in any light."""

import numpy as np
import pytest

from train.isolation.layers import UNIT
from train.isolation.scaling import LIMIT, WHOLE, averaged, network_input, shares


@pytest.mark.parametrize(("begin", "extent"), [(0, 1), (0, 5), (0, 0.3), (-7.3, 2.2), (13.9, 3.7)])
def test_each_output_is_a_whole_mean(begin: float, extent: float) -> None:
    weights, inside = shares(begin, extent, 12, 30)
    assert weights.shape == (12, 30)
    assert (weights.sum(1) == WHOLE).all()
    assert (weights == weights.astype(np.uint8)).all()
    middles = begin + (np.arange(12) + 0.5) * extent
    assert np.array_equal(inside, (middles > 0) & (middles < 30))


def test_blocks_become_their_means() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    small = averaged(image, shares(0, 5, 4, 20)[0], shares(0, 5, 6, 30)[0])
    means = image.reshape(4, 5, 6, 5, 3).mean((1, 3))
    assert small.shape == (4, 6, 3)
    assert np.abs(small - means).max() < 1.1
    same = averaged(image, shares(0, 1, 20, 20)[0], shares(0, 1, 30, 30)[0])
    assert np.array_equal(same, image)


def test_a_networks_input_has_the_same_scale_in_any_light() -> None:
    random = np.random.default_rng(0)
    scene = random.normal(0, 1, (32, 32, 3))
    inside = np.arange(32)[:, None] + np.zeros(32) < 20
    bright, dim = (np.clip(128 + contrast * scene, 0, 255).astype(np.uint8) for contrast in (40, 10))
    for image in (bright, dim):
        found = network_input(image, inside)
        assert found.shape == (4, 32, 32)
        assert np.array_equal(found, np.rint(found))
        assert np.abs(found).max() <= LIMIT
        assert not found[:, ~inside].any()
        assert (found[3][inside] == UNIT).all()
        assert 0.6 * UNIT < found[:3, inside].std() < 1.1 * UNIT
    assert not network_input(np.full((8, 8, 3), 200, np.uint8), np.ones((8, 8), bool))[:3].any()
