"""Calibrate a detector: from raw log-odds to probabilities, and from probabilities to verdicts.

A fully trained network is overconfident: Guo et al. 2017, https://arxiv.org/abs/1706.04599, divide the
logits by a temperature fitted on held-out pictures. An additional bias, as in Platt 1999 (Probabilistic
outputs for support vector machines), also corrects errors that lean towards one class.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_SCALE: Final = 1e-3
"""Above 0, so that calibration keeps the order of scores even for a detector worse than chance."""
MOST_STEPS: Final = 100
SMALLEST_STEP: Final = 1e-9

REALS_CALLED_FAKE: Final = 0.003
FAKES_CALLED_REAL: Final = 0.03
MANY: Final = 2000
"""Of a group with more pictures, the upper bound of the share counts rather than the observed one."""
CONFIDENCE: Final = 1.645
"""Standard deviations of a normal distribution that 95 % lie below."""
REALS_REFUSED: Final = 0.005
"""Half of the promised 1 %, because the share on other digits than the validation's varies by chance."""


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds of fake = scale * raw + bias; scale is above 0, 1 / scale is the temperature."""

    scale: float
    bias: float

    def logits(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated log-odds of fake, float32 [n], of a detector's raw ones."""
        calibrated: NDArray[np.float32] = np.float32(self.scale) * raw + np.float32(self.bias)
        return calibrated

    def probabilities(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return P(fake | x), float32 [n] in [0, 1], of a detector's raw log-odds."""
        probabilities: NDArray[np.float32] = sigmoid(self.logits(raw))
        return probabilities


def calibrate(real: Sequence[NDArray[np.floating]], fake: Sequence[NDArray[np.floating]]) -> Calibration:
    """Fit the calibration by maximum likelihood, with equal weight on reals and fakes, and on their groups.

    real, fake: raw log-odds [n] of validation pictures, by group. The targets are Platt's, a little inside 0
    and 1, so that separable classes give a finite scale.
    """
    raw = np.concatenate([*real, *fake]).astype(np.float64)
    ones = np.ones_like(raw)
    reals, fakes = (sum(map(len, groups)) for groups in (real, fake))
    targets = np.repeat([1 / (reals + 2), (fakes + 1) / (fakes + 2)], [reals, fakes])
    weights = np.concatenate(
        [np.full(len(each), 0.5 / len(groups) / len(each)) for groups in (real, fake) for each in groups]
    )
    scale, bias = fit_logistic(np.stack([raw, ones], 1), 0 * raw, targets, weights)
    if scale < LEAST_SCALE:
        scale = LEAST_SCALE
        (bias,) = fit_logistic(ones[:, None], scale * raw, targets, weights)
    return Calibration(float(scale), float(bias))


def fit_logistic(
    columns: NDArray[np.float64],
    offsets: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit a logistic regression of targets in (0, 1) [n] on columns [n, k] by Newton's method: [k].

    Each step is halved until it lowers the cost, which is convex (Lin, Lin and Weng 2007,
    https://doi.org/10.1007/s10994-007-5018-6).
    """

    def cost(coefficients: NDArray[np.float64]) -> float:
        logits = offsets + columns @ coefficients
        return float(weights @ (np.logaddexp(0, logits) - targets * logits))

    found = np.zeros(columns.shape[1])
    for _ in range(MOST_STEPS):
        chances = sigmoid(offsets + columns @ found)
        slope = columns.T @ (weights * (chances - targets))
        curvature = (columns.T * (weights * chances * (1 - chances))) @ columns
        # Least squares, because equal scores make the curvature singular.
        step = np.linalg.lstsq(curvature, slope)[0]
        while cost(found - step) > cost(found) and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        found = found - step
        if np.abs(step).max() <= SMALLEST_STEP:
            break
    return found


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the probabilities of log-odds, without overflow; any shape, any float type."""
    small = np.exp(-np.abs(logits))
    probabilities: NDArray[np.floating] = np.where(logits >= 0, 1, small) / (1 + small)
    return probabilities


@dataclass(frozen=True)
class Thresholds:
    """All in [0, 1]. Below `in_domain` it is not a digit; else fake from `fake` up, real up to `real`."""

    fake: float
    real: float
    in_domain: float


def choose_thresholds(
    real: Sequence[NDArray[np.float32]],
    fake: Sequence[NDArray[np.float32]],
    in_domain: Sequence[NDArray[np.float32]],
) -> Thresholds:
    """Choose thresholds from calibrated validation scores; 0.5 always lies between `real` and `fake`.

    real: P(fake | x) float32 [n] of each group of reals; at most `REALS_CALLED_FAKE` of each are called fake.
    fake: P(fake | x) float32 [n] of each group of fakes; on average over the groups, at most
    `FAKES_CALLED_REAL` are called real. in_domain: float32 [n] of each group of reals; at most
    `REALS_REFUSED` of each are refused. The rates may be exceeded by scores of exactly 1 or 0, which no
    threshold can separate.
    """
    fakes = np.concatenate(fake)
    order = np.argsort(fakes, kind="stable")
    weights = np.concatenate([np.full(len(each), 1 / len(fake) / len(each)) for each in fake])
    passed = int(np.searchsorted(np.cumsum(weights[order]), FAKES_CALLED_REAL, "right"))
    return Thresholds(
        fake=min(1.0, max(0.5, *(-below(np.sort(-group)[allowed(len(group))]) for group in real))),
        real=max(0.0, min(0.5, below(fakes[order[passed]]))),
        in_domain=min(float(np.sort(group)[int(REALS_REFUSED * len(group))]) for group in in_domain),
    )


def allowed(count: int) -> int:
    """Return how many of a group of reals may be called fake.

    For more than `MANY`, the upper 95 % bound of the share (Wilson 1927) is at most `REALS_CALLED_FAKE`.
    """
    most = int(REALS_CALLED_FAKE * count)
    while count > MANY and most > 0 and upper_bound(most, count) > REALS_CALLED_FAKE:
        most -= 1
    return most


def upper_bound(events: int, count: int) -> float:
    """Return Wilson's upper 95 % bound of a share of which `events` of `count` were observed."""
    share, square = events / count, CONFIDENCE**2 / count
    spread = CONFIDENCE * math.sqrt((share * (1 - share) + square / 4) / count)
    return (share + square / 2 + spread) / (1 + square)


def below(score: np.float32) -> float:
    """Return the next smaller float32."""
    return float(np.nextafter(score, np.float32(-np.inf)))
