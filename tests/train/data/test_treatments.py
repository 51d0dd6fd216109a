"""What the detector learns from is what the deployed normalizer makes of treated pictures."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import mnist
from train.data.augment import Picture
from train.data.treatments import augmented, treated
from train.normalize import NONE, examined

Pixels = NDArray[np.uint8]
SEED = 3


@pytest.fixture(scope="module")
def digits(dataset: str) -> Pixels:
    """Digits, and a picture without ink."""
    return np.concatenate([mnist.load(dataset, "train").images[:30].numpy(), np.zeros((1, 28, 28), np.uint8)])


def pictures_of(digits: Pixels) -> list[Picture]:
    random = np.random.default_rng(SEED)
    return [treated(digit, random) for digit in digits]


def test_each_picture_is_normalized_as_deployed_or_taken_as_it_is(digits: Pixels) -> None:
    own = np.zeros_like(digits) + np.arange(len(digits), dtype=np.uint8)[:, None, None]
    found = augmented(digits, own, np.random.default_rng(SEED))
    for each, picture, spare in zip(found, pictures_of(digits), own, strict=True):
        expected = examined(picture)
        assert np.array_equal(each, expected.pixels if expected.reason == NONE else spare)
    assert np.array_equal(found[-1], own[-1])
    changed = ~(found == own).all((1, 2)) & ~(found == digits).all((1, 2))
    assert changed.mean() > 0.7
    assert not np.array_equal(augmented(digits, own, np.random.default_rng(SEED + 1)), found)


def test_treatments_do_not_depend_on_what_is_shown(digits: Pixels) -> None:
    """A real digit and a fake get the same scales, papers and codecs."""
    shapes = [picture.shape for picture in pictures_of(digits[:1].repeat(6, 0))]
    thinner = digits[:1].repeat(6, 0) // 2
    assert [picture.shape for picture in pictures_of(thinner)][:1] == shapes[:1]
    assert len(set(shapes)) > 2
    assert {shape[2] for shape in (picture.shape for picture in pictures_of(digits))} == {1, 3}
