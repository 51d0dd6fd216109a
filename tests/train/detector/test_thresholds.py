"""Thresholds keep their rates on the scores that they are set by, ties and short groups included."""

import numpy as np
import pytest

from train.detector.thresholds import FAKES_CALLED_REAL, REALS_CALLED_FAKE, REALS_REFUSED, thresholds

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("decimals", [7, 2])
def test_rates_hold_in_the_worst_group_and_the_thresholds_are_no_wider_than_that(decimals: int) -> None:
    def drawn(one: float, other: float, count: int) -> np.ndarray:
        return RANDOM.beta(one, other, count).round(decimals).astype(np.float32)

    real = {"mnist": drawn(1, 3, 5000), "pen": drawn(2, 3, 777)}
    fake, in_domain = drawn(3, 1, 5000), {"mnist": drawn(9, 1, 5000), "pen": drawn(5, 1, 777)}
    found = thresholds(real, fake, in_domain)
    assert 0 < found.real < 0.5 < found.fake < 1

    called_fake = [np.mean(group >= found.fake) for group in real.values()]
    assert max(called_fake) <= REALS_CALLED_FAKE
    assert np.mean(fake <= found.real) <= FAKES_CALLED_REAL
    assert max(np.mean(group < found.in_domain) for group in in_domain.values()) <= REALS_REFUSED

    step = 2 * 10.0**-decimals
    assert max(np.mean(group >= found.fake - max(step, 0.02)) for group in real.values()) > REALS_CALLED_FAKE
    assert np.mean(fake <= found.real + max(step, 0.02)) > FAKES_CALLED_REAL


def test_classes_far_apart_leave_nothing_unsure() -> None:
    far = thresholds(
        {"mnist": np.full(100, 0.01, np.float32)},
        np.full(100, 0.99, np.float32),
        {"mnist": np.ones(100, np.float32)},
    )
    assert (far.fake, far.real, far.in_domain) == (0.5, 0.5, 1)


def test_thresholds_stay_within_probabilities() -> None:
    hopeless = thresholds(
        {"mnist": np.ones(100, np.float32)}, np.zeros(100, np.float32), {"mnist": np.zeros(100, np.float32)}
    )
    assert (hopeless.fake, hopeless.real, hopeless.in_domain) == (1, 0, 0)


def test_an_empty_group_is_refused() -> None:
    some = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="every group"):
        thresholds({"mnist": some, "pen": some[:0]}, some, {"mnist": some})
