"""From a detector's raw log-odds to a percentage that means what it says.

A network trained to the end is surer than it is right: Guo et al. 2017, https://arxiv.org/abs/1706.04599,
who divide the logits by a temperature fitted on held-out pictures. With a bias beside it, as in Platt
1999 (Probabilistic outputs for support vector machines), an error that leans to one class is mended too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_SCALE: Final = 1e-3
"""So that the order of scores is kept, even of a detector that ranks worse than chance."""
MOST_STEPS: Final = 100
SMALLEST_STEP: Final = 1e-9


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds of fake = scale * raw + bias; scale is above 0, 1 / scale is the temperature."""

    scale: float
    bias: float

    def logits(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated log-odds of fake, float32 [n], of a detector's raw ones."""
        calibrated: NDArray[np.float32] = np.float32(self.scale) * raw + np.float32(self.bias)
        return calibrated

    def probabilities(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """P(fake | x), float32 [n] in [0, 1], of a detector's raw log-odds."""
        probabilities: NDArray[np.float32] = sigmoid(self.logits(raw))
        return probabilities


def calibrate(real: NDArray[np.floating], fake: NDArray[np.floating]) -> Calibration:
    """The calibration that is likeliest on validation pictures, reals and fakes counted alike.

    real, fake: raw log-odds [n] and [m] of pictures that the detector did not learn from. The targets are
    Platt's, a little inside 0 and 1, so that classes without overlap give no infinite scale.

    Raises:
        ValueError: there are no reals or no fakes.
    """
    if not len(real) or not len(fake):
        raise ValueError("Calibration takes reals and fakes of a validation split; give some of both.")
    raw = np.concatenate([real, fake]).astype(np.float64)
    ones = np.ones_like(raw)
    targets = np.repeat([1 / (len(real) + 2), (len(fake) + 1) / (len(fake) + 2)], [len(real), len(fake)])
    weights = np.repeat([0.5 / len(real), 0.5 / len(fake)], [len(real), len(fake)])
    scale, bias = logistic(np.stack([raw, ones], 1), 0 * raw, targets, weights)
    if scale < LEAST_SCALE:
        scale = LEAST_SCALE
        (bias,) = logistic(ones[:, None], scale * raw, targets, weights)
    return Calibration(float(scale), float(bias))


def logistic(
    columns: NDArray[np.float64],
    offsets: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Coefficients [k] of the logistic regression of targets in (0, 1) [n] on columns [n, k], by Newton.

    Each step is halved until it lowers the cost, a convex one (Lin, Lin and Weng 2007,
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
        # Scores that are all alike bend the cost in one direction only.
        step = np.linalg.lstsq(curvature, slope)[0]
        while cost(found - step) > cost(found) and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        found = found - step
        if np.abs(step).max() <= SMALLEST_STEP:
            break
    return found


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Probabilities of log-odds, without overflow; any shape, any float type."""
    small = np.exp(-np.abs(logits))
    probabilities: NDArray[np.floating] = np.where(logits >= 0, 1, small) / (1 + small)
    return probabilities
