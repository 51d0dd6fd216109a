"""The HTML of *Watch it learn*. It holds what changes for every stop of the slider; a script chooses."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from demo.api.routes import MODELS_PATH
from demo.contract import HISTORY_PICTURE, MLP_DISCRIMINATOR
from demo.inference.check import Checked
from demo.insight.learning import Record, position
from demo.ui.html import pixels_image, table
from demo.ui.texts import Texts

_GUESS: Final = math.log(2)

CHART_HEIGHT: Final = 100
"""The height of a chart in its own units; the page stretches both axes."""


def introduction(learning: Record, model: str, text: Texts) -> str:
    """Return what the view shows, and whose numbers these are. model: the one *Check* uses."""
    steps = learning["steps"]
    pair = text("learn.pair", last=f"{steps[-1]:,}", count=len(steps))
    other = text("learn.whose-same" if model == MLP_DISCRIMINATOR else "learn.whose-other")
    return (
        f'<section class="learn-text"><h2>{text("learn.title")}</h2><p>{pair}</p>'
        f"<p>{text('learn.spacing')}</p><p>{text('learn.whose')} {other}</p></section>"
    )


def steps_control(learning: Record, text: Texts) -> str:
    """Return the slider over the snapshots, at the last one, with a status line."""
    steps = learning["steps"]
    last = len(steps) - 1
    ticks = "".join(
        f'<span data-stop="{stop}" style="--place:{stop / last:.4f}">{step:,}</span>'
        for stop, step in enumerate(steps)
    )
    status = _status(text("learn.at", step=f"{step:,}") if step else text("learn.at-start") for step in steps)
    return (
        f'<div class="learn-steps"><label for="learn-slider">{text("learn.slider")}</label>'
        f'<button type="button" class="strong-button learn-play"><span>{text("learn.play")}</span>'
        f"<span>{text('learn.pause')}</span></button>"
        f'<div class="learn-rail"><input class="learn-slider" id="learn-slider" type="range" min="0" '
        f'max="{last}" step="1" value="{last}">'
        f'<div class="learn-ticks" aria-hidden="true">{ticks}</div></div>'
        f'{status}<p class="learn-now" role="status"></p></div>'
    )


def digit_panel(
    learning: Record, checked: Checked, probabilities: Sequence[float], example: str | None, text: Texts
) -> str:
    """Return a digit and its P(fake | x) at every snapshot.

    example: the key of the text that explains why an example is shown; None for the digit checked last.
    """
    assert checked.pixels is not None
    numbers = [f"{each:.4f}" for each in probabilities]
    steps = learning["steps"]
    points = [(position(step, steps), each) for step, each in zip(steps, probabilities, strict=True)]
    chart = line_chart(
        [Line("yours", points, probabilities)],
        1,
        (0.5, text("learn.half")),
        text("learn.chart", first=numbers[0], last=numbers[-1]),
        steps,
    )
    return (
        f'<section class="learn-card"><h3>{text("learn.example" if example else "learn.yours")}</h3>'
        f'<div class="learn-digit">{pixels_image(checked.pixels, text("check.seen-alt"))}'
        f'<p class="learn-number"><span>P(fake | x)</span>{_stops(numbers)}</p></div>'
        f"{_draw(example, text) if example else _current_digit(checked, text)}"
        f'{chart}<p class="hint">{text("learn.yours-text")}</p>'
        f"{_table(steps, {'P(fake | x)': numbers}, text)}"
        f"{_status(text('learn.status-probability', number=each) for each in numbers)}</section>"
    )


def no_digit(text: Texts) -> str:
    """Return the panel if there is no digit to show."""
    title = text("learn.yours")
    return f'<section class="learn-card"><h3>{title}</h3>{_draw("learn.no-example", text)}</section>'


def _current_digit(checked: Checked, text: Texts) -> str:
    number = f"{checked.answer.fake_probability:.4f}"
    score = text("learn.check-text", model=checked.answer.model, number=number)
    return f'<p class="hint">{html.escape(checked.answer.file)}</p><p>{score}</p>'


def _draw(key: str, text: Texts) -> str:
    button = f'<button type="button" class="quiet-button learn-draw">{text("learn.draw")}</button>'
    return f"<p>{text(key)}</p><p>{button}</p>"


def pair_panel(learning: Record, text: Texts) -> str:
    """Return what the generator makes at every snapshot, and both losses."""
    cards = (_grids(learning, text), _losses(learning, text))
    sections = "".join(f'<section class="learn-card">{each}</section>' for each in cards)
    return f'<div class="learn-pair">{sections}</div>'


def _grids(learning: Record, text: Texts) -> str:
    """Return the generated digits: one picture holds the grids of all snapshots, and a frame shows one."""
    # A URL, so that the browser caches the picture; relative, because a proxy may add a path.
    source = f"{MODELS_PATH}/{HISTORY_PICTURE}"
    style = f"--count:{len(learning['steps'])};background-image:url({source})"
    alternative = text("learn.grid-alt", count=learning["wall"]["digits"])
    return (
        f"<h3>{text('learn.grid')}</h3>"
        f'<div class="learn-grid pixels" role="img" aria-label="{alternative}" style="{style}"></div>'
        f'<p class="hint">{text("learn.grid-text", count=learning["wall"]["digits"])}</p>'
    )


def _losses(learning: Record, text: Texts) -> str:
    steps, curve = learning["steps"], learning["curve"]
    # A mean covers the steps before it, so the lines start at the first snapshot.
    places = [0.0, *(position(step, steps) for step in curve["step"])]
    lines = []
    for name in ("discriminator", "generator"):
        values = learning[f"{name}_loss"]
        points = zip(places, [values[0], *curve[f"{name}_loss"]], strict=True)
        lines.append(Line(name, list(points), values))
    top = max(1, math.ceil(max(y for line in lines for _, y in (*line.points, *enumerate(line.dots)))))
    chart = line_chart(lines, top, (_GUESS, text("learn.guess")), text("learn.losses-chart"), steps)
    columns = {text(f"learn.{line.name}"): [f"{each:.4f}" for each in line.dots] for line in lines}
    key = "".join(
        f'<div class="{line.name}"><dt>{name}</dt><dd>{_stops(numbers)}</dd></div>'
        for line, (name, numbers) in zip(lines, columns.items(), strict=True)
    )
    status = _status(
        text("learn.status-losses", discriminator=discriminator, generator=generator)
        for discriminator, generator in zip(*columns.values(), strict=True)
    )
    return (
        f'<h3>{text("learn.losses")}</h3><dl class="learn-key">{key}</dl>{chart}'
        f'<p class="hint">{text("learn.losses-text")} {text("learn.losses-text-two")}</p>'
        f"{_table(steps, columns, text)}{status}"
    )


def _stops(texts: Iterable[str]) -> str:
    """Return one text per stop; the script shows the slider's."""
    each = "".join(f'<span data-stop="{stop}">{text}</span>' for stop, text in enumerate(texts))
    return f'<span class="stops">{each}</span>'


def _status(sentences: Iterable[str]) -> str:
    """Return one hidden sentence per stop, for the status line that screen readers announce."""
    return "".join(f'<span hidden data-status="{stop}">{text}</span>' for stop, text in enumerate(sentences))


def _table(steps: Sequence[int], columns: dict[str, list[str]], text: Texts) -> str:
    rows = [(f"{step:,}", *values) for step, *values in zip(steps, *columns.values(), strict=True)]
    stops = [f'data-stop="{stop}"' for stop in range(len(steps))]
    content = table([text("learn.step"), *columns], rows, stops)
    return f'<details class="learn-table"><summary>{text("learn.table")}</summary>{content}</details>'


@dataclass(frozen=True)
class Line:
    """One line of a chart. name: its CSS class.

    points: x in [0, 1] ascending, y in the chart's unit. dots: y at stops with equal distances.
    """

    name: str
    points: Sequence[tuple[float, float]]
    dots: Sequence[float]


def line_chart(
    lines: Sequence[Line], top: float, guide: tuple[float, str], alternative: str, steps: Sequence[int]
) -> str:
    """Return an SVG of lines between 0 and top; the style sheet's `--at` moves a mark along the stops.

    guide: y and label of a horizontal line. alternative, the label: HTML. steps: one per stop.
    """
    level = _height(guide[0], top)
    drawn = "".join(_line(line, top) for line in lines)
    return (
        f'<div class="chart" role="img" aria-label="{alternative}">'
        f'<svg viewBox="0 0 100 {CHART_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<line class="chart-guide" x1="0" x2="100" y1="{level}" y2="{level}"/>{drawn}</svg>'
        f'<span class="chart-mark"></span><span class="chart-top">{top:g}</span>'
        f'<span class="chart-guide-label" style="--level:{level}%">{guide[1]}</span></div>'
        f'<p class="chart-ends" aria-hidden="true"><span>{steps[0]:,}</span><span>{steps[-1]:,}</span></p>'
    )


def _line(line: Line, top: float) -> str:
    points = " ".join(f"{100 * x:.2f},{_height(y, top)}" for x, y in line.points)
    last = max(len(line.dots) - 1, 1)
    # Strokes of no length with round ends, because circles would be stretched with the axes.
    dots = "".join(
        f'<path class="chart-dot {line.name}" data-stop="{stop}" '
        f'd="M{100 * stop / last:.2f},{_height(y, top)}h0"/>'
        for stop, y in enumerate(line.dots)
    )
    return f'<polyline class="chart-line {line.name}" points="{points}"/>{dots}'


def _height(y: float, top: float) -> str:
    return f"{CHART_HEIGHT * (1 - min(y / top, 1)):.2f}"
