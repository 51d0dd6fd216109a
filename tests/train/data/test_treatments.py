"""What the detector learns from is what the deployed normalizer makes of treated pictures."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import mnist
from train.data.treatments import augmented, photographed, treated
from train.normalize import NONE, examined, normalize
from train.processes import Workers

Pixels = NDArray[np.uint8]
SEED = 3


@pytest.fixture(scope="module")
def digits(dataset: str) -> Pixels:
    """Digits, and a picture without ink."""
    return np.concatenate([mnist.load(dataset, "train").images[:30].numpy(), np.zeros((1, 28, 28), np.uint8)])


def test_each_picture_is_normalized_much_as_deployed_or_taken_as_it_is(digits: Pixels) -> None:
    own = np.zeros_like(digits) + np.arange(len(digits), dtype=np.uint8)[:, None, None]
    found = augmented(digits, own, np.random.default_rng(SEED))
    random = np.random.default_rng(SEED)
    near, treatments = [], [treated(digit, random) for digit in digits]
    for each, (picture, box), spare in zip(found, treatments, own, strict=True):
        if box is None:
            assert np.array_equal(each, spare)
        elif (deployed := examined(picture)).reason == NONE:
            near.append(np.corrcoef(each.ravel(), deployed.pixels.ravel())[0, 1])
    assert np.median(near) > 0.99
    assert np.mean(np.array(near) > 0.9) > 0.8
    assert treatments[-1][1] is None
    assert not np.array_equal(augmented(digits, own, np.random.default_rng(SEED + 1)), found)


def test_treatments_do_not_depend_on_what_is_shown(digits: Pixels) -> None:
    """A real digit and a fake get the same scales, papers and codecs."""

    def shapes(pictures: Pixels) -> list[tuple[int, ...]]:
        return [treated(each, np.random.default_rng(index))[0].shape for index, each in enumerate(pictures)]

    found = shapes(digits[:1].repeat(20, 0))
    assert found == shapes(digits[:1].repeat(20, 0) // 2)
    assert len(set(found)) > 5
    assert {shape[2] for shape in found} == {1, 3}


def test_photographs_are_those_of_one_digit_that_the_normalizer_isolates(digits: Pixels) -> None:
    taken = photographed(digits[:-1], "evaluation", SEED, Workers(1))
    assert 0.6 * len(digits) < len(taken) <= len(digits) - 1
    assert all(np.array_equal(normalize(each[..., None]), each) for each in taken)
    assert not np.array_equal(taken, photographed(digits[:-1], "train", SEED, Workers(1)))
