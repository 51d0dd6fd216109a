"""The speed of training: the notebook's own way and this project's, of the same networks."""

import math
import re

import numpy as np
import pytest
import torch

from export.benchmark.options import Options
from export.benchmark.training import NOTEBOOK, OWN, PRODUCT, PilImages, measure
from train.data.mnist import load
from train.device import fast_bfloat16


@pytest.fixture
def mnist(dataset: str) -> str:
    if dataset != "mnist":
        pytest.skip("needs MNIST: set TOUCHSTONE_DATA")
    return dataset


@pytest.mark.usefixtures("mnist")
def test_both_ways_are_timed() -> None:
    report = measure(Options(rounds=2, quick=True))
    precisions = ["float32", *(["bfloat16"] if fast_bfloat16("cpu") else [])]
    assert [row.contestant for row in report.rows] == [
        NOTEBOOK,
        *(f"{command} --precision {each}" for command in (OWN, PRODUCT) for each in precisions),
    ]
    assert all(0 < row.cost.low <= row.cost.high < math.inf for row in report.rows)
    profiles = [note for note in report.notes if "torch.profiler" in note]
    assert len(profiles) == 2 * len(precisions)
    for note in profiles:
        shares = [int(share) for share in re.findall(r"(\d+)%", note)]
        assert sum(shares) == pytest.approx(100, abs=len(shares) / 2)
    assert "convolutions" in profiles[-1]
    assert "products of matrices" in profiles[0]
    assert any("CUDA" in note for note in report.notes) != torch.cuda.is_available()


def test_the_notebook_s_pictures_are_the_same_pictures(dataset: str) -> None:
    digits = load(dataset, "train")
    pictures = PilImages(digits)
    assert len(pictures) == len(digits.images)
    for index in range(3):
        picture, digit = pictures[index]
        assert digit == digits.labels[index]
        assert picture.shape == (1, 28, 28)
        assert np.array_equal((picture * 255).round().byte()[0], digits.images[index])
