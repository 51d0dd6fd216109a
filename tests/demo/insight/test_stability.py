"""The stability strip: what handling does to a digit and its score."""

import numpy as np

from demo.inference.engine import Engine
from demo.insight.stability import HANDLINGS, handled


def test_each_handling_is_seen_and_scored_like_a_picture(engine: Engine) -> None:
    digit = engine.normalize(engine.generate("generator", 1, 3, 5)[0][..., np.newaxis])
    strip = handled(engine, digit)
    assert list(strip) == list(HANDLINGS)
    for each in strip.values():
        assert each.pixels is not None
        assert np.array_equal(engine.normalize(each.pixels[..., np.newaxis]), each.pixels)
        assert each.answer.fake_probability == engine.score(each.pixels[np.newaxis]).fake_probability[0]


def test_a_shift_is_undone_and_a_blur_is_not(engine: Engine) -> None:
    digit = engine.normalize(engine.generate("generator", 1, 3, 5)[0][..., np.newaxis])
    same = {
        name: each.pixels is not None and np.array_equal(each.pixels, digit)
        for name, each in handled(engine, digit).items()
    }
    assert same == {name: name == "shifted" for name in HANDLINGS}
