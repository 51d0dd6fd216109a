"""What enlarging a picture costs: the pixels that come back from the normaliser, and the verdicts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.inference.engine import Engine
from export.pictures import FILTERS

FACTORS = (2, 3, 5, 8, 13, 20)


def measure_enlarged(engine: Engine, digits: NDArray[np.uint8]) -> dict[str, Any]:
    """Enlarge digits uint8 [n, 28, 28] by every filter and factor, and let the engine see them again.

    Returns, per filter, the mean difference in levels from the digit as it was, the largest of a
    factor's means, and the share of verdicts that changed, over all factors.
    """
    before = engine.score(digits).fake_probability
    report = {}
    for resampling in FILTERS:
        means, flips = [], []
        for factor in FACTORS:
            size = (digits.shape[2] * factor, digits.shape[1] * factor)
            large = (np.asarray(Image.fromarray(digit).resize(size, resampling)) for digit in digits)
            seen = np.stack([engine.normalize(each[..., np.newaxis]) for each in large])
            means.append(float(np.abs(seen.astype(int) - digits).mean()))
            after = engine.score(seen).fake_probability
            threshold = engine.thresholds.fake
            flips.append(float(np.mean((before >= threshold) != (after >= threshold))))
        report[resampling.name.lower()] = {
            "digits": len(digits),
            "mean_difference": float(np.mean(means)),
            "worst_factors_mean": max(means),
            "verdict_flips": float(np.mean(flips)),
        }
    return report
