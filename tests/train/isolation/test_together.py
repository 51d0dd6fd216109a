"""Pictures that are looked at together give the same as each alone."""

import numpy as np
import pytest

from tests.support.handwriting import large_digits
from train.data.photographs import ANYTHING, photograph
from train.isolation.layers import INPUTS, NETWORKS, Name, published_weights, run
from train.isolation.together import results_of, run_together
from train.normalize import examined, examining


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_gives_each_pictures_own_output(name: Name) -> None:
    images = np.random.default_rng(0).integers(-127, 128, (3, INPUTS, 64, 64)).astype(np.float32)
    alone = [run(NETWORKS[name], published_weights()[name], image) for image in images]
    assert np.array_equal(run_together(name, images), np.stack(alone))


def test_pictures_are_normalized_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some need no network, some both, and some are looked at twice."""
    monkeypatch.setattr("train.isolation.together.MOST", 2)
    digits = large_digits()[0]
    pictures = [np.zeros((5, 7, 1), np.uint8), np.ascontiguousarray(digits[0][::4, ::4, None])]
    pictures += [digits[index][..., None] for index in range(2)]
    pictures += [
        photograph([digits[seed]], "evaluation", ANYTHING, np.random.default_rng(seed), (120, 96)).image
        for seed in range(6)
    ]
    found = results_of([examining(picture) for picture in pictures])
    for one, picture in zip(found, pictures, strict=True):
        other = examined(picture)
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.boxes, other.boxes)
        assert (one.box, one.inverted, one.reason) == (other.box, other.inverted, other.reason)
