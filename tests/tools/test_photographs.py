"""The battery of photographs in small; `python -m tests.tools.photographs` takes all of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.inference.engine import Engine
from tests.support.handwriting import large_digits
from tests.tools.photographs import (
    CASES,
    Answer,
    Pool,
    agreement,
    answer_of,
    judged,
    matched,
    refused_row,
    save_sheet,
    show,
    single_row,
    taken,
)
from train.normalize import NONE, SEVERAL_DIGITS

IMAGES, LABELS = large_digits()
POOL = Pool(IMAGES, LABELS.astype(np.int64), [])


def test_the_published_models_read_a_clean_photograph(engine: Engine, tmp_path: Path) -> None:
    outcomes = []
    for index in range(12):
        photo, label = taken("plain paper", index, POOL)
        outcomes.append(judged(NONE, index, photo, label, answer_of(engine, photo.image)))
    assert sum(each.right for each in outcomes) >= 10
    row = single_row("plain paper", outcomes)
    assert row.cells[:2] == ("plain paper", "12")
    save_sheet("plain paper", outcomes, tmp_path, POOL)
    with Image.open(tmp_path / "plain-paper.png") as sheet:
        assert sheet.size[0] > 1000


def test_agreement_is_the_intersection_over_union() -> None:
    assert agreement((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert agreement((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert agreement((0, 0, 10, 10), (20, 20, 30, 30)) == 0
    assert agreement((0, 0, 0, 0), (0, 0, 0, 0)) == 0
    # A thin line's box may be a pixel wider.
    assert agreement((0, 0, 40, 3), (0, 0, 40, 5)) < 0.7 < agreement((0, 0, 40, 3), (0, 0, 40, 5), 2)


def test_each_of_several_digits_needs_a_box_of_its_own() -> None:
    true = np.array([[0, 0, 10, 10], [0, 20, 10, 30]])
    assert matched(true, true[::-1]) == 1
    assert matched(true, np.array([[0, 0, 10, 10], [0, 1, 10, 11]])) == 0
    assert matched(true, true[:1]) == 0


def answer(box: tuple[int, ...], digit: int, reason: int, boxes: object = ()) -> Answer:
    found = np.array(boxes, np.int64).reshape(-1, 4)
    return Answer(np.zeros((28, 28), np.uint8), box, digit, False, False, reason, found)


def test_a_digit_is_right_if_it_is_isolated_read_and_not_refused() -> None:
    photo, label = taken("plain paper", 0, POOL)
    box = tuple(photo.boxes[0].tolist())
    elsewhere = (0, 0, *photo.image.shape[:2])
    assert judged(NONE, 0, photo, label, answer(box, label, 0)).right
    assert not judged(NONE, 0, photo, label, answer(box, label, SEVERAL_DIGITS)).right
    assert not judged(NONE, 0, photo, label, answer(elsewhere, label, 0)).right
    assert not judged(NONE, 0, photo, label, answer(box, label + 1, 0)).right


def test_several_digits_need_the_reason_and_the_boxes(capsys: pytest.CaptureFixture[str]) -> None:
    name = "several in a row"
    photo, label = taken(name, 0, POOL)
    boxes = photo.boxes.tolist()
    right, unsaid, unfound = (
        judged(CASES[name].reason, 0, photo, label, answer((0, 0, 0, 0), 0, reason, found))
        for reason, found in ((SEVERAL_DIGITS, boxes), (NONE, boxes), (SEVERAL_DIGITS, boxes[1:]))
    )
    fates = [(each.isolated, each.read) for each in (right, unsaid, unfound)]
    assert fates == [(True, True), (False, True), (True, False)]
    assert not show([refused_row(name, [right])], "kind")
    assert show([refused_row(name, [right, unsaid, unfound])], "kind")
    assert "none 33.3, several digits 66.7" in capsys.readouterr().out
