"""HTML that several views share: the result panel, the grid of digits, tables and lists. Strings out."""

import base64
import html
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.decoder.images import encode_png
from demo.inference.answer import Answer, Thresholds
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.inference.preprocess import LONGEST_SIDE, Preprocessed
from demo.ui.texts import Texts

PNG_URL: Final = "data:image/png;base64,"

VERDICTS: Final = {"fake": "fake", "real": "real", "unsure": "unsure", "not a digit": "other"}
"""The name of each verdict in text keys, and its tone in the style sheets."""


def data_url(content: bytes, kind: str) -> str:
    """Return a picture file as a data URL. kind: such as `png`."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def png_url(png: bytes) -> str:
    """Return a PNG file as a data URL."""
    return data_url(png, "png")


def pixels_image(pixels: NDArray[np.uint8] | bytes, alternative: str = "") -> str:
    """Return an <img> that the style sheet enlarges without smoothing.

    pixels: uint8 [height, width] or [height, width, 3], or a PNG file. alternative: HTML.
    """
    png = pixels if isinstance(pixels, bytes) else encode_png(pixels)
    return f'<img class="pixels" src="{png_url(png)}" alt="{alternative}">'


def signed_image(values: NDArray[Any], alternative: str) -> str:
    """Return numbers [height, width] as an <img>: orange above 0, green below, black at 0."""
    strength = np.abs(values.astype(np.float32))[..., np.newaxis]
    colours = np.where(values[..., np.newaxis] > 0, (251, 146, 60), (74, 222, 128))
    return pixels_image(np.round(colours * strength / (strength.max() or 1)).astype(np.uint8), alternative)


def description_list(rows: Iterable[tuple[str, str]], style: str) -> str:
    """Return a <dl> with a <div> per term and description, both HTML. style: its CSS class."""
    items = "".join(f"<div><dt>{term}</dt><dd>{description}</dd></div>" for term, description in rows)
    return f'<dl class="{style}">{items}</dl>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], attributes: Iterable[str]) -> str:
    """Return a <table>; all arguments are HTML.

    headings: one per column; the first may be empty. rows: the first cell is the row's heading, and the
    last spans the remaining columns. attributes: those of each row, for a script or a style sheet.
    """
    corner, *columns = headings
    head = f'<th scope="col">{corner}</th>' if corner else "<td></td>"
    head += "".join(f'<th scope="col">{each}</th>' for each in columns)
    body = ""
    for (name, *cells, last), row_attributes in zip(rows, attributes, strict=True):
        left = len(columns) - len(cells)
        span = f' colspan="{left}"' if left > 1 else ""
        inner = "".join(f"<td>{each}</td>" for each in cells)
        body += f'<tr {row_attributes}><th scope="row">{name}</th>{inner}<td{span}>{last}</td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def verdict_text(answer: Answer, text: Texts) -> str:
    """Return the verdict as HTML, for a heading or a table."""
    return text(f"verdict.{tone(answer)}")


def tone(answer: Answer) -> str:
    """Return the value of `data-tone`, by which the style sheets colour an answer."""
    return VERDICTS[answer.verdict] if answer.verdict else "error"


def explanation(answer: Answer, text: Texts, *, in_box: bool = False) -> str:
    """Return a sentence on a verdict as HTML: what it means, or why it is not a digit and what to do.

    in_box: a person has chosen the part of the picture.
    """
    if answer.reason is not None:
        name = answer.reason.replace(" ", "-")
        return text(f"check.{'box' if in_box and answer.reason != 'too small' else 'reason'}-{name}")
    probability = answer.fake_probability or 0.0
    # Never 0 or 100 %: a model is not that sure.
    chance = min(99.9, 100 * max(probability, 1 - probability))
    return text(f"check.{(answer.leaning or tone(answer)).replace(' ', '-')}-text", chance=f"{chance:.1f}")


def empty_result(text: Texts) -> str:
    """Return the result panel before there is a picture."""
    return _panel("none", "", text("check.empty"), text("check.empty-text"))


def error_result(name: str, reason: str, text: Texts) -> str:
    """Return the result panel of a picture that cannot be judged. name, reason: plain text."""
    return _panel("error", name, text("verdict.error"), html.escape(text.sentence(reason)))


def result_panel(
    engine: Engine,
    checked: Checked,
    text: Texts,
    *,
    in_front: bool = False,
    area: Mapping[str, object] | None = None,
    in_box: bool = False,
) -> str:
    """Return the result panel of an answer.

    in_front: the page scrolls to it and focuses it. area: for the script of the picture area, if the picture
    is there. in_box: only the part of the picture in the box was judged.
    """
    answer = checked.answer
    if answer.verdict is None or checked.preprocessed is None:
        return error_result(answer.file, answer.error or "", text)
    numbers = scale = bars = ""
    probability = answer.fake_probability
    if probability is not None:
        numbers = _numbers(probability, text)
        scale = _scale(engine.thresholds, probability, text)
        if checked.digit_probabilities is not None:
            bars = _bars(checked.digit_probabilities, text)
    cause = answer.reason or answer.leaning
    title = f"check.title-{cause.replace(' ', '-')}" if cause else f"verdict.{tone(answer)}"
    attributes = ' tabindex="-1" data-in-front' if in_front else ""
    if area is not None:
        attributes += f' data-area="{html.escape(json.dumps(area))}"'
    meaning = explanation(answer, text, in_box=in_box)
    rest = scale + _seen(checked, checked.preprocessed, text, in_box=in_box) + bars
    return _panel(tone(answer), answer.file, text(title), meaning, numbers, rest, attributes)


def _panel(
    tone: str, file: str, verdict: str, meaning: str, numbers: str = "", rest: str = "", attributes: str = ""
) -> str:
    """Return the panel, of which a screen reader announces all but `rest`. file: plain text."""
    name = f'<p class="result-file">{html.escape(file)}</p>' if file else ""
    # Gradio does not update an equal value, which would stay marked as out of date: the time differs.
    return (
        f'<div class="result" data-tone="{tone}" data-time="{time.monotonic_ns()}"{attributes}>'
        f'<div role="status" aria-live="polite" aria-atomic="true">{name}'
        f'<p class="result-verdict">{verdict}</p>'
        f'<p class="result-text">{meaning}</p>{numbers}</div>{rest}</div>'
    )


def _numbers(fake_probability: float, text: Texts) -> str:
    # Both from the rounded number, so that they add up to 1 on the page.
    shown = round(fake_probability, 4)
    items = "".join(
        f'<div><dt>P({name} | x)</dt><dd class="{name}-probability">{number:.4f}</dd>'
        f'<dd class="hint">{text(f"check.p-{name}")}</dd></div>'
        for name, number in (("fake", shown), ("real", 1 - shown))
    )
    return f'<dl class="result-numbers">{items}</dl>'


def _scale(thresholds: Thresholds, fake_probability: float, text: Texts) -> str:
    """Return a line from 0 to 1 with the verdicts' zones and a needle at the probability."""
    real, fake = thresholds.real, thresholds.fake
    key = "check.scale" if fake > real else "check.scale-one"
    zones = text(key, real=f"{real:.4f}", fake=f"{fake:.4f}")
    places = f"--real:{100 * real:.2f}%;--fake:{100 * fake:.2f}%;--needle:{100 * fake_probability:.2f}%"
    return (
        f'<div class="scale" style="{places}" aria-hidden="true"><div class="scale-needle"></div></div>'
        f'<p class="scale-ends" aria-hidden="true"><span>0 {text("check.scale-real")}</span>'
        f'<span>1 {text("check.scale-fake")}</span></p><p class="hint scale-text">{zones}</p>'
    )


def _seen(checked: Checked, seen: Preprocessed, text: Texts, *, in_box: bool) -> str:
    """Return what the model saw, with the preprocessing steps and the model's name."""
    top, left, bottom, right = seen.box
    steps = [text("check.given-box" if in_box else "check.given", height=seen.height, width=seen.width)]
    if seen.inverted:
        steps.append(text("check.inverted"))
    if seen.cropped:
        steps.append(text("check.cropped", height=bottom - top, width=right - left))
    if seen.scaled:
        steps.append(text("check.scaled", side=LONGEST_SIDE))
    if seen.recentred:
        steps.append(text("check.recentred"))
    height, width = seen.pixels.shape
    size = text("check.seen-size", height=height, width=width)
    note = f"{html.escape(text.sentence(checked.note))}<br>" if checked.note else ""
    model = html.escape(f"{checked.answer.model} {checked.answer.version}")
    return (
        f'<figure class="seen">{pixels_image(seen.pixels, text("check.seen-alt"))}'
        f"<figcaption><strong>{text('check.seen')}</strong><br>"
        f"{text('check.comma').join(steps)}{size}<br>{note}{model}</figcaption></figure>"
    )


def _bars(probabilities: Sequence[float], text: Texts) -> str:
    """Return P(y | x) as one bar per digit."""
    best = int(np.argmax(probabilities))
    bars = "".join(
        f'<li{" data-best" if digit == best else ""} style="--share:{probability:.4f}">'
        f'<span class="bar" aria-hidden="true"></span><span class="bar-digit">{digit}</span>'
        f'<span class="bar-number">{probability:.4f}</span></li>'
        for digit, probability in enumerate(probabilities)
    )
    reading = text("check.reading", digit=best, probability=f"{probabilities[best]:.4f}")
    return (
        f'<section class="reading"><p><span class="formula">P(y | x)</span> {reading}</p>'
        f'<ol class="bars">{bars}</ol></section>'
    )


def digit_grid(digits: Sequence[tuple[Checked, bytes]], text: Texts, selected: int | None = None) -> str:
    """Return generated digits, given as answers and PNG files: each can be checked, selected and saved."""
    items = "".join(
        _grid_digit(index, checked.answer, png, index == selected, text)
        for index, (checked, png) in enumerate(digits)
    )
    return f'<ul class="digit-grid">{items}</ul>'


def _grid_digit(index: int, answer: Answer, png: bytes, selected: bool, text: Texts) -> str:
    name = html.escape(answer.file)
    verdict = verdict_text(answer, text)
    probability = answer.fake_probability
    number = "" if probability is None else f"{probability:.4f}"
    spoken = f"P(fake) {number}, {verdict}" if number else verdict
    return (
        f'<li data-tone="{tone(answer)}">'
        f'<button type="button" class="grid-digit" data-name="{name}" '
        f'aria-label="{text("grid.check", name=answer.file, number=spoken)}">{pixels_image(png)}'
        f'<span class="grid-number">{number}</span> <span class="grid-verdict">{verdict}</span></button>'
        f'<span class="grid-more"><button type="button" class="grid-select" data-index="{index}" '
        f'aria-pressed="{str(selected).lower()}" '
        f'aria-label="{text("grid.choose-name", name=answer.file)}">{text("grid.choose")}</button>'
        f"{save_link(answer.file, png, text)}</span></li>"
    )


def save_link(file: str, png: bytes, text: Texts) -> str:
    """Return a link that saves a PNG file. file: plain text."""
    return (
        f'<a href="{png_url(png)}" download="{html.escape(file)}" '
        f'aria-label="{text("grid.save-name", name=file)}">{text("grid.save")}</a>'
    )
