"""Where scores lie among those of pictures that nobody learnt from: what one score is read against."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.evaluation.eval_set import DOOR, MNIST, PEN, Exam
from train.evaluation.tables import Judgement

BINS: Final = 40
"""Of equal width over [0, 1]."""
PERCENTILES: Final = 100


def distribution_figures(
    exam: Exam, kinds: Mapping[str, str], judge: Callable[[str, str], Judgement]
) -> dict[str, dict[str, Any]]:
    """P(fake | x) of held-out test digits (`real`), pen digits (`pen`, where there are any), fakes (`fake`).

    All through the door, none changed as in the wild, and whatever the verdict. Fakes are those of all
    generators together, as many of each as the exam asks about. kinds: generator → its kind.
    """
    groups = {"real": [MNIST], "pen": [PEN] if (PEN, DOOR) in exam.pictures else [], "fake": list(kinds)}
    return {
        name: distribution(np.concatenate([judge(group, DOOR).probability for group in members]))
        for name, members in groups.items()
        if members
    }


def distribution(probability: NDArray[np.floating]) -> dict[str, Any]:
    """How probabilities [n] in [0, 1] are spread, n at least 1.

    count: n. bins: how many lie in each of `BINS`, int [40]; an edge belongs to the bin above it, but 1 to
    the last. percentiles: from the 0th, the least, to the 100th, the largest, float [101].
    """
    counts, _ = np.histogram(probability, BINS, (0, 1))
    shares = np.linspace(0, 1, PERCENTILES + 1)
    return {
        "count": len(probability),
        "bins": counts.tolist(),
        "percentiles": np.quantile(probability.astype(np.float64), shares).tolist(),
    }
