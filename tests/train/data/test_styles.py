"""Digits in rare styles are real digits that the normalizer leaves recognisable."""

import numpy as np

from train.data.styles import STYLES, styled_digits
from train.normalize import normalize
from train.processes import Workers


def test_every_style_is_drawn_with_its_digit() -> None:
    count = 3 * len(STYLES)
    images, labels = styled_digits("train", count, 0, Workers(1))
    assert images.shape == (len(labels), 28, 28)
    assert 0.9 * count <= len(labels) <= count
    assert set(labels.tolist()) == {digit for digit, *_ in STYLES.values()}
    assert len({image.tobytes() for image in images}) == len(images)
    assert all(np.array_equal(normalize(image[..., None]), image) for image in images)
    again, _ = styled_digits("train", count, 0, Workers(1))
    assert np.array_equal(again, images)
    other, _ = styled_digits("train", count, 1, Workers(1))
    assert not {image.tobytes() for image in other} & {image.tobytes() for image in images}
