"""How good a score is. Every score is P(fake) or a logit, so fakes are the positive class."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

INTERVAL: Final = 0.95
LONGEST_SIDE: Final = 20
"""Of every digit in MNIST but a few, in pixels."""


def auroc(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Area under the ROC curve: the chance that a fake scores above a real one, ties counting half.

    The Mann-Whitney form, with mid-ranks (Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747).
    real, fake: scores [n] and [m], at least one of each, any order-preserving scale.
    """
    _, inverse, counts = np.unique(np.concatenate([real, fake]), return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = middle_ranks[inverse[len(real) :]].sum()
    return float((rank_sum - len(fake) * (len(fake) + 1) / 2) / (len(real) * len(fake)))


def true_positive_rate(
    real: NDArray[np.floating], fake: NDArray[np.floating], false_positive_rate: float = 0.01
) -> float:
    """Share of fakes that score above all but a given share of reals, in [0, 1].

    real, fake: scores [n] and [m], at least one of each, any order-preserving scale. The share of reals,
    from 0 and below 1, is kept, never passed, where their number does not divide by it or scores are tied.
    """
    passed = np.sort(real)[::-1][int(false_positive_rate * len(real))]
    return float(np.mean(fake > passed))


class Reliability(NamedTuple):
    """Points of a reliability diagram, each [bins]: what was predicted, what was so, how many there were.

    probability: mean P(fake | x); share: of fakes; pictures: int64, how many.
    """

    probability: NDArray[np.float64]
    share: NDArray[np.float64]
    pictures: NDArray[np.int64]


def reliability(probability: NDArray[np.floating], label: NDArray[np.integer], bins: int = 15) -> Reliability:
    """Mean prediction and share of fakes in bins of equal mass; fewer bins where probabilities are tied.

    probability: P(fake | x) [n] in [0, 1]. label: [n], 1 for fake and 0 for real. Equal probabilities share
    a bin, so the order of the pictures makes no difference. Equal mass: Nixon et al. 2019,
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

    Arguments as `reliability` takes them. Even on perfect predictions chance leaves about
    sqrt(bins / (2 pi n)) at most. Guo et al. 2017, https://arxiv.org/abs/1706.04599.
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
    """The interval, low and high, that holds 95 % of a figure's values over resampled reals and fakes.

    function: of scores [n, ...] and [m, ...], the figure. Both classes are drawn with replacement, each as
    many as there are, what belongs to one picture together: Efron 1979,
    https://doi.org/10.1214/aos/1176344552, by percentiles.
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


def ruler(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The score of whoever only measures: how far the longest side of the ink is from MNIST's 20 pixels.

    images: uint8 [n, height, width], ink being all above 0. Returns float64 [n], 20 where there is no ink.
    """
    longest = np.maximum(extents(images.max(1) > 0), extents(images.max(2) > 0))
    distance: NDArray[np.float64] = np.abs(longest - LONGEST_SIDE).astype(np.float64)
    return distance


def extents(inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last true of each row, both counted: int64 [n] of bool [n, length]; or 0."""
    length = inked.shape[1]
    span: NDArray[np.int64] = length - inked.argmax(1) - inked[:, ::-1].argmax(1)
    return np.where(inked.any(1), span, 0)
