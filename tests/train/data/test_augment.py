"""Augmentation and corruptions: reproducible, within their ranges, and digits stay readable."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import mnist
from train.data.augment import (
    Chances,
    Picture,
    add_noise,
    augment,
    enlarge,
    normalize_all,
    paint,
    prepare,
    shrink,
)
from train.evaluation.eval_set import CORRUPTIONS, STRENGTHS
from train.normalize import normalize
from train.processes import Workers

Pixels = NDArray[np.uint8]

NEVER = Chances(**dict.fromkeys((field.name for field in dataclasses.fields(Chances)), 0.0))
READABLE = 0.6


@pytest.fixture(scope="module")
def digits(dataset: str) -> Pixels:
    """Normalized digits, which normalization leaves unchanged."""
    images = mnist.load(dataset, "train").images[:40].numpy()
    return np.stack([normalize(image[..., None]) for image in images])


def likeness(one: Pixels, other: Pixels) -> float:
    """The mean correlation of pictures with pictures."""
    pairs = zip(one.reshape(len(one), -1), other.reshape(len(other), -1), strict=True)
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


def augmented(digits: Pixels, chances: Chances, seed: int = 0) -> list[Picture]:
    return [
        augment(digit, np.random.default_rng((seed, index)), chances) for index, digit in enumerate(digits)
    ]


def corrupted(digits: Pixels, name: str, strength: int) -> list[Picture]:
    random = np.random.default_rng(0)
    return [CORRUPTIONS[name](digit[..., None], strength, random) for digit in digits]


def share_changed(pictures: list[Picture], digits: Pixels) -> float:
    pairs = zip(pictures, digits, strict=True)
    return float(np.mean([not np.array_equal(one, two[..., None]) for one, two in pairs]))


def test_without_any_change_a_digit_comes_back(digits: Pixels) -> None:
    assert np.array_equal(normalize_all(augmented(digits, NEVER)), digits)
    untouched = dataclasses.replace(Chances(), untouched=1.0)
    assert np.array_equal(normalize_all(augmented(digits, untouched)), digits)


def test_augmentation_depends_on_pixels_and_seed_alone(digits: Pixels) -> None:
    once, again = augmented(digits, Chances()), augmented(digits.copy(), Chances())
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    # Shapes and channels do not depend on what the picture shows, so not on its class either.
    shapes = [picture.shape for picture in once]
    assert shapes == [picture.shape for picture in augmented(digits[::-1], Chances())]
    assert {picture.shape[2] for picture in augmented(digits, Chances(painted=1))} == {1, 3}
    other = augmented(digits, Chances(), seed=1)
    assert sum(one.shape == two.shape for one, two in zip(once, other, strict=True)) < len(digits) / 2


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Chances)][1:])
def test_each_change_leaves_a_readable_digit(digits: Pixels, name: str) -> None:
    pictures = augmented(digits, dataclasses.replace(NEVER, **{name: 1.0}))
    assert share_changed(pictures, digits) > 0.8
    assert all(picture.dtype == np.uint8 and picture.ndim == 3 for picture in pictures)
    assert likeness(normalize_all(pictures), digits) > READABLE


def test_augmented_digits_stay_readable(digits: Pixels) -> None:
    assert likeness(normalize_all(augmented(digits, Chances())), digits) > 0.85


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_leaves_a_readable_digit(digits: Pixels, name: str) -> None:
    for strength in STRENGTHS:
        pictures = corrupted(digits, name, strength)
        assert share_changed(pictures, digits) > 0.8
        assert likeness(normalize_all(pictures), digits) > READABLE
    with pytest.raises(ValueError, match="not in tuple"):
        corrupted(digits, name, 0)


@pytest.mark.parametrize("name", ["blur", "noise", "jpeg", "webp"])
def test_a_corruption_grows_with_its_strength(digits: Pixels, name: str) -> None:
    harm = [
        np.abs(np.stack(corrupted(digits, name, strength))[..., 0] - digits.astype(int)).mean()
        for strength in STRENGTHS
    ]
    assert harm == sorted(harm)
    assert len(set(harm)) == len(STRENGTHS)


def test_ranges_are_kept(digits: Pixels) -> None:
    random = np.random.default_rng(0)
    sides = [max(shrink(digit[..., None], (14, 26), random).shape) for digit in digits]
    assert 14 <= min(sides) < max(sides) <= 26
    sides = [max(enlarge(digit[..., None], (3, 8), random).shape) for digit in digits]
    assert 84 <= min(sides) < max(sides) <= 224
    assert np.array_equal(shrink(digits[0][..., None], (40, 50), random), digits[0][..., None])
    noise = add_noise(np.full((80, 80, 1), 128, np.uint8), (5, 5), random)
    assert abs(noise.std() - 5) < 0.5


def test_paper_is_bright_or_dark_and_ink_has_contrast(digits: Pixels) -> None:
    random = np.random.default_rng(0)
    pictures = [paint(digit[..., None], (0, 1), random) for digit in digits]
    papers = np.array([picture[0, 0].mean() for picture in pictures])
    assert 0.4 < np.mean(papers > 127) < 0.95
    assert all(np.ptp(picture) > 80 for picture in pictures)


def test_prepared_pictures_do_not_depend_on_the_processes(
    digits: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = prepare(digits, copies=2, seed=3, workers=Workers(1))
    monkeypatch.setattr("train.data.augment.PART", 7)
    assert alone.shape == (40, 2, 28, 28)
    assert alone.dtype == np.uint8
    with Workers(2) as workers:
        assert np.array_equal(prepare(digits, copies=2, seed=3, workers=workers), alone)
    assert not np.array_equal(prepare(digits, copies=2, seed=4, workers=Workers(1)), alone)
    assert not np.array_equal(alone[:, 0], alone[:, 1])
    assert np.array_equal(prepare(digits[:5], copies=1, seed=3, workers=Workers(1))[:, 0], alone[:5, 0])
    assert prepare(digits[:0], copies=2, seed=0, workers=Workers(1)).shape == (0, 2, 28, 28)
