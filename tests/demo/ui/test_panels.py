"""The panel of an answer, as HTML."""

import re

import numpy as np
import pytest
from demo.ui.views.explanation import explanation

from demo.inference.answer import Answer
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed
from demo.ui.html import html_table, result_panel, wall
from demo.ui.texts import load_words

ENGLISH = load_words()["en"]
BAR = np.zeros((28, 28), np.uint8)
BAR[4:24, 12:16] = 255
SEEN = Preprocessed(np.zeros((28, 28), np.uint8), 28, 28, (0, 0, 0, 0), inverted=False)


def test_what_is_not_a_digit_gets_no_number(engine: Engine) -> None:
    answer = Answer("cat.png", "not a digit", 0.3217, -0.7459, 8, 0.4321, 0.0123, "model", "1", "provider")
    checked = Checked(answer, SEEN, (0.4321, *9 * [0.0631]))
    panel = result_panel(engine, checked, ENGLISH) + wall([(checked, b"")], ENGLISH)
    assert "Not a digit" in panel
    assert "Check cat.png, Not a digit" in panel
    assert not re.search(r"0\.\d{4}", panel)


def test_the_panel_shows_all_ten_probabilities(engine: Engine) -> None:
    probabilities = tuple(digit / 45 for digit in range(10))
    answer = Answer("one.png", "real", 0.1, -2.2, 9, 0.2, 0.99, "model", "1", "provider")
    panel = result_panel(engine, Checked(answer, SEEN, probabilities), ENGLISH)
    assert "reads as 9 (0.2000);" in panel
    assert re.findall(r'bar-number">([\d.]+)', panel) == [f"{each:.4f}" for each in probabilities]
    assert "reads as" not in result_panel(engine, Checked(answer, SEEN), ENGLISH)


def test_names_and_reasons_are_shown_as_text(engine: Engine) -> None:
    name = "<img src=x onerror=alert(1)>&amp;{0}.png"
    panel = result_panel(engine, Checked(Answer(name, error="<b>No.</b>"), None), ENGLISH)
    assert "<img" not in panel
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;amp;{0}.png" in panel
    assert "&lt;b&gt;No.&lt;/b&gt;" in panel


@pytest.mark.parametrize(
    ("model", "told"), [("mlp_discriminator", "not calibrated"), ("discriminator", "are calibrated")]
)
def test_the_words_fit_the_model(model: str, told: str) -> None:
    assert told in explanation(model, ENGLISH)
    assert len(re.findall("calibrated", explanation(model, ENGLISH))) == 1


def test_of_an_unknown_model_nothing_is_said_of_what_its_numbers_are_worth() -> None:
    assert "calibrated" not in explanation("somebody_s", ENGLISH)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (
            Preprocessed(BAR, 28, 28, (4, 12, 24, 16), inverted=False),
            "Given 28 wide and 28 high, the ink cut out (4 wide, 20 high): 28",
        ),
        (
            Preprocessed(BAR, 600, 400, (10, 300, 210, 340), inverted=True),
            "Given 400 wide and 600 high, bright paper made dark, the ink cut out (40 wide, 200 high), "
            "scaled to 20 pixels, moved to the middle: 28 by 28 pixels.",
        ),
        (
            Preprocessed(BAR, 40, 8, (0, 0, 40, 8), inverted=False),
            "Given 8 wide and 40 high, scaled to 20 pixels: 28 by",
        ),
    ],
)
def test_the_panel_says_what_was_done_to_the_picture(engine: Engine, seen: Preprocessed, told: str) -> None:
    answer = Answer("one.png", "real", 0.1, -2.2, 1, 0.9, 0.99, "model", "1", "provider")
    assert told in result_panel(engine, Checked(answer, seen), ENGLISH)


def test_a_tables_last_cell_reaches_to_its_edge() -> None:
    table = html_table(["", "real", "fake"], [("y", "0", "1"), ("batch", "0.5")], ['id="y"', 'id="all"'])
    assert '<tr><td></td><th scope="col">real</th><th scope="col">fake</th></tr>' in table
    assert '<tr id="y"><th scope="row">y</th><td>0</td><td>1</td></tr>' in table
    assert '<tr id="all"><th scope="row">batch</th><td colspan="2">0.5</td></tr>' in table
    assert html_table(["step", "loss"], [], []).count('<th scope="col">') == 2
