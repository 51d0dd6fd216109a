"""The HTML of answers, tables and charts."""

import re

import numpy as np

from demo.inference.answer import Answer
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed
from demo.ui.html import digit_grid, pixels_image, result_panel, signed_image, table
from demo.ui.texts import load_texts
from demo.ui.views.check import explanation
from demo.ui.views.learn_panels import Line, line_chart

ENGLISH = load_texts()["en"]
BAR = np.zeros((28, 28), np.uint8)
BAR[4:24, 12:16] = 255
BLANK = Preprocessed(np.zeros((28, 28), np.uint8), 28, 28, (0, 0, 0, 0), inverted=False)
REAL = Answer("one.png", "real", None, 0.1, -2.2, 9, 0.2, 0.99, "model", "1", "provider")


def test_a_picture_that_is_not_a_digit_gets_no_number(engine: Engine) -> None:
    answer = Answer("cat.png", "not a digit", "cut off", in_domain=0.0123, model="model", version="1")
    checked = Checked(answer, BLANK)
    panel = result_panel(engine, checked, ENGLISH) + digit_grid([(checked, b"")], ENGLISH)
    assert 'result-verdict">Cut off<' in panel
    assert "The digit is cut off at the edge of the picture. Take the picture again" in panel
    assert "Check cat.png, Not a digit" in panel
    assert not re.search(r"0\.\d{4}", panel)


def test_names_and_reasons_are_escaped(engine: Engine) -> None:
    name = "<img src=x onerror=alert(1)>&amp;{0}.png"
    panel = result_panel(engine, Checked(Answer(name, error="<b>No.</b>"), None), ENGLISH)
    assert "<img" not in panel
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;amp;{0}.png" in panel
    assert "&lt;b&gt;No.&lt;/b&gt;" in panel


def test_the_panel_lists_the_preprocessing_steps(engine: Engine) -> None:
    for seen, steps in (
        (
            Preprocessed(BAR, 28, 28, (4, 12, 24, 16), inverted=False),
            "is 28 pixels wide and 28 high, cropped to the ink (4 wide, 20 high); the result is 28",
        ),
        (
            Preprocessed(BAR, 600, 400, (10, 300, 210, 340), inverted=True),
            "is 400 pixels wide and 600 high, inverted to bright ink on dark, cropped to the ink (40 wide, "
            "200 high), scaled to 20 pixels, centred; the result is 28 &times; 28 pixels.",
        ),
    ):
        assert steps in result_panel(engine, Checked(REAL, seen), ENGLISH)


def test_the_explanation_fits_the_model() -> None:
    assert "are not calibrated" in explanation("mlp_discriminator", ENGLISH)
    assert "are calibrated" in explanation("discriminator", ENGLISH)
    assert "calibrated" not in explanation("somebody_s", ENGLISH)


def test_the_last_cell_of_a_table_spans_the_remaining_columns() -> None:
    content = table(["", "real", "fake"], [("y", "0", "1"), ("batch", "0.5")], ['id="y"', 'id="all"'])
    assert '<tr><td></td><th scope="col">real</th><th scope="col">fake</th></tr>' in content
    assert '<tr id="y"><th scope="row">y</th><td>0</td><td>1</td></tr>' in content
    assert '<tr id="all"><th scope="row">batch</th><td colspan="2">0.5</td></tr>' in content


def test_a_chart_draws_points_and_dots_at_their_values() -> None:
    lines = [Line("yours", [(0, 0), (0.25, 2), (1, 4)], [0, 1, 4]), Line("high", [(0, 9)], [9])]
    chart = line_chart(lines, 4, (2, "half"), "A chart", [0, 10, 1000])
    assert 'role="img" aria-label="A chart"' in chart
    assert 'points="0.00,100.00 25.00,50.00 100.00,0.00"' in chart
    assert 'points="0.00,0.00"' in chart, "values above the top are drawn at the top"
    assert re.findall(r'yours" data-stop="(\d)" d="M([\d.]+),([\d.]+)h0"', chart) == [
        ("0", "0.00", "100.00"),
        ("1", "50.00", "75.00"),
        ("2", "100.00", "0.00"),
    ]
    assert "--level:50.00%" in chart
    assert "<span>0</span><span>1,000</span>" in chart


def test_signed_numbers_are_orange_above_zero_and_green_below() -> None:
    for values, expected in (
        (np.array([[2, 0, -1]], np.float32), [[[251, 146, 60], [0, 0, 0], [37, 111, 64]]]),
        (np.array([[-128, 127]], np.int8), [[[74, 222, 128], [249, 145, 60]]]),
        (np.zeros((1, 1), np.float32), [[[0, 0, 0]]]),
    ):
        assert signed_image(values, "map") == pixels_image(np.array(expected, np.uint8), "map")
