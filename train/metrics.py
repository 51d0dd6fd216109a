"""How good a score is. Every score is P(fake) or a logit, so fakes are the positive class."""

import numpy as np
from numpy.typing import NDArray


def auroc(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Area under the ROC curve: the chance that a fake scores above a real one, ties counting half.

    The Mann-Whitney form, with mid-ranks (Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747).
    real, fake: scores [n] and [m], any order-preserving scale.
    """
    _, inverse, counts = np.unique(np.concatenate([real, fake]), return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = middle_ranks[inverse[len(real) :]].sum()
    return float((rank_sum - len(fake) * (len(fake) + 1) / 2) / (len(real) * len(fake)))
