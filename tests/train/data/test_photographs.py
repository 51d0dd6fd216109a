"""Synthetic photographs: repeatable, with the digit where they say, and in no look of the other split."""

import dataclasses

import numpy as np
import pytest

from export.conformance import strokes_of
from tests.support.handwriting import large_digits
from train.data.layouts import CUT, NEIGHBOUR, SMALL, Digit
from train.data.papers import MARKS, TABLES
from train.data.pendigits import Drawing
from train.data.photographs import ANYTHING, CONDITIONS, LINES, PAPERS, PENS, Photograph, photograph
from train.data.planes import Look
from train.data.screens import SCREENS, TIMES, WORDS
from train.data.styles import STYLES, styled

DRAWINGS = [
    Drawing(tuple(np.array(stroke, float) for stroke in strokes_of(digit)), digit, 0) for digit in (2, 7)
]
DIGITS: list[Digit] = [*large_digits()[0][:2], *DRAWINGS, large_digits()[0][2]]
LOOKS: tuple[Look, ...] = ("train", "evaluation")


def taken(condition: str, seed: int, look: Look = "train", count: int | None = None) -> Photograph:
    kind = CONDITIONS.get(condition, ANYTHING)
    count = kind.digits[0] if count is None else count
    return photograph(DIGITS[:count], look, kind, np.random.default_rng(seed), (160, 200))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("condition", [*CONDITIONS, "anything"])
def test_a_photograph_shows_its_digits_where_it_says(look: Look, condition: str) -> None:
    first, again = (taken(condition, 1, look) for _ in range(2))
    assert first.image.shape == (160, 200, 3)
    assert np.array_equal(first.image, again.image)
    outside = first.ink.copy()
    for number, (top, left, bottom, right) in enumerate(first.boxes.tolist(), 1):
        assert bottom > top
        assert (
            first.ink[top:bottom, left:right] * (first.numbers[top:bottom, left:right] == number)
        ).max() > 60
        # Two pixels more: edges are smooth, but each pixel belongs to one digit.
        outside[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2] = 0
    assert outside.max(initial=0) <= 64


@pytest.mark.parametrize("seed", range(20))
def test_a_photograph_knows_which_digits_are_complete(seed: int) -> None:
    for condition in ("plain paper", "filling the picture", "on a table", "scan", "phone screenshot"):
        assert taken(condition, seed).inside.tolist() == [1]
    assert 1 - CUT[1] - 0.1 < taken("cut off", seed).inside[0] < 1 - CUT[0] + 0.1
    complete, part = taken("neighbouring strokes", seed).inside
    assert complete == 1
    assert 0 < part < NEIGHBOUR[1] + 0.1
    assert taken("several touching", seed).inside.tolist() == [1, 1]
    assert taken("several scattered", seed, count=5).inside.tolist() == [1] * 5


@pytest.mark.parametrize("seed", range(10))
def test_layouts_are_what_they_are_called(seed: int) -> None:
    top, left, bottom, right = taken("filling the picture", seed).boxes[0]
    assert top == 0 or left == 0 or bottom == 160 or right == 200
    top, left, bottom, right = taken("too small", seed).boxes[0]
    assert max(bottom - top, right - left) <= SMALL[1] * 160 + 2
    one, other = taken("several scattered", seed).boxes
    assert (one[:2] > other[2:]).any() or (other[:2] > one[2:]).any()
    rows = dataclasses.replace(CONDITIONS["several touching"], layouts=("touching row",))
    touching = photograph(DIGITS[:2], "train", rows, np.random.default_rng(seed), (160, 200))
    one, other = (touching.ink > 64) & (touching.numbers == 1), (touching.ink > 64) & (touching.numbers == 2)
    wider = np.pad(one, 2)
    near = np.any([wider[y : y + 160, x : x + 200] for y in range(5) for x in range(5)], axis=0)
    assert (near & other).any()


@pytest.mark.parametrize("condition", ["plain paper", "blackboard", "dim", "marks beside it", *SCREENS])
def test_ink_differs_from_the_paper_around_it(condition: str) -> None:
    kind = CONDITIONS.get(condition) or dataclasses.replace(ANYTHING, kinds=(condition,), layouts=("one",))
    seen = photograph(DIGITS[:1], "evaluation", kind, np.random.default_rng(2), (200, 200))
    top, left, bottom, right = seen.boxes[0]
    near, ink_near = (each[top:bottom, left:right] for each in (seen.image, seen.ink))
    paper, ink = near[ink_near == 0].astype(float), near[ink_near > 200].astype(float)
    assert np.abs(np.median(ink, 0) - np.median(paper, 0)).max() > 10


def test_lines_are_as_wide_as_asked_for() -> None:
    for width, wide in ((0.01, 1), (0.2, 20)):
        kind = dataclasses.replace(CONDITIONS["hard brush"], width=(width, width))
        bar = [Drawing((np.array([[0.0, 0], [0, 1]]),), 1, 0)]
        seen = photograph(bar, "train", kind, np.random.default_rng(3), (300, 300))
        top, _, bottom, _ = seen.boxes[0]
        area, length = np.count_nonzero(seen.ink), bottom - top
        assert abs(100 * area / length**2 - wide) < 0.3 * wide + 100 / length
        assert set(np.unique(seen.ink)) == {0, 255}


@pytest.mark.parametrize("name", STYLES)
def test_styles_are_written_differently_each_time_and_by_each_split(name: str) -> None:
    def written(look: Look, seed: int) -> list[list[list[float]]]:
        return [stroke.tolist() for stroke in styled(name, look, np.random.default_rng(seed)).strokes]

    assert written("train", 4) == written("train", 4)
    assert written("train", 4) != written("train", 5)
    assert written("train", 4) != written("evaluation", 4)
    assert str(styled(name, "train", np.random.default_rng(0)).digit) in name


def test_training_and_evaluation_share_no_look() -> None:
    for looks in (PAPERS, PENS):
        assert looks["train"].keys() == looks["evaluation"].keys()
        for name, ranges in looks["train"].items():
            assert ranges != looks["evaluation"][name]
    assert LINES["train"] != LINES["evaluation"]
    assert TABLES["train"] != TABLES["evaluation"]
    assert MARKS["train"] != MARKS["evaluation"]
    for texts in (WORDS, TIMES):
        assert not {*texts["train"]} & {*texts["evaluation"]}
