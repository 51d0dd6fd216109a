"""The HTML of an answer: the result panel and the wall of generated digits. Strings in, strings out."""

import base64
import html
import time
from collections.abc import Sequence
from typing import Final

from demo.answer import Answer, Thresholds
from demo.check import Checked
from demo.images import encode_png
from demo.runtime import Engine

PNG_URL: Final = "data:image/png;base64,"

_SAYINGS: Final = {
    "fake": ("Fake", "The model takes this for a generated digit."),
    "real": ("Real", "The model takes this for a digit that a person wrote."),
    "unsure": ("Unsure", "It lies between the thresholds: the model cannot tell."),
    "not a digit": ("Not a digit", "This does not look like one handwritten digit, so it gets no number."),
}


def base64_text(data: bytes) -> str:
    """Bytes in base64, as text."""
    return base64.b64encode(data).decode("ascii")


def _pixels_image(png: bytes, alternative: str) -> str:
    """An <img> that the style sheet enlarges without smoothing."""
    return f'<img class="pixels" src="{PNG_URL}{base64_text(png)}" alt="{html.escape(alternative)}">'


def _panel(tone: str, said: str, shown: str = "") -> str:
    """The result panel: `said` is also read out to who cannot see it, `shown` is not."""
    # The time makes each panel differ from the one before, or gradio would leave an equal one as it
    # stands, still marked as out of date.
    return (
        f'<div class="result" data-tone="{tone}" data-time="{time.monotonic_ns()}">'
        f'<div role="status" aria-live="polite" aria-atomic="true">{said}</div>{shown}</div>'
    )


def empty_result() -> str:
    """HTML for the panel before there is a picture."""
    return _panel(
        "none",
        '<p class="result-verdict">No picture yet</p>'
        '<p class="result-says">Choose one, draw one, or let a generator make one.</p>',
    )


def error_result(name: str, reason: str) -> str:
    """HTML for a picture that cannot be judged, and why."""
    return _panel(
        "error",
        f'<p class="result-file">{html.escape(name)}</p><p class="result-verdict">Cannot be judged</p>'
        f'<p class="result-says">{html.escape(reason)}</p>',
    )


def result_panel(engine: Engine, checked: Checked) -> str:
    """HTML for one answer: the verdict, both probabilities, the bar, and what the model saw.

    For a file that cannot be judged its error stands in place of all that, and for what is not a digit
    there are no numbers.
    """
    answer = checked.answer
    if answer.error is not None or answer.verdict is None or checked.pixels is None:
        return error_result(answer.file, answer.error or "The model gave no answer.")
    heading, saying = _SAYINGS[answer.verdict]
    said = (
        f'<p class="result-file">{html.escape(answer.file)}</p>'
        f'<p class="result-verdict">{heading}</p><p class="result-says">{saying}</p>'
    )
    shown = ""
    probability = _probability_to_show(answer)
    if probability is not None:
        if answer.digit is not None and answer.digit_probability is not None:
            said += _reading(answer.digit, answer.digit_probability)
        said += _numbers(probability)
        shown += _scale(engine.thresholds, probability)
    height, width = checked.pixels.shape
    shown += (
        f'<figure class="seen">{_pixels_image(encode_png(checked.pixels), "The picture as the model saw it")}'
        f"<figcaption>What the model saw: {width} by {height} pixels.<br>"
        f"{html.escape(str(answer.model))} {html.escape(str(answer.version))}</figcaption></figure>"
    )
    if checked.note:
        shown += f'<p class="result-says">{html.escape(checked.note)}</p>'
    return _panel(answer.verdict, said, shown)


def _probability_to_show(answer: Answer) -> float | None:
    """P(fake | x), or None where the model does not take the picture for a digit: it means nothing then."""
    return None if answer.verdict == "not a digit" else answer.fake_probability


def _reading(digit: int, probability: float) -> str:
    article = "an" if digit == 8 else "a"
    return f'<p class="result-says">It reads as {article} {digit} ({probability:.4f}).</p>'


def _numbers(fake_probability: float) -> str:
    shown = round(fake_probability, 4)
    # From the rounded number, so that the two on the page add up to 1.
    return (
        '<dl class="result-numbers">'
        f'<div><dt>P(fake | x)</dt><dd class="fake-probability">{shown:.4f}</dd></div>'
        f'<div><dt>P(real | x)</dt><dd class="real-probability">{1 - shown:.4f}</dd></div></dl>'
    )


def _scale(thresholds: Thresholds, fake_probability: float) -> str:
    values = sorted({thresholds.real, thresholds.fake})
    marks = "".join(f'<span class="scale-mark" style="left:{100 * mark:.2f}%"></span>' for mark in values)
    label = "threshold" if len(values) == 1 else "thresholds"
    words = f"{label} {' and '.join(f'{mark:.4g}' for mark in values)}"
    return (
        f'<div class="scale" aria-hidden="true"><div class="scale-fill" '
        f'style="width:{100 * fake_probability:.2f}%"></div>{marks}</div>'
        f'<p class="scale-words"><span>0 = real</span><span>{words}</span><span>1 = fake</span></p>'
    )


def wall(digits: Sequence[tuple[Checked, bytes]]) -> str:
    """HTML for generated digits: each a button that shows its P(fake | x), and a link to its PNG file."""
    return f'<ul class="wall">{"".join(_wall_digit(checked.answer, png) for checked, png in digits)}</ul>'


def _wall_digit(answer: Answer, png: bytes) -> str:
    name = html.escape(answer.file)
    probability = _probability_to_show(answer)
    number = answer.verdict if probability is None else f"{probability:.4f}"
    spoken = number if probability is None else f"P(fake) {number}"
    return (
        f'<li><button type="button" class="wall-digit" data-name="{name}" '
        f'aria-label="Check {name}, {spoken}">{_pixels_image(png, "")}{number}</button>'
        f'<a href="{PNG_URL}{base64_text(png)}" download="{name}" aria-label="Save {name}">Save</a></li>'
    )
