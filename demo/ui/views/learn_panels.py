"""The HTML of *Watch it learn*. What changes with the slider is there for every stop; a script chooses."""

import html
import math
from collections.abc import Iterable, Sequence
from typing import Final

from demo.api.routes import MODELS_PATH
from demo.contract import HISTORY_PICTURE, MLP_DISCRIMINATOR
from demo.inference.check import Checked
from demo.insight.learning import Learning, place
from demo.ui.chart import Line, line_chart
from demo.ui.html import html_table, pixels_image, probability_to_show
from demo.ui.texts import Words

_GUESS: Final = math.log(2)


def introduction(learning: Learning, model: str, words: Words) -> str:
    """What is to be seen, and whose numbers these are. model: the one that *Check* asks."""
    steps = learning.snapshots.steps
    pair = words("learn.pair", last=f"{steps[-1]:,}", count=len(steps))
    beside = words("learn.whose-same" if model == MLP_DISCRIMINATOR else "learn.whose-other")
    return (
        f'<section class="learn-says"><h2>{words("learn.title")}</h2><p>{pair}</p>'
        f"<p>{words('learn.spacing')}</p><p>{words('learn.whose')} {beside}</p></section>"
    )


def steps_control(learning: Learning, words: Words) -> str:
    """The slider over the snapshots, at the last one, and the line that says where it stands."""
    steps = learning.snapshots.steps
    last = len(steps) - 1
    ticks = "".join(
        f'<span data-stop="{stop}" style="--place:{stop / last:.4f}">{step:,}</span>'
        for stop, step in enumerate(steps)
    )
    says = _says(words("learn.at", step=f"{step:,}") if step else words("learn.at-start") for step in steps)
    return (
        f'<div class="learn-steps"><label for="learn-slider">{words("learn.slider")}</label>'
        f'<button type="button" class="strong-button learn-play"><span>{words("learn.play")}</span>'
        f"<span>{words('learn.pause')}</span></button>"
        f'<div class="learn-rail"><input class="learn-slider" id="learn-slider" type="range" min="0" '
        f'max="{last}" step="1" value="{last}">'
        f'<div class="learn-ticks" aria-hidden="true">{ticks}</div></div>'
        f'{says}<p class="learn-now" role="status"></p></div>'
    )


def digit_panel(
    learning: Learning, checked: Checked, probabilities: Sequence[float], example: str | None, words: Words
) -> str:
    """A digit and its P(fake | x) at every snapshot.

    checked: with pixels. example: the key of the text that says why it is an example, or None where the
    digit is the one checked last.
    """
    assert checked.pixels is not None
    numbers = [f"{each:.4f}" for each in probabilities]
    steps = learning.snapshots.steps
    line = Line(
        "yours",
        [(place(step, steps), each) for step, each in zip(steps, probabilities, strict=True)],
        probabilities,
    )
    chart = line_chart(
        [line], 1, 0.5, words("learn.half"), words("learn.chart", first=numbers[0], last=numbers[-1])
    )
    return (
        f'<section class="learn-card"><h3>{words("learn.example" if example else "learn.yours")}</h3>'
        f'<div class="learn-digit">{pixels_image(checked.pixels, words("check.seen-alt"))}'
        f'<p class="learn-number"><span>P(fake | x)</span>{_stops(numbers)}</p></div>'
        f"{_whose_digit(checked, example, words)}"
        f"{chart}{_ends(steps)}"
        f'<p class="hint">{words("learn.yours-says")}</p>'
        f"{_table(steps, {'P(fake | x)': numbers}, words)}"
        f"{_says(words('learn.says-probability', number=each) for each in numbers)}</section>"
    )


def no_digit(words: Words) -> str:
    """Where there is no digit to show, how to come by one."""
    says = _draw("learn.no-example", words)
    return f'<section class="learn-card"><h3>{words("learn.yours")}</h3>{says}</section>'


def _whose_digit(checked: Checked, example: str | None, words: Words) -> str:
    if example:
        return _draw(example, words)
    probability = probability_to_show(checked.answer)
    says = words("learn.check-says", model=checked.answer.model, number=f"{probability:.4f}")
    return f'<p class="hint">{html.escape(checked.answer.file)}</p><p>{says}</p>'


def _draw(says: str, words: Words) -> str:
    button = f'<button type="button" class="quiet-button learn-draw">{words("learn.draw")}</button>'
    return f"<p>{words(says)}</p><p>{button}</p>"


def pair_panel(learning: Learning, words: Words) -> str:
    """What the generator makes at every snapshot, and both losses."""
    cards = (_wall(learning, words), _losses(learning, words))
    sections = "".join(f'<section class="learn-card">{each}</section>' for each in cards)
    return f'<div class="learn-pair">{sections}</div>'


def _wall(learning: Learning, words: Words) -> str:
    """The walls of all snapshots are one picture, of which the frame shows a part."""
    # By its address, which the browser keeps; relative to the page, which a proxy may have moved.
    source = f"{MODELS_PATH}/{HISTORY_PICTURE}"
    style = f"--count:{len(learning.snapshots.steps)};background-image:url({source})"
    alternative = words("learn.wall-alt", count=learning.wall_digits)
    return (
        f"<h3>{words('learn.wall')}</h3>"
        f'<div class="learn-wall" role="img" aria-label="{alternative}" style="{style}"></div>'
        f'<p class="hint">{words("learn.wall-says", count=learning.wall_digits)}</p>'
    )


def _losses(learning: Learning, words: Words) -> str:
    at, curve = learning.snapshots, learning.curve
    # A mean is of the steps before it, so the lines begin where the first snapshot stands.
    places = [0.0, *(place(step, at.steps) for step in curve.steps)]
    lines = [
        Line(name, list(zip(places, [values[0], *means], strict=True)), values)
        for name, means, values in (
            ("discriminator", curve.discriminator, at.discriminator),
            ("generator", curve.generator, at.generator),
        )
    ]
    largest = max(*at.discriminator, *at.generator, *curve.discriminator, *curve.generator)
    chart = line_chart(
        lines, max(1, math.ceil(largest)), _GUESS, words("learn.guess"), words("learn.losses-chart")
    )
    discriminator, generator = ([f"{each:.4f}" for each in line.dots] for line in lines)
    columns = {words("learn.discriminator"): discriminator, words("learn.generator"): generator}
    key = "".join(
        f'<div class="{line.name}"><dt>{name}</dt><dd>{_stops(numbers)}</dd></div>'
        for line, (name, numbers) in zip(lines, columns.items(), strict=True)
    )
    said = _says(
        words("learn.says-losses", discriminator=each, generator=other)
        for each, other in zip(discriminator, generator, strict=True)
    )
    return (
        f'<h3>{words("learn.losses")}</h3><dl class="learn-key">{key}</dl>{chart}{_ends(at.steps)}'
        f'<p class="hint">{words("learn.losses-says")} {words("learn.losses-says-two")}</p>'
        f"{_table(at.steps, columns, words)}{said}"
    )


def _stops(texts: Iterable[str]) -> str:
    """One of the texts is shown, that of the stop at which the slider stands."""
    each = "".join(f'<span data-stop="{stop}">{text}</span>' for stop, text in enumerate(texts))
    return f'<span class="stops">{each}</span>'


def _says(sentences: Iterable[str]) -> str:
    """For every stop a part of the line that is read out."""
    return "".join(f'<span hidden data-says="{stop}">{text}</span>' for stop, text in enumerate(sentences))


def _ends(steps: Sequence[int]) -> str:
    """What stands below the ends of a chart."""
    return f'<p class="chart-ends" aria-hidden="true"><span>{steps[0]:,}</span><span>{steps[-1]:,}</span></p>'


def _table(steps: Sequence[int], columns: dict[str, list[str]], words: Words) -> str:
    rows = [(f"{step:,}", *values) for step, *values in zip(steps, *columns.values(), strict=True)]
    stops = [f'data-stop="{stop}"' for stop in range(len(steps))]
    table = html_table([words("learn.step"), *columns], rows, stops)
    return f'<details class="learn-table"><summary>{words("learn.table")}</summary>{table}</details>'
