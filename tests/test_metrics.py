"""AUROC against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from train.metrics import auroc


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_is_scikit_learns(ties: bool) -> None:
    random = np.random.default_rng(0)
    real, fake = random.normal(0, 1, 500), random.normal(0.7, 1, 300)
    if ties:
        real, fake = real.round(), fake.round()
    expected = roc_auc_score([0] * 500 + [1] * 300, np.concatenate([real, fake]))
    assert auroc(real, fake) == pytest.approx(expected, abs=1e-12)


def test_auroc_of_all_equal_scores_is_a_half() -> None:
    assert auroc(np.zeros(7), np.zeros(3)) == 0.5
