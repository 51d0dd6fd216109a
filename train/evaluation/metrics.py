"""Metrics of a score that is P(fake) or a logit of it: fakes are the positive class."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

INTERVAL: Final = 0.95
LONGEST_SIDE: Final = 20
"""Of almost every digit in MNIST, in pixels."""


def auroc(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Area under the ROC curve: the probability that a fake scores above a real one; ties count half.

    The Mann-Whitney form with mid-ranks (Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747).
    real, fake: scores [n] and [m], at least one of each, on any order-preserving scale.
    """
    _, inverse, counts = np.unique(np.concatenate([real, fake]), return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = middle_ranks[inverse[len(real) :]].sum()
    return float((rank_sum - len(fake) * (len(fake) + 1) / 2) / (len(real) * len(fake)))


def true_positive_rate(
    real: NDArray[np.floating], fake: NDArray[np.floating], false_positive_rate: float = 0.01
) -> float:
    """Share of fakes that score above all but a given share of reals, in [0, 1].

    real, fake: scores [n] and [m], at least one of each, on any order-preserving scale.
    false_positive_rate: from 0 to below 1; never exceeded, even with ties or few reals.
    """
    passed = np.sort(real)[::-1][int(false_positive_rate * len(real))]
    return float(np.mean(fake > passed))


class Reliability(NamedTuple):
    """Points of a reliability diagram, each [bins].

    probability: mean P(fake | x). share: of fakes. pictures: int64, how many.
    """

    probability: NDArray[np.float64]
    share: NDArray[np.float64]
    pictures: NDArray[np.int64]


def reliability(probability: NDArray[np.floating], label: NDArray[np.integer], bins: int = 15) -> Reliability:
    """Mean prediction and share of fakes in bins of equal mass; tied probabilities give fewer bins.

    probability: P(fake | x) [n] in [0, 1]. label: [n], 1 for fake and 0 for real. Equal probabilities share
    a bin, so the order of the pictures does not matter. Equal mass: Nixon et al. 2019,
    https://arxiv.org/abs/1904.01685.
    """
    edges = np.quantile(probability, np.arange(1, bins) / bins, method="higher")
    members = np.searchsorted(edges, probability, side="right")
    count = np.bincount(members, minlength=bins)
    filled = count > 0
    return Reliability(
        probability=np.bincount(members, probability, bins)[filled] / count[filled],
        share=np.bincount(members, label, bins)[filled] / count[filled],
        pictures=count[filled],
    )


def expected_calibration_error(
    probability: NDArray[np.floating], label: NDArray[np.integer], bins: int = 15
) -> float:
    """Mean distance between prediction and share of fakes over bins of equal mass, in [0, 1]; 0 is best.

    Arguments as for `reliability`. Even for perfect predictions, chance leaves up to about
    sqrt(bins / (2 pi n)). Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    points = reliability(probability, label, bins)
    return float(np.average(np.abs(points.probability - points.share), weights=points.pictures))


def bootstrap(
    function: Callable[[NDArray[np.floating], NDArray[np.floating]], float],
    real: NDArray[np.floating],
    fake: NDArray[np.floating],
    rounds: int,
    seed: int,
) -> tuple[float, float]:
    """Bounds of the 95 % interval of a figure over resampled reals and fakes.

    function: of scores [n, ...] and [m, ...]. Both classes are resampled with replacement at their own size;
    all scores of one picture stay together. Efron 1979, https://doi.org/10.1214/aos/1176344552, percentiles.
    """
    random = np.random.default_rng(seed)
    figures = [
        function(
            real[random.integers(0, len(real), len(real))], fake[random.integers(0, len(fake), len(fake))]
        )
        for _ in range(rounds)
    ]
    low, high = np.quantile(figures, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return float(low), float(high)


def side_distance(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Distance of the ink's longest side from MNIST's 20 pixels: a trivial score that any detector must beat.

    images: uint8 [n, height, width]; ink is above 0. Returns float64 [n], 20 without ink.
    """
    longest = np.maximum(extents(images.max(1) > 0), extents(images.max(2) > 0))
    distance: NDArray[np.float64] = np.abs(longest - LONGEST_SIDE).astype(np.float64)
    return distance


def extents(inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Length from the first to the last true of each row, both included: bool [n, length] → int64 [n]."""
    length = inked.shape[1]
    span: NDArray[np.int64] = length - inked.argmax(1) - inked[:, ::-1].argmax(1)
    return np.where(inked.any(1), span, 0)
