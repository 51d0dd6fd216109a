"""Quality measures at known values."""

import numpy as np
import pytest

from train.generators.quality import frechet_distance, nearest_distances, precision_recall


def test_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    random = np.random.default_rng(0)
    one = random.normal(0, 1, (200_000, 3))
    other = random.normal((3, 0, 0), 2, (200_000, 3))
    # |mu|^2 + d (s1 - s2)^2 for isotropic Gaussians.
    assert frechet_distance(one, other) == pytest.approx(9 + 3, rel=0.02)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)


def test_precision_and_recall_see_which_side_is_narrow() -> None:
    random = np.random.default_rng(0)
    wide, narrow = random.normal(0, 1, (1500, 2)), random.normal(0, 0.2, (1500, 2))
    precision, recall = precision_recall(wide, narrow)
    assert precision > 0.95
    assert recall < 0.5
    precision, recall = precision_recall(wide, wide + 100)
    assert precision == recall == 0


def test_a_copy_is_at_distance_0() -> None:
    random = np.random.default_rng(0)
    known = random.integers(0, 256, (50, 28, 28), np.uint8)
    pictures = np.concatenate([known[3:4], np.zeros((1, 28, 28), np.uint8)])
    copied, black = nearest_distances(pictures, known)
    assert copied == 0
    assert black > 0.3
