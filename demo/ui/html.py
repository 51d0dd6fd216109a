"""The HTML of an answer: verdict, numbers, scale, the digit's ten bars, what the model saw. Strings out."""

import base64
import html
import time
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.decoder.images import encode_png
from demo.inference.answer import Answer, Thresholds
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.inference.preprocess import LONGEST_SIDE, Preprocessed
from demo.ui.texts import Words

PNG_URL: Final = "data:image/png;base64,"

VERDICTS: Final = {"fake": "fake", "real": "real", "unsure": "unsure", "not a digit": "other"}
"""The name of each verdict in the keys of the texts."""


def base64_text(data: bytes) -> str:
    """Bytes in base64, as text."""
    return base64.b64encode(data).decode("ascii")


def pixels_image(pixels: NDArray[np.uint8], alternative: str) -> str:
    """An <img> of uint8 [height, width] or [height, width, 3] that the style sheet enlarges.

    alternative: one of the texts.
    """
    source = PNG_URL + base64_text(encode_png(pixels))
    return f'<img class="pixels" src="{source}" alt="{alternative}">'


def verdict_words(verdict: str | None, words: Words) -> str:
    """A verdict in words, for a heading or a table."""
    return words(f"verdict.{VERDICTS[verdict]}") if verdict else words("verdict.error")


def probability_to_show(answer: Answer) -> float | None:
    """P(fake | x), or None where the model does not take the picture for a digit: it means nothing then."""
    return None if answer.verdict == "not a digit" else answer.fake_probability


def empty_result(words: Words) -> str:
    """HTML for the panel before there is a picture."""
    return _panel(
        "none",
        f'<p class="result-verdict">{words("check.empty")}</p>'
        f'<p class="result-says">{words("check.empty-says")}</p>',
    )


def error_result(name: str, reason: str, words: Words) -> str:
    """HTML for a picture that cannot be judged, and why. name, reason: plain text."""
    return _panel(
        "error",
        f'<p class="result-file">{html.escape(name)}</p>'
        f'<p class="result-verdict">{words("verdict.error")}</p>'
        f'<p class="result-says">{html.escape(words.sentence(reason))}</p>',
    )


def result_panel(engine: Engine, checked: Checked, words: Words, *, in_front: bool = False) -> str:
    """HTML for one answer. in_front: it is to be scrolled to.

    For a file that cannot be judged its error stands in place of all that, and for what is not a digit
    there are no numbers.
    """
    answer = checked.answer
    if answer.error is not None or answer.verdict is None or checked.preprocessed is None:
        return error_result(answer.file, answer.error or "", words)
    kind = VERDICTS[answer.verdict]
    said = (
        f'<p class="result-file">{html.escape(answer.file)}</p>'
        f'<p class="result-verdict">{words(f"verdict.{kind}")}</p>'
        f'<p class="result-says">{words(f"check.{kind}-says")}</p>'
    )
    shown = ""
    probability = probability_to_show(answer)
    if probability is not None:
        said += _numbers(probability, words)
        shown += _scale(engine.thresholds, probability, words)
    shown += _seen(checked, words)
    if probability is not None and checked.digit_probabilities is not None:
        shown += _bars(checked.digit_probabilities, words)
    return _panel(kind, said, shown, in_front=in_front)


def _panel(tone: str, said: str, shown: str = "", *, in_front: bool = False) -> str:
    """The result panel: `said` is also read out to who cannot see it, `shown` is not."""
    place = ' tabindex="-1" data-in-front' if in_front else ""
    # The time makes each panel differ from the one before, or gradio would leave an equal one as it
    # stands, still marked as out of date.
    return (
        f'<div class="result" data-tone="{tone}" data-time="{time.monotonic_ns()}"{place}>'
        f'<div role="status" aria-live="polite" aria-atomic="true">{said}</div>{shown}</div>'
    )


def _numbers(fake_probability: float, words: Words) -> str:
    shown = round(fake_probability, 4)
    # From the rounded number, so that the two on the page add up to 1.
    return (
        '<dl class="result-numbers">'
        f'<div><dt>P(fake | x)</dt><dd class="fake-probability">{shown:.4f}</dd>'
        f'<dd class="hint">{words("check.p-fake")}</dd></div>'
        f'<div><dt>P(real | x)</dt><dd class="real-probability">{1 - shown:.4f}</dd>'
        f'<dd class="hint">{words("check.p-real")}</dd></div></dl>'
    )


def _scale(thresholds: Thresholds, fake_probability: float, words: Words) -> str:
    """A line from 0 to 1 with the zones of the verdicts and a needle at the number."""
    real, fake = thresholds.real, thresholds.fake
    key = "check.scale" if fake > real else "check.scale-one"
    says = words(key, real=f"{real:.4f}", fake=f"{fake:.4f}")
    places = f"--real:{100 * real:.2f}%;--fake:{100 * fake:.2f}%;--needle:{100 * fake_probability:.2f}%"
    return (
        f'<div class="scale" style="{places}" aria-hidden="true"><div class="scale-needle"></div></div>'
        f'<p class="scale-words" aria-hidden="true"><span>0 {words("check.scale-real")}</span>'
        f'<span>1 {words("check.scale-fake")}</span></p><p class="hint scale-says">{says}</p>'
    )


def _seen(checked: Checked, words: Words) -> str:
    assert checked.preprocessed is not None
    answer = checked.answer
    note = f"{html.escape(words.sentence(checked.note))}<br>" if checked.note else ""
    return (
        f'<figure class="seen">{pixels_image(checked.preprocessed.pixels, words("check.seen-alt"))}'
        f"<figcaption><strong>{words('check.seen')}</strong><br>{_done(checked.preprocessed, words)}<br>"
        f"{note}{html.escape(f'{answer.model} {answer.version}')}</figcaption></figure>"
    )


def _done(seen: Preprocessed, words: Words) -> str:
    """What was done to a picture to make it what the model saw."""
    top, left, bottom, right = seen.box
    steps = [words("check.given", height=seen.height, width=seen.width)]
    if seen.inverted:
        steps.append(words("check.inverted"))
    if seen.cropped:
        steps.append(words("check.cropped", height=bottom - top, width=right - left))
    if seen.scaled:
        steps.append(words("check.scaled", side=LONGEST_SIDE))
    if seen.recentred:
        steps.append(words("check.recentred"))
    height, width = seen.pixels.shape
    return f"{words('check.comma').join(steps)}{words('check.seen-size', height=height, width=width)}"


def _bars(probabilities: Sequence[float], words: Words) -> str:
    """Ten bars of P(y | x), one a digit."""
    best = int(np.argmax(probabilities))
    bars = "".join(
        f'<li{" data-best" if digit == best else ""} style="--share:{probability:.4f}">'
        f'<span class="bar" aria-hidden="true"></span><span class="bar-digit">{digit}</span>'
        f'<span class="bar-number">{probability:.4f}</span></li>'
        for digit, probability in enumerate(probabilities)
    )
    reading = words("check.reading", digit=best, probability=f"{probabilities[best]:.4f}")
    return (
        f'<section class="reading"><p><span class="formula">P(y | x)</span> {reading}</p>'
        f'<ol class="bars">{bars}</ol></section>'
    )


def wall(digits: Sequence[tuple[Checked, bytes]], words: Words, chosen: int | None = None) -> str:
    """HTML for generated digits: each a button that shows its P(fake | x) and verdict, one that chooses it,
    and a link to its PNG file.
    """
    items = "".join(
        _wall_digit(index, checked, png, index == chosen, words)
        for index, (checked, png) in enumerate(digits)
    )
    return f'<ul class="wall">{items}</ul>'


def _wall_digit(index: int, checked: Checked, png: bytes, chosen: bool, words: Words) -> str:
    answer = checked.answer
    name = html.escape(answer.file)
    verdict = verdict_words(answer.verdict, words)
    probability = probability_to_show(answer)
    number = "" if probability is None else f"{probability:.4f}"
    spoken = verdict if probability is None else f"P(fake) {number}, {verdict}"
    source = PNG_URL + base64_text(png)
    return (
        f'<li data-tone="{VERDICTS.get(answer.verdict or "", "error")}">'
        f'<button type="button" class="wall-digit" data-name="{name}" '
        f'aria-label="{words("wall.check", name=answer.file, number=spoken)}">'
        f'<img class="pixels" src="{source}" alt="">'
        f'<span class="wall-number">{number}</span> <span class="wall-verdict">{verdict}</span></button>'
        f'<span class="wall-more"><button type="button" class="wall-choose" data-index="{index}" '
        f'aria-pressed="{str(chosen).lower()}" '
        f'aria-label="{words("wall.choose-name", name=answer.file)}">{words("wall.choose")}</button>'
        f'<a href="{source}" download="{name}" aria-label="{words("wall.save-name", name=answer.file)}">'
        f"{words('wall.save')}</a></span></li>"
    )


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]], attributes: Iterable[str]) -> str:
    """HTML of a table, all of it HTML already.

    headings: of all columns; the first may be empty. rows: the first cell names the row, and the last
    reaches over the columns that are left. attributes: of each row, for a script or a style sheet.
    """
    corner, *columns = headings
    head = f'<th scope="col">{corner}</th>' if corner else "<td></td>"
    head += "".join(f'<th scope="col">{each}</th>' for each in columns)
    body = ""
    for (name, *cells, last), own in zip(rows, attributes, strict=True):
        left = len(columns) - len(cells)
        wide = f' colspan="{left}"' if left > 1 else ""
        inner = "".join(f"<td>{each}</td>" for each in cells)
        body += f'<tr {own}><th scope="row">{name}</th>{inner}<td{wide}>{last}</td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
