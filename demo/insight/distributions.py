"""Where a score lies among those of digits held out from the training, real and generated."""

import bisect
import json
from dataclasses import dataclass
from typing import Any

from demo.contract import DISCRIMINATOR, EVALUATION_RECORD
from demo.inference.manifest import Manifest


@dataclass(frozen=True)
class Distribution:
    """The scores of one class of held-out digits.

    count: how many digits.
    bins: how many of them have P(fake | x) in each of equal parts of [0, 1].
    percentiles: the 0th to the 100th, 101 values that never fall.
    """

    count: int
    bins: tuple[int, ...]
    percentiles: tuple[float, ...]

    def share_below(self, fake_probability: float) -> float:
        """The share of these digits with a lower P(fake | x), in [0, 1], rounded down to a hundredth."""
        below = bisect.bisect_left(self.percentiles, fake_probability)
        return 1.0 if below == len(self.percentiles) else max(below - 1, 0) / 100


def load_distributions(manifest: Manifest, model: str) -> dict[str, Distribution]:
    """The published distributions of a model's scores: `real`, `pen` and `fake`; empty where there are none.

    Raises:
        ModelError: the report is missing, or is not the one that was published.
    """
    if model != DISCRIMINATOR or EVALUATION_RECORD not in manifest.files:
        return {}
    report: dict[str, Any] = json.loads(manifest.read(EVALUATION_RECORD))
    return {
        name: Distribution(each["count"], tuple(each["bins"]), tuple(each["percentiles"]))
        for name, each in report.get("distributions", {}).items()
    }
