"""Where a score lies among held-out digits'."""

import numpy as np
import pytest

from demo.contract import DISCRIMINATOR, EVALUATION_RECORD, MLP_DISCRIMINATOR
from demo.inference.engine import MODELS_FOLDER
from demo.inference.manifest import Manifest
from demo.insight.distributions import Distribution, load_distributions


@pytest.mark.parametrize("skew", [1, 4])
def test_the_share_is_that_of_the_scores_themselves(skew: int) -> None:
    scores = np.random.default_rng(0).random(5000) ** skew
    percentiles = tuple(np.percentile(scores, range(101)).tolist())
    distribution = Distribution(len(scores), (len(scores),), percentiles)
    for asked in (*np.random.default_rng(1).random(200), float(scores.max()), float(scores.min())):
        share = float(np.mean(scores < asked))
        assert share - 0.011 <= distribution.share_below(asked) <= share + 1e-9
    assert distribution.share_below(float(scores.max())) < 1
    assert distribution.share_below(float(scores.min())) == 0
    assert distribution.share_below(1.1) == 1


def test_the_published_ones_are_whole() -> None:
    found = load_distributions(Manifest.load(MODELS_FOLDER), DISCRIMINATOR)
    assert set(found) == {"real", "pen", "fake"}
    for each in found.values():
        assert sum(each.bins) == each.count
        assert len(each.percentiles) == 101
        assert list(each.percentiles) == sorted(each.percentiles)
    assert found["real"].percentiles[50] < found["fake"].percentiles[50]


def test_the_tutorial_s_model_and_folders_without_a_report_have_none() -> None:
    manifest = Manifest.load(MODELS_FOLDER)
    assert load_distributions(manifest, MLP_DISCRIMINATOR) == {}
    files = {name: each for name, each in manifest.files.items() if name != EVALUATION_RECORD}
    content = {"version": manifest.version, "files": files}
    assert load_distributions(Manifest(MODELS_FOLDER, content), DISCRIMINATOR) == {}
