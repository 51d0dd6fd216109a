"""What stands behind a score: comparable scores, the heat map, stability."""

import numpy as np
import pytest

from demo.contract import DISCRIMINATOR, EVALUATION_RECORD, MLP_DISCRIMINATOR
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from demo.insight.why import (
    CHANGES,
    COVER_SIDE,
    Distribution,
    check_changed,
    load_distributions,
    occlusion_map,
)


@pytest.mark.parametrize("skew", [1, 4])
def test_the_share_below_a_score_is_right_to_a_hundredth(skew: int) -> None:
    scores = np.random.default_rng(0).random(5000) ** skew
    percentiles = tuple(np.percentile(scores, range(101)).tolist())
    distribution = Distribution(len(scores), (len(scores),), percentiles)
    for score in (*np.random.default_rng(1).random(200), float(scores.max()), float(scores.min())):
        share = float(np.mean(scores < score))
        assert share - 0.011 <= distribution.share_below(score) <= share + 1e-9
    assert distribution.share_below(float(scores.max())) < 1
    assert distribution.share_below(1.1) == 1


def test_distributions_are_published_for_the_detector_only() -> None:
    manifest = Manifest.load(MODELS_FOLDER)
    found = load_distributions(manifest, DISCRIMINATOR)
    assert set(found) == {"real", "pen", "fake"}
    for each in found.values():
        assert sum(each.bins) == each.count
        assert len(each.percentiles) == 101
        assert list(each.percentiles) == sorted(each.percentiles)
    assert found["real"].percentiles[50] < found["fake"].percentiles[50]
    assert load_distributions(manifest, MLP_DISCRIMINATOR) == {}
    files = {name: each for name, each in manifest.files.items() if name != EVALUATION_RECORD}
    unevaluated = Manifest(MODELS_FOLDER, {"version": manifest.version, "files": files})
    assert load_distributions(unevaluated, DISCRIMINATOR) == {}


def test_a_pixel_contributes_the_mean_drop_of_the_logit_when_it_is_covered(engine: Engine) -> None:
    digit = engine.generate("generator", 1, 3, 5)[0]
    found = occlusion_map(engine, digit)
    assert found.shape == digit.shape
    assert found.dtype == np.float32
    logit = engine.score(digit[np.newaxis]).logit[0]
    row, column = np.unravel_index(np.abs(found).argmax(), found.shape)
    drops = []
    for top in range(0, 28 - COVER_SIDE + 1, 2):
        for left in range(0, 28 - COVER_SIDE + 1, 2):
            inside = top <= row < top + COVER_SIDE and left <= column < left + COVER_SIDE
            if inside and digit[top : top + COVER_SIDE, left : left + COVER_SIDE].any():
                covered = digit.copy()
                covered[top : top + COVER_SIDE, left : left + COVER_SIDE] = 0
                drops.append(logit - engine.score(covered[np.newaxis]).logit[0])
    np.testing.assert_allclose(found[row, column], np.mean(drops), rtol=1e-4, atol=1e-4)
    assert not occlusion_map(engine, np.zeros((28, 28), np.uint8)).any()


def test_changed_digits_are_preprocessed_and_scored_like_any_picture(engine: Engine) -> None:
    digit = engine.normalize(engine.generate("generator", 1, 3, 5)[0][..., np.newaxis])
    changed = check_changed(engine, digit)
    assert list(changed) == list(CHANGES)
    for name, each in changed.items():
        assert each.pixels is not None
        assert each.answer.fake_probability == engine.score(each.pixels[np.newaxis]).fake_probability[0]
        # Preprocessing undoes a shift.
        assert np.array_equal(each.pixels, digit) == (name == "shifted")
