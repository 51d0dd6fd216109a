"""Calibration finds known odds and always keeps the order of scores; thresholds keep their rates."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.detector.calibrate import (
    FAKES_CALLED_REAL,
    LEAST_SCALE,
    MANY,
    REALS_CALLED_FAKE,
    REALS_REFUSED,
    Calibration,
    allowed,
    calibrate,
    choose_thresholds,
)
from train.evaluation.metrics import expected_calibration_error

RANDOM = np.random.default_rng(0)


def overconfident(random: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Raw log-odds of reals and of four times as many fakes; the true ones are a third of them, plus 1.

    For two normal classes at -1 and 1 with variance 1, the log-odds of x at even odds are 2 x.
    """
    real, fake = random.normal(-1, 1, count), random.normal(1, 1, 4 * count)
    return ((2 * real - 1) * 3).astype(np.float32), ((2 * fake - 1) * 3).astype(np.float32)


def test_calibration_finds_the_true_odds_for_unequal_classes() -> None:
    real, fake = overconfident(np.random.default_rng(0), 20_000)
    found = calibrate([real], [fake])
    assert found.scale == pytest.approx(1 / 3, rel=0.05)
    assert found.bias == pytest.approx(1, abs=0.05)

    real, fake = overconfident(np.random.default_rng(1), 20_000)
    scores, labels = np.concatenate([real, fake[:20_000]]), np.repeat([0, 1], 20_000)
    assert expected_calibration_error(found.probabilities(scores), labels) < 0.01
    assert expected_calibration_error(Calibration(1.0, 0.0).probabilities(scores), labels) > 0.05


def test_separable_classes_give_a_finite_calibration() -> None:
    found = calibrate([np.linspace(-30, -10, 100)], [np.linspace(10, 30, 100)])
    assert 0 < found.scale < 10
    assert abs(found.bias) < 0.1


def test_scores_worse_than_chance_keep_their_order() -> None:
    found = calibrate([np.linspace(0, 5, 50)], [np.linspace(-5, 0, 50)])
    assert found.scale == LEAST_SCALE
    assert found.bias == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("decimals", [7, 2])
def test_thresholds_just_keep_their_rates_in_the_worst_group(decimals: int) -> None:
    def scores(one: float, other: float, count: int) -> NDArray[np.float32]:
        return RANDOM.beta(one, other, count).round(decimals).astype(np.float32)

    real = [scores(1, 3, 5000), scores(2, 3, 777)]
    fake, in_domain = [scores(3, 1, 5000), scores(1, 1, 50)], [scores(9, 1, 5000), scores(5, 1, 777)]
    found = choose_thresholds(real, fake, in_domain)
    assert 0 < found.real < 0.5 < found.fake < 1

    assert max(np.mean(group >= found.fake) for group in real) <= REALS_CALLED_FAKE
    assert np.mean([np.mean(each <= found.real) for each in fake]) <= FAKES_CALLED_REAL
    assert max(np.mean(group < found.in_domain) for group in in_domain) <= REALS_REFUSED

    assert max(np.mean(group >= found.fake - 0.02) for group in real) > REALS_CALLED_FAKE
    assert np.mean([np.mean(each <= found.real + 0.02) for each in fake]) > FAKES_CALLED_REAL


def test_groups_weigh_the_same_whatever_their_size() -> None:
    real, fake = overconfident(np.random.default_rng(2), 20_000)
    found = calibrate([real, real[:100] + 9], [fake])
    shifted = np.concatenate([real, np.repeat(real[:100] + 9, 200)])
    assert found.bias == pytest.approx(calibrate([shifted], [fake]).bias, abs=0.02)


def test_of_many_reals_the_upper_bound_counts() -> None:
    few, many = allowed(MANY) / MANY, allowed(100 * MANY) / (100 * MANY)
    assert few == REALS_CALLED_FAKE
    assert 0.9 * REALS_CALLED_FAKE < many < REALS_CALLED_FAKE
    assert allowed(10_000) == 21


@pytest.mark.parametrize(
    ("real", "fake", "in_domain", "expected"),
    [(0.01, 0.99, 1.0, (0.5, 0.5, 1)), (1.0, 0.0, 0.0, (1, 0, 0))],
    ids=["separable", "hopeless"],
)
def test_thresholds_stay_within_probabilities(
    real: float, fake: float, in_domain: float, expected: tuple[float, float, float]
) -> None:
    groups = [np.full(100, value, np.float32) for value in (real, fake, in_domain)]
    found = choose_thresholds(*([group] for group in groups))
    assert (found.fake, found.real, found.in_domain) == expected
