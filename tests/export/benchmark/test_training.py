"""The notebook's way of loading MNIST, which this project's training is compared with."""

import numpy as np

from export.benchmark.training import PilImages
from train.data.mnist import load


def test_the_notebook_loads_the_same_pictures(dataset: str) -> None:
    digits = load(dataset, "train")
    pictures = PilImages(digits)
    assert len(pictures) == len(digits.images)
    for index in range(3):
        picture, digit = pictures[index]
        assert digit == digits.labels[index]
        assert picture.shape == (1, 28, 28)
        assert np.array_equal((picture * 255).round().byte()[0], digits.images[index])
