"""Line charts as SVG, drawn on the server; a style sheet colours them, and CSS's `--at` moves the mark."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
"""The height of a chart's own coordinates; both axes are stretched to the place that it gets."""


@dataclass(frozen=True)
class Line:
    """One line of a chart. name: its class in the style sheet.

    points: x in [0, 1] from left to right, y in the chart's own unit, in the order of x.
    dots: y of the stops, which stand at equal distances from the left edge to the right.
    """

    name: str
    points: Sequence[tuple[float, float]]
    dots: Sequence[float]


def line_chart(lines: Sequence[Line], top: float, guide: float, guide_says: str, alternative: str) -> str:
    """HTML for lines between 0 and top over stops that a mark can stand at.

    guide: y of a thin level line, and guide_says what stands at it. The dots carry their stop as
    `data-stop`. guide_says, alternative: HTML, of the texts.
    """
    level = _height(guide, top)
    drawn = "".join(_path(line, top) + _dots(line, top) for line in lines)
    return (
        f'<div class="chart" role="img" aria-label="{alternative}">'
        f'<svg viewBox="0 0 100 {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<line class="chart-guide" x1="0" x2="100" y1="{level}" y2="{level}"/>{drawn}</svg>'
        f'<span class="chart-mark"></span><span class="chart-top">{top:g}</span>'
        f'<span class="chart-guide-says" style="--level:{level}%">{guide_says}</span></div>'
    )


def _path(line: Line, top: float) -> str:
    points = " ".join(f"{100 * x:.2f},{_height(y, top)}" for x, y in line.points)
    return f'<polyline class="chart-line {line.name}" points="{points}"/>'


def _dots(line: Line, top: float) -> str:
    """Strokes of no length with round ends: circles would be stretched with the axes."""
    last = max(len(line.dots) - 1, 1)
    return "".join(
        f'<path class="chart-dot {line.name}" data-stop="{stop}" '
        f'd="M{100 * stop / last:.2f},{_height(y, top)}h0"/>'
        for stop, y in enumerate(line.dots)
    )


def _height(y: float, top: float) -> str:
    return f"{HEIGHT * (1 - min(y / top, 1)):.2f}"
