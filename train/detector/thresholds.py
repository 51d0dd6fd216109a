"""Where the verdict turns: thresholds at stated rates of error on validation pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

REALS_CALLED_FAKE: Final = 0.005
FAKES_CALLED_REAL: Final = 0.01
REALS_REFUSED: Final = 0.005
"""Half of the 1 % that is promised: on other digits than the validation's the share varies by chance."""


@dataclass(frozen=True)
class Thresholds:
    """All in [0, 1]. A picture is no digit below `in_domain`, else fake from `fake` on, real up to `real`."""

    fake: float
    real: float
    in_domain: float


def thresholds(
    real: Mapping[str, NDArray[np.float32]],
    fake: NDArray[np.float32],
    in_domain: Mapping[str, NDArray[np.float32]],
) -> Thresholds:
    """Thresholds by calibrated scores of validation pictures, with even odds always between the first two.

    real: group of reals (MNIST, pen …) → P(fake | x) float32 [n]; at most 0.5 % of each are called fake.
    fake: P(fake | x) float32 [m]; at most 1 % are called real.
    in_domain: group of reals → in_domain float32 [n]; at most 0.5 % of each are refused.
    Scores of exactly 1 or 0 cannot be told from certainty: where more reals than that have 1, it is fake
    all the same, and where more fakes than that have 0, it is real.

    Raises:
        ValueError: there are no groups, or one is empty.
    """
    if not real or not in_domain or not all(map(len, (*real.values(), fake, *in_domain.values()))):
        raise ValueError("Thresholds take validation scores of every group; give at least one of each.")
    return Thresholds(
        fake=min(1.0, max(0.5, *(-just_below(-group, REALS_CALLED_FAKE) for group in real.values()))),
        real=max(0.0, min(0.5, just_below(fake, FAKES_CALLED_REAL))),
        in_domain=min(tail_end(group, REALS_REFUSED) for group in in_domain.values()),
    )


def just_below(scores: NDArray[np.float32], share: float) -> float:
    """The largest float32 that at most a share of the scores are equal to or below."""
    return float(np.nextafter(np.float32(tail_end(scores, share)), np.float32(-np.inf)))


def tail_end(scores: NDArray[np.float32], share: float) -> float:
    """The largest of the scores that at most a share of them lie below."""
    return float(np.sort(scores)[int(share * len(scores))])
