"""The report on generators: real digits measure as real, noise does not, and copies are recognised."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.runs import trained_classifier
from train.data.mnist import Digits, hold_out, load
from train.generators.base import Generator, real_digits
from train.generators.classifier import DigitClassifier
from train.generators.report import HELD_OUT, measure_generators

COUNT = 200
KNOWN = 1000


def noise(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
    assert digits is None
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), np.uint8)


NOISE = Generator("noise", "classical", False, 12.0, noise)


@pytest.fixture(scope="module")
def classifier(dataset: str) -> DigitClassifier:
    return trained_classifier(dataset)


@pytest.fixture(scope="module")
def halves(dataset: str) -> tuple[Digits, Digits]:
    known, held_out = hold_out(load(dataset, "train"))
    return known.first(KNOWN), held_out


@pytest.fixture(scope="module")
def copier(halves: tuple[Digits, Digits]) -> Generator:
    known, _ = halves
    originals = real_digits("copier", known.images.numpy(), known.labels.numpy())
    return Generator("copier", "autoregressive", True, 3.0, originals.sample)


def test_copies_measure_as_real_but_are_recognised(
    dataset: str, classifier: DigitClassifier, halves: tuple[Digits, Digits], copier: Generator
) -> None:
    known, held_out = halves
    tested = load(dataset, "test").images.numpy()
    pair = held_out.images.numpy(), held_out.labels.numpy()
    results = [
        measure_generators([copier, NOISE], classifier, tested, pair, known.images.numpy(), COUNT)
        for _ in range(2)
    ]
    result = results[0]
    reals, copies, noises = result["rows"]
    assert result["count"] == COUNT
    assert [row["name"] for row in result["rows"]] == [HELD_OUT, "copier", "noise"]

    assert reals["frechet_ratio"] == 1
    assert reals["copies"] == pytest.approx(0.01)
    assert reals["seconds_per_1000"] is reals["training_seconds"] is None

    assert copies["frechet_ratio"] < 2
    assert copies["precision"] > reals["precision"] - 0.1
    assert copies["recall"] > reals["recall"] - 0.1
    assert copies["wanted_digit"] > 0.7
    assert copies["nearest_median"] == 0
    assert copies["copies"] == 1

    assert noises["frechet_ratio"] > 5
    assert noises["recall"] < 0.1
    assert noises["wanted_digit"] is None
    assert noises["copies"] == 0
    assert noises["training_seconds"] == 12

    for row in (row for each in results for row in each["rows"]):
        del row["seconds_per_1000"]
    assert json.dumps(result) == json.dumps(results[1])
