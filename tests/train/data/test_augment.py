"""Augmentation and corruptions: reproducible, within their ranges, and digits stay readable."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import mnist
from train.data.augment import (
    CHANGES,
    Picture,
    augment,
    keep,
    normalize_all,
    nudged,
    prepare,
)
from train.evaluation.eval_set import CORRUPTIONS, corrupt
from train.normalize import normalize
from train.processes import Workers

Pixels = NDArray[np.uint8]

CASES = {change.__name__: (change, bounds) for _, change, bounds in CHANGES} | {
    f"{name} {strength}": (change, bounds)
    for name, (change, ranges) in CORRUPTIONS.items()
    for strength, bounds in enumerate(ranges, 1)
}


@pytest.fixture(scope="module")
def digits(dataset: str) -> Pixels:
    """Normalized digits, which normalization leaves unchanged."""
    images = mnist.load(dataset, "train").images[:40].numpy()
    return np.stack([normalize(image[..., None]) for image in images])


def likeness(one: Pixels, other: Pixels) -> float:
    """The mean correlation of pictures with pictures."""
    pairs = zip(one.reshape(len(one), -1), other.reshape(len(other), -1), strict=True)
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


def augmented(digits: Pixels, seed: int = 0) -> list[Picture]:
    return [augment(digit, np.random.default_rng((seed, index))) for index, digit in enumerate(digits)]


def test_augmentation_depends_on_pixels_and_seed_alone(digits: Pixels) -> None:
    once, again = augmented(digits), augmented(digits.copy())
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    # Shapes and channels do not depend on what the picture shows, so not on its class either.
    shapes = [picture.shape for picture in once]
    assert shapes == [picture.shape for picture in augmented(digits[::-1])]
    assert {picture.shape[2] for picture in once} == {1, 3}
    other = augmented(digits, seed=1)
    assert sum(one.shape == two.shape for one, two in zip(once, other, strict=True)) < len(digits) / 2
    assert likeness(normalize_all(once), digits) > 0.85


@pytest.mark.parametrize("name", CASES)
def test_each_change_leaves_a_readable_digit(digits: Pixels, name: str) -> None:
    change, bounds = CASES[name]
    random = np.random.default_rng(0)
    pictures = [corrupt(change, bounds, digit, random) for digit in digits]
    unchanged = [np.array_equal(one, two[..., None]) for one, two in zip(pictures, digits, strict=True)]
    assert np.mean(unchanged) < 0.2
    assert likeness(normalize_all(pictures), digits) > 0.6


def test_prepared_pictures_do_not_depend_on_the_processes(
    digits: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = prepare(digits, seed=3, workers=Workers(1))
    assert alone.shape == (40, 28, 28)
    monkeypatch.setattr("train.data.augment.PART", 20)
    with Workers(2) as workers:
        assert np.array_equal(prepare(digits, seed=3, workers=workers), alone)
    assert not np.array_equal(prepare(digits, seed=4, workers=Workers(1)), alone)
    assert np.array_equal(prepare(digits[:5], seed=3, workers=Workers(1)), alone[:5])
    assert np.array_equal(prepare(digits, 0, Workers(1), keep), digits)


def test_a_nudge_moves_some_pixels_by_one_level(digits: Pixels) -> None:
    random = np.random.default_rng(0)
    change = nudged(digits, 0.5, random).astype(int) - digits
    assert set(np.unique(change).tolist()) == {-1, 0, 1}
    inner = (digits > 0) & (digits < 255)
    assert np.mean(change[inner] != 0) == pytest.approx(0.5, abs=0.05)
    assert np.array_equal(nudged(digits, 0, random), digits)
