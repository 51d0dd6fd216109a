"""What happens to pictures in the wild: the same to both classes, repeatable, and digits stay readable."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import mnist
from train.data.augment import Chances, Picture, enlarged, jpeg, noisy, on_canvas, painted, shrunk, wild
from train.data.prepare import prepare, seen
from train.evaluation.corruptions import CORRUPTIONS, STRENGTHS, in_the_wild
from train.normalize import normalize
from train.processes import Workers

Pixels = NDArray[np.uint8]

NOTHING = Chances(**dict.fromkeys((field.name for field in dataclasses.fields(Chances)), 0.0))
READABLE = 0.6


@pytest.fixture(scope="module")
def digits(dataset: str) -> Pixels:
    """Digits as the normaliser leaves them, so that it has nothing more to change."""
    images = mnist.load(dataset, "train").images[:40].numpy()
    return np.stack([normalize(image[..., None]) for image in images])


def likeness(one: Pixels, other: Pixels) -> float:
    """The mean correlation of pictures with pictures."""
    pairs = zip(one.reshape(len(one), -1), other.reshape(len(other), -1), strict=True)
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


def fates(digits: Pixels, chances: Chances, seed: int = 0) -> list[Picture]:
    return [wild(digit, np.random.default_rng((seed, place)), chances) for place, digit in enumerate(digits)]


def test_where_nothing_happens_a_digit_comes_back_unchanged(digits: Pixels) -> None:
    assert np.array_equal(seen(fates(digits, NOTHING)), digits)
    everything_but = dataclasses.replace(Chances(), untouched=1.0)
    assert np.array_equal(seen(fates(digits, everything_but)), digits)


def test_the_same_chances_and_pixels_give_the_same_picture(digits: Pixels) -> None:
    # So nothing but pixels and chance, such as the class, can decide what happens.
    once, again = fates(digits, Chances()), fates(digits.copy(), Chances())
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    other = fates(digits, Chances(), seed=1)
    assert sum(one.shape == two.shape for one, two in zip(once, other, strict=True)) < len(digits) / 2


def test_what_happens_does_not_depend_on_the_pixels(digits: Pixels) -> None:
    # Two pictures with the same chances come out with the same size and channels, whatever they show.
    shapes = [picture.shape for picture in fates(digits, Chances())]
    assert shapes == [picture.shape for picture in fates(digits[::-1], Chances())]
    assert {picture.shape[2] for picture in fates(digits, Chances(painted=1))} == {1, 3}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Chances)][1:])
def test_each_thing_happens_and_leaves_a_digit(digits: Pixels, name: str) -> None:
    pictures = fates(digits, dataclasses.replace(NOTHING, **{name: 1.0}))
    touched = [not np.array_equal(one, two[..., None]) for one, two in zip(pictures, digits, strict=True)]
    assert np.mean(touched) > 0.8
    assert all(picture.dtype == np.uint8 and picture.ndim == 3 for picture in pictures)
    assert likeness(seen(pictures), digits) > READABLE


def test_digits_stay_readable_in_the_wild(digits: Pixels) -> None:
    assert likeness(seen(fates(digits, Chances())), digits) > 0.85


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_changes_pictures_and_leaves_a_digit(digits: Pixels, name: str) -> None:
    for strength in STRENGTHS:
        random = np.random.default_rng(0)
        pictures = [CORRUPTIONS[name](digit[..., None], strength, random) for digit in digits]
        changed = [not np.array_equal(one, two[..., None]) for one, two in zip(pictures, digits, strict=True)]
        assert np.mean(changed) > 0.8
        assert likeness(seen(pictures), digits) > READABLE
    with pytest.raises(ValueError, match="not in tuple"):
        CORRUPTIONS[name](digits[0][..., None], 0, random)


@pytest.mark.parametrize("name", ["blur", "noise", "jpeg", "webp"])
def test_a_corruption_grows_with_its_strength(digits: Pixels, name: str) -> None:
    def harm(strength: int) -> float:
        random = np.random.default_rng(0)
        pictures = [CORRUPTIONS[name](digit[..., None], strength, random) for digit in digits]
        return float(
            np.mean(
                [
                    np.abs(picture[..., 0] - digit.astype(int))
                    for picture, digit in zip(pictures, digits, strict=True)
                ]
            )
        )

    assert harm(1) < harm(2) < harm(3)


def test_a_canvas_alone_is_nothing_to_the_normaliser(digits: Pixels) -> None:
    random = np.random.default_rng(0)
    assert np.array_equal(seen(on_canvas(digit[..., None], (1, 3), random) for digit in digits), digits)


def test_ranges_are_kept(digits: Pixels) -> None:
    random = np.random.default_rng(0)
    sides = [max(shrunk(digit[..., None], (14, 26), random).shape) for digit in digits]
    assert 14 <= min(sides) < max(sides) <= 26
    sides = [max(enlarged(digit[..., None], (3, 8), random).shape) for digit in digits]
    assert 84 <= min(sides) < max(sides) <= 224
    assert np.array_equal(shrunk(digits[0][..., None], (40, 50), random), digits[0][..., None])
    noise = noisy(np.full((80, 80, 1), 128, np.uint8), (5, 5), random)
    assert abs(noise.std() - 5) < 0.5


def test_paper_is_bright_or_dark_and_ink_stands_out(digits: Pixels) -> None:
    random = np.random.default_rng(0)
    pictures = [painted(digit[..., None], (0, 1), random) for digit in digits]
    papers = np.array([picture[0, 0].mean() for picture in pictures])
    assert 0.4 < np.mean(papers > 127) < 0.95
    assert all(np.ptp(picture) > 80 for picture in pictures)


@pytest.mark.parametrize("change", [jpeg, in_the_wild])
def test_a_worse_jpeg_is_further_off(
    digits: Pixels, change: Callable[[Picture, tuple[float, float], np.random.Generator], Picture]
) -> None:
    def distance(quality: float) -> float:
        random = np.random.default_rng(0)
        pictures = seen(change(digit[..., None], (quality, quality), random) for digit in digits)
        return float(np.abs(pictures - digits.astype(int)).mean())

    assert distance(95) < distance(20)


def test_what_is_prepared_does_not_depend_on_the_jobs(
    digits: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = prepare(digits, copies=2, seed=3, workers=Workers(1))
    monkeypatch.setattr("train.data.prepare.PART", 7)
    assert alone.shape == (40, 2, 28, 28)
    assert alone.dtype == np.uint8
    with Workers(2) as workers:
        assert np.array_equal(prepare(digits, copies=2, seed=3, workers=workers), alone)
    assert not np.array_equal(prepare(digits, copies=2, seed=4, workers=Workers(1)), alone)
    assert not np.array_equal(alone[:, 0], alone[:, 1])
    assert np.array_equal(prepare(digits[:5], copies=1, seed=3, workers=Workers(1))[:, 0], alone[:5, 0])


def test_no_pictures_are_no_pictures() -> None:
    assert prepare(np.zeros((0, 28, 28), np.uint8), copies=2, seed=0, workers=Workers(1)).shape == (
        0,
        2,
        28,
        28,
    )
