"""The heat map: what covering a part of a digit does to its logit."""

import numpy as np

from demo.inference.engine import Engine
from demo.insight.occlusion import COVER, evidence


def test_a_pixel_s_evidence_is_the_mean_of_what_covering_it_takes_away(engine: Engine) -> None:
    digit = engine.generate("generator", 1, 3, 5)[0]
    found = evidence(engine, digit)
    assert found.shape == digit.shape
    assert found.dtype == np.float32
    logit = engine.score(digit[np.newaxis]).logit[0]
    row, column = np.unravel_index(np.abs(found).argmax(), found.shape)
    drops = []
    for top in range(0, 28 - COVER + 1, 2):
        for left in range(0, 28 - COVER + 1, 2):
            inside = top <= row < top + COVER and left <= column < left + COVER
            if inside and digit[top : top + COVER, left : left + COVER].any():
                covered = digit.copy()
                covered[top : top + COVER, left : left + COVER] = 0
                drops.append(logit - engine.score(covered[np.newaxis]).logit[0])
    assert drops
    np.testing.assert_allclose(found[row, column], np.mean(drops), rtol=1e-4, atol=1e-4)


def test_without_ink_nothing_speaks(engine: Engine) -> None:
    assert not evidence(engine, np.zeros((28, 28), np.uint8)).any()
