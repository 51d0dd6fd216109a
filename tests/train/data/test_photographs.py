"""Synthetic photographs: repeatable, with the digit where they say, and in no look of the other split."""

import numpy as np
import pytest

from tests.support.handwriting import large_digits
from train.data.photographs import ANYTHING, CONDITIONS, LINES, PAPERS, PENS, TABLES, Look, photograph

DIGITS = [*large_digits()[0][:2]]
LOOKS: tuple[Look, ...] = ("train", "evaluation")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("condition", [*CONDITIONS, "anything"])
def test_a_photograph_shows_its_digits_where_it_says(look: Look, condition: str) -> None:
    kind = CONDITIONS.get(condition, ANYTHING)
    first, again = (photograph(DIGITS, look, kind, np.random.default_rng(1), (120, 160)) for _ in range(2))
    assert first.image.shape == (120, 160, 3)
    assert np.array_equal(first.image, again.image)
    assert first.boxes.shape == (2, 4)
    (_, _, _, left_end), (_, right_begin, _, _) = first.boxes
    assert left_end <= right_begin + 10
    outside = first.ink.copy()
    for top, left, bottom, right in first.boxes:
        assert bottom > top
        assert first.ink[top:bottom, left:right].max() > 200
        # Two pixels more: edges are smooth, but each pixel belongs to one digit.
        outside[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2] = 0
    assert outside.max() <= 64


@pytest.mark.parametrize("condition", ["plain paper", "blackboard", "dim", "marks beside it"])
def test_ink_differs_from_the_paper_around_it(condition: str) -> None:
    seen = photograph(DIGITS[:1], "evaluation", CONDITIONS[condition], np.random.default_rng(2), (200, 200))
    paper, ink = seen.image[seen.ink == 0].astype(float), seen.image[seen.ink > 200].astype(float)
    assert np.abs(np.median(ink, 0) - np.median(paper, 0)).max() > 10


def test_training_and_evaluation_share_no_colour() -> None:
    for looks in (PAPERS, PENS):
        assert looks["train"].keys() == looks["evaluation"].keys()
        for name, ranges in looks["train"].items():
            assert ranges != looks["evaluation"][name]
    assert LINES["train"] != LINES["evaluation"]
    assert TABLES["train"] != TABLES["evaluation"]
