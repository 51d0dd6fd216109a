"""Calibration finds the odds it is given; of hopeless scores it still makes an ordered probability."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.detector.calibrate import LEAST_SCALE, Calibration, calibrate
from train.evaluation.metrics import expected_calibration_error


def overconfident(random: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Raw log-odds of reals and of four times as many fakes: the true ones are a third of them, plus 1.

    Of two normal classes at -1 and 1 with variance 1, the log-odds of x at even odds are 2 x.
    """
    real, fake = random.normal(-1, 1, count), random.normal(1, 1, 4 * count)
    return ((2 * real - 1) * 3).astype(np.float32), ((2 * fake - 1) * 3).astype(np.float32)


def test_calibration_finds_the_true_odds_whatever_the_classes_sizes() -> None:
    real, fake = overconfident(np.random.default_rng(0), 20_000)
    found = calibrate(real, fake)
    assert found.scale == pytest.approx(1 / 3, rel=0.05)
    assert found.bias == pytest.approx(1, abs=0.05)

    real, fake = overconfident(np.random.default_rng(1), 20_000)
    scores, labels = np.concatenate([real, fake[:20_000]]), np.repeat([0, 1], 20_000)
    assert expected_calibration_error(found.probabilities(scores), labels) < 0.01
    assert expected_calibration_error(Calibration(1.0, 0.0).probabilities(scores), labels) > 0.05


def test_classes_without_overlap_give_a_finite_calibration() -> None:
    found = calibrate(np.linspace(-30, -10, 100), np.linspace(10, 30, 100))
    assert 0 < found.scale < 10
    assert abs(found.bias) < 0.1


def test_scores_worse_than_chance_keep_their_order() -> None:
    found = calibrate(np.linspace(0, 5, 50), np.linspace(-5, 0, 50))
    assert found.scale == LEAST_SCALE
    assert found.bias == pytest.approx(0, abs=1e-6)


def test_equal_scores_mean_even_odds() -> None:
    found = calibrate(np.full(10, 3.0), np.full(30, 3.0))
    # Platt's targets lean to the class that there is more of.
    assert found.probabilities(np.full(1, 3, np.float32)) == pytest.approx(0.5, abs=0.05)


def test_huge_log_odds_neither_overflow_nor_vanish() -> None:
    probabilities = Calibration(1.0, 0.0).probabilities(np.array([-1e4, -30, 0, 30, 1e4], np.float32))
    assert probabilities.dtype == np.float32
    assert probabilities.tolist() == [0, pytest.approx(9.36e-14, rel=1e-2), 0.5, 1, 1]


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="give some of both"):
        calibrate(np.zeros(0), np.ones(3))
