"""The report's arithmetic, on predictions whose figures are known."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data.dataset import MNIST, NON_DIGIT, PEN
from train.detector.calibrate import sigmoid
from train.evaluation.eval_set import (
    COMBINED,
    CORRUPTIONS,
    ENLARGEMENTS,
    NORMALIZED,
    RAW,
    SMALL,
    STRENGTHS,
    EvalSet,
    corrupted,
)
from train.evaluation.metrics import auroc
from train.evaluation.tables import (
    BINS,
    NOT_A_DIGIT,
    Predictions,
    Predictor,
    Scorer,
    balanced_fakes,
    changed_by_enlarging,
    compared,
    corruption_figures,
    distribution,
    distribution_figures,
    kind_figures,
)

COMBINATIONS = [corrupted(COMBINED, strength) for strength in STRENGTHS]
KINDS = {"clear": "flow", "half": "flow"}


def brightness(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A score that can be read off a picture."""
    means: NDArray[np.float32] = pictures.mean((1, 2), dtype=np.float32)
    return means


def by_brightness(eval_set: EvalSet) -> Scorer:
    return lambda group, condition: brightness(eval_set.pictures[group, condition])


def predictor_of(eval_set: EvalSet) -> Predictor:
    """Predictions by brightness: fake from 100 on, else not a digit."""

    def predict(group: str, condition: str) -> Predictions:
        logits = brightness(eval_set.pictures[group, condition])
        digits = np.zeros((len(logits), 10), np.float32)
        return Predictions(logits, sigmoid(logits - 100), digits, (logits >= 100).astype(int))

    return predict


def flat(*levels: int) -> NDArray[np.uint8]:
    return np.stack([np.full((28, 28), level, np.uint8) for level in levels])


@pytest.fixture
def eval_set() -> EvalSet:
    pictures = {}
    for condition in (NORMALIZED, RAW, *COMBINATIONS):
        pictures[MNIST, condition] = flat(*range(100))
        pictures["clear", condition] = flat(*range(100, 200))
    pictures["half", RAW] = flat(*range(100))
    pictures["half", NORMALIZED] = flat(*range(50, 150))
    for condition in COMBINATIONS:
        first = 100 * (condition == COMBINATIONS[0])
        pictures["half", condition] = flat(*range(first, first + 100))
    return EvalSet(pictures, {}, [])


def test_each_condition_is_compared_with_its_own_reals(eval_set: EvalSet) -> None:
    figures = compared(by_brightness(eval_set), ["half"])
    assert figures["auroc"]["value"] == auroc(np.arange(100.0), np.arange(50.0, 150))
    assert figures["auroc_pixels"] == 0.5
    # Separable at one strength of three.
    fakes = np.concatenate([np.arange(100.0, 200), *[np.arange(100.0)] * 2])
    assert figures["auroc_wild"]["value"] == auroc(np.tile(np.arange(100.0), 3), fakes)
    assert figures["auroc"]["low"] < figures["auroc"]["value"] < figures["auroc"]["high"]
    assert figures["true_positive_rate"]["value"] == 0.51


def test_a_kind_is_measured_by_the_detector_that_never_saw_it(eval_set: EvalSet) -> None:
    figures = kind_figures(KINDS, {"flow": by_brightness(eval_set)})
    both = np.concatenate([np.arange(100.0, 200), np.arange(50.0, 150)])
    assert figures["flow"]["auroc"]["value"] == auroc(np.arange(100.0), both)


def test_changed_verdicts_are_counted_by_class() -> None:
    pictures = {
        (group, condition): flat(*levels)
        for group, levels in ((MNIST, (10, 20, 30, 40)), ("clear", (110, 120, 130, 140)))
        for condition in (SMALL, *ENLARGEMENTS)
    }
    pictures[MNIST, "enlarged-bicubic"] = flat(10, 20, 30, 140)
    changed = changed_by_enlarging([MNIST, "clear"], predictor_of(EvalSet(pictures, {}, [])))
    assert changed["enlarged-bicubic"] == {"real": 0.25, "fake": 0.0}
    assert changed["enlarged-nearest"] == {"real": 0.0, "fake": 0.0}


def test_every_corruption_has_a_row() -> None:
    pictures = {
        (group, corrupted(name, strength)): flat(*levels)
        for name in CORRUPTIONS
        for strength in STRENGTHS
        for group, levels in ((MNIST, (10, 20, 30, 140)), ("clear", (110, 120)), (NON_DIGIT, (1, 2)))
    }
    eval_set = EvalSet(pictures, {}, [])
    folds = {"flow": by_brightness(eval_set)}
    rows = corruption_figures(eval_set, {"clear": "flow"}, folds, predictor_of(eval_set))
    assert [(row["corruption"], row["strength"]) for row in rows] == [
        (name, strength) for name in CORRUPTIONS for strength in STRENGTHS
    ]
    for row in rows:
        assert row["auroc"] == {"flow": 0.75}
        assert set(row["verdicts"]) == {MNIST, NON_DIGIT}
        assert row["verdicts"][MNIST]["fake"] == 0.25
        assert row["verdicts"][NON_DIGIT][NOT_A_DIGIT] == 1


def test_balanced_fakes_are_equally_many_of_each_generator(eval_set: EvalSet) -> None:
    groups = {name: predictor_of(eval_set)(name, NORMALIZED) for name in KINDS}
    mixed = balanced_fakes(groups, KINDS, 8)
    assert len(mixed) == 8
    assert (mixed > 0.4).sum() == 4


def test_a_distribution_has_counts_and_percentiles() -> None:
    spread = distribution(np.array([0, 0.01, 0.025, 0.5, 0.99, 1], np.float32))
    assert spread["count"] == sum(spread["bins"]) == 6
    assert (spread["bins"][0], spread["bins"][1], spread["bins"][20], spread["bins"][-1]) == (2, 1, 1, 2)
    percentiles = distribution(np.linspace(0, 1, 1001, dtype=np.float32))["percentiles"]
    assert percentiles == pytest.approx([share / 100 for share in range(101)], abs=1e-6)


def test_distributions_are_those_of_reals_pen_digits_and_all_fakes(eval_set: EvalSet) -> None:
    def spread_of(eval_set: EvalSet) -> dict[str, dict[str, Any]]:
        return distribution_figures(eval_set, KINDS, predictor_of(eval_set))

    spread = spread_of(eval_set)
    assert {name: each["count"] for name, each in spread.items()} == {"real": 100, "fake": 200}
    # Test digits are darker than 100; so are fifty of the normalized fakes.
    assert sum(spread["real"]["bins"][BINS // 2 :]) == 0
    assert sum(spread["fake"]["bins"][: BINS // 2]) == 50
    with_pen = EvalSet({**eval_set.pictures, (PEN, NORMALIZED): flat(10, 20)}, {}, [])
    assert spread_of(with_pen)["pen"]["count"] == 2
