"""The report's arithmetic, on predictions whose figures are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data.dataset import MNIST, NORMALIZED, PictureSet
from train.detector.calibrate import sigmoid
from train.evaluation.eval_set import (
    COMBINED,
    ENLARGEMENTS,
    SMALL,
    STRENGTHS,
    corrupted,
)
from train.evaluation.metrics import auroc
from train.evaluation.tables import (
    Predictions,
    Predictor,
    Scorer,
    changed,
    compared,
)

COMBINATIONS = [corrupted(COMBINED, strength) for strength in STRENGTHS]


def brightness(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A score that can be read off a picture."""
    means: NDArray[np.float32] = pictures.mean((1, 2), dtype=np.float32)
    return means


def by_brightness(eval_set: PictureSet) -> Scorer:
    return lambda group, condition: brightness(eval_set.images[group, condition])


def predictor_of(eval_set: PictureSet) -> Predictor:
    """Predictions by brightness: fake from 100 on, else not a digit."""

    def predict(group: str, condition: str) -> Predictions:
        logits = brightness(eval_set.images[group, condition])
        digits = np.zeros((len(logits), 10), np.float32)
        return Predictions(logits, sigmoid(logits - 100), digits, (logits >= 100).astype(int))

    return predict


def flat(*levels: int) -> NDArray[np.uint8]:
    return np.stack([np.full((28, 28), level, np.uint8) for level in levels])


@pytest.fixture
def eval_set() -> PictureSet:
    pictures = {}
    for condition in (NORMALIZED, *COMBINATIONS):
        pictures[MNIST, condition] = flat(*range(100))
        pictures["clear", condition] = flat(*range(100, 200))
    pictures["half", NORMALIZED] = flat(*range(50, 150))
    for condition in COMBINATIONS:
        first = 100 * (condition == COMBINATIONS[0])
        pictures["half", condition] = flat(*range(first, first + 100))
    return PictureSet(pictures, {}, {})


def test_each_condition_is_compared_with_its_own_reals(eval_set: PictureSet) -> None:
    figures = compared(by_brightness(eval_set), ["half"])
    assert figures["auroc"]["value"] == auroc(np.arange(100.0), np.arange(50.0, 150))
    # Separable at one strength of three.
    fakes = np.concatenate([np.arange(100.0, 200), *[np.arange(100.0)] * 2])
    assert figures["auroc_wild"]["value"] == auroc(np.tile(np.arange(100.0), 3), fakes)
    assert figures["auroc"]["low"] < figures["auroc"]["value"] < figures["auroc"]["high"]
    assert figures["true_positive_rate"]["value"] == 0.51


def test_changed_verdicts_are_counted_by_class() -> None:
    pictures = {
        (group, condition): flat(*levels)
        for group, levels in ((MNIST, (10, 20, 30, 40)), ("clear", (110, 120, 130, 140)))
        for condition in (SMALL, *ENLARGEMENTS)
    }
    pictures[MNIST, "enlarged-bicubic"] = flat(10, 20, 30, 140)
    predict = predictor_of(PictureSet(pictures, {}, {}))
    assert changed("enlarged-bicubic", [MNIST, "clear"], predict) == {"real": 0.25, "fake": 0.0}
    assert changed("enlarged-nearest", [MNIST, "clear"], predict) == {"real": 0.0, "fake": 0.0}
