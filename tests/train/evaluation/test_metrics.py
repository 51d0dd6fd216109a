"""Metrics agree with scikit-learn's, or with the known values of a simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from train.evaluation.metrics import (
    auroc,
    bootstrap,
    expected_calibration_error,
    side_distance,
    true_positive_rate,
)


def scores(ties: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(0)
    real, fake = random.normal(0, 1, 500), random.normal(0.7, 1, 300)
    return (real.round(), fake.round()) if ties else (real, fake)


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_is_scikit_learns(ties: bool) -> None:
    real, fake = scores(ties)
    expected = roc_auc_score([0] * 500 + [1] * 300, np.concatenate([real, fake]))
    assert auroc(real, fake) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("allowed", [0, 0.013])
def test_true_positive_rate_is_the_best_of_scikit_learns_curve(ties: bool, allowed: float) -> None:
    real, fake = scores(ties)
    false, true, _ = roc_curve([0] * 500 + [1] * 300, np.concatenate([real, fake]), drop_intermediate=False)
    assert true_positive_rate(real, fake, allowed) == pytest.approx(true[false <= allowed].max())


def test_calibration_error_recognises_shifted_probabilities() -> None:
    random = np.random.default_rng(0)
    probability = random.beta(0.5, 0.5, 20_000)
    label = (random.random(20_000) < probability).astype(np.int64)
    assert expected_calibration_error(probability, label) < 0.01
    assert expected_calibration_error(np.clip(probability + 0.1, 0, 1), label) > 0.05
    # Always the base rate: uninformative, but calibrated.
    assert expected_calibration_error(np.full(20_000, 0.25), np.arange(20_000) % 4 == 0) < 1e-12


def test_an_interval_holds_the_true_value_and_narrows_with_more_scores() -> None:
    random = np.random.default_rng(0)
    # AUROC of two normal classes 1 apart: the normal distribution function at 1 / sqrt 2.
    real, fake = random.normal(0, 1, 4000), random.normal(1, 1, 4000)
    low, high = bootstrap(auroc, real, fake, 200, 0)
    assert low < 0.7602 < high
    few_low, few_high = bootstrap(auroc, real[:200], fake[:200], 200, 0)
    assert few_high - few_low > 2 * (high - low)
    assert bootstrap(auroc, real[:200], fake[:200], 200, 0) == (few_low, few_high)


def test_the_side_distance_is_that_of_the_longest_side() -> None:
    images = np.zeros((4, 28, 28), np.uint8)
    images[0, 4:24, 10:13] = 1
    images[1, 5, 3:28] = 255
    images[2, [0, 27], 14] = 9
    assert side_distance(images).tolist() == [0, 5, 8, 20]
