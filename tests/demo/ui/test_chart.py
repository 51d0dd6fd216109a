"""Line charts: where their points, dots and lines stand."""

import re

from demo.ui.chart import Line, line_chart


def test_points_and_dots_stand_at_their_values() -> None:
    line = Line("yours", [(0, 0), (0.25, 2), (1, 4)], [0, 1, 4])
    chart = line_chart([line], 4, 2, "half", "A chart")
    assert 'points="0.00,100.00 25.00,50.00 100.00,0.00"' in chart
    assert re.findall(r'data-stop="(\d)" d="M([\d.]+),([\d.]+)h0"', chart) == [
        ("0", "0.00", "100.00"),
        ("1", "50.00", "75.00"),
        ("2", "100.00", "0.00"),
    ]
    assert 'y1="50.00" y2="50.00"' in chart
    assert "--level:50.00%" in chart


def test_a_chart_says_what_it_shows() -> None:
    chart = line_chart([Line("one", [(0, 0)], [0]), Line("two", [(0, 9)], [9])], 5, 1, "guess", "Two lines")
    assert 'role="img" aria-label="Two lines"' in chart
    assert chart.count("<polyline") == 2
    assert 'points="0.00,0.00"' in chart, "what is above the top stands at it"
