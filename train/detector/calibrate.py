"""Calibrate a detector: from raw log-odds to probabilities, and from probabilities to verdicts.

A fully trained network is overconfident: Guo et al. 2017, https://arxiv.org/abs/1706.04599, divide the
logits by a temperature fitted on held-out pictures. An additional bias, as in Platt 1999 (Probabilistic
outputs for support vector machines), also corrects errors that lean towards one class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_SCALE: Final = 1e-3
"""Above 0, so that calibration keeps the order of scores even for a detector worse than chance."""
MOST_STEPS: Final = 100
SMALLEST_STEP: Final = 1e-9

REALS_CALLED_FAKE: Final = 0.005
FAKES_CALLED_REAL: Final = 0.01
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


def calibrate(real: NDArray[np.floating], fake: NDArray[np.floating]) -> Calibration:
    """Fit the calibration by maximum likelihood, with equal weight on reals and fakes.

    real, fake: raw log-odds [n] and [m] of validation pictures. The targets are Platt's, a little inside 0
    and 1, so that separable classes give a finite scale.
    """
    raw = np.concatenate([real, fake]).astype(np.float64)
    ones = np.ones_like(raw)
    targets = np.repeat([1 / (len(real) + 2), (len(fake) + 1) / (len(fake) + 2)], [len(real), len(fake)])
    weights = np.repeat([0.5 / len(real), 0.5 / len(fake)], [len(real), len(fake)])
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
    real: Mapping[str, NDArray[np.float32]],
    fake: NDArray[np.float32],
    in_domain: Mapping[str, NDArray[np.float32]],
) -> Thresholds:
    """Choose thresholds from calibrated validation scores; 0.5 always lies between `real` and `fake`.

    real: group of reals (MNIST, pen …) → P(fake | x) float32 [n]; at most 0.5 % of each are called fake.
    fake: P(fake | x) float32 [m]; at most 1 % are called real.
    in_domain: group of reals → in_domain float32 [n]; at most 0.5 % of each are refused.
    The rates may be exceeded by scores of exactly 1 or 0, which no threshold can separate.
    """
    return Thresholds(
        fake=min(1.0, max(0.5, *(-just_below(-group, REALS_CALLED_FAKE) for group in real.values()))),
        real=max(0.0, min(0.5, just_below(fake, FAKES_CALLED_REAL))),
        in_domain=min(lower_quantile(group, REALS_REFUSED) for group in in_domain.values()),
    )


def just_below(scores: NDArray[np.float32], share: float) -> float:
    """Return the largest float32 that at most a share of the scores do not exceed."""
    return float(np.nextafter(np.float32(lower_quantile(scores, share)), np.float32(-np.inf)))


def lower_quantile(scores: NDArray[np.float32], share: float) -> float:
    """Return the largest of the scores that at most a share of them lie below."""
    return float(np.sort(scores)[int(share * len(scores))])
