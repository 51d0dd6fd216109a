"""The panel of *Generate* that searches for a more convincing digit. Strings out."""

import html
import math
from collections.abc import Sequence
from typing import Final

from demo.decoder.images import encode_png
from demo.inference.engine import Engine
from demo.insight.grid import GenerateParams
from demo.insight.search import STEPS, Found
from demo.ui.html import pixels_image, save_link, tone, verdict_text
from demo.ui.texts import Texts
from demo.ui.widgets.share_link import share_link

LEAST_DRAWN: Final = 1e-5
"""The probability at the lower edge of the curve; the upper edge is as far from 1."""


def search_panel(
    engine: Engine,
    params: GenerateParams,
    steps: Sequence[Found],
    turn: int,
    text: Texts,
    *,
    running: bool = False,
    in_front: bool = False,
) -> str:
    """Return the panel as HTML.

    steps: what the search has found so far, from the original digit on. turn: the page ignores panels with
    a smaller one than it shows. in_front: the page scrolls to it.
    """
    name = steps[-1].checked.answer.file
    step = len(steps) - 1
    start = text("search.again" if step and not running else "search.start")
    start_disabled, halt_disabled = (" disabled", "") if running else ("", " disabled")
    return (
        f'<section class="search-panel" data-turn="{turn}"{" data-in-front" if in_front else ""} '
        f'data-waiting="{text("search.waiting")}" data-failed="{text("search.failed")}">'
        f"<h2>{text('search.title')}</h2><p>{text('search.introduction')}</p>"
        '<div class="search-pair">'
        f"{_picture('before', steps[0], text)}{_picture('after', steps[-1], text)}</div>"
        '<div class="search-buttons">'
        f'<button type="button" class="strong-button" data-action="start"{start_disabled}>{start}</button>'
        f'<button type="button" class="quiet-button" data-action="halt"{halt_disabled}>'
        f"{text('search.stop')}</button>"
        f'<button type="button" class="quiet-button" data-action="select" data-name="{html.escape(name)}">'
        f"{text('search.check')}</button>{save_link(name, encode_png(steps[-1].picture), text)}</div>"
        f'<p class="hint" role="status">{_status(steps, running, text)}</p>'
        f"{_curve(engine, steps, text)}"
        f'<p class="search-step"><strong>{text("search.step", step=step, steps=STEPS)}</strong></p>'
        f"{share_link(params.digit_query, text('share.digit'), text)}"
        f'<p class="hint">{text("search.means")}</p></section>'
    )


def _status(steps: Sequence[Found], running: bool, text: Texts) -> str:
    """Return what a screen reader announces: at the start and at the end, not at every step."""
    if running:
        return text("search.running")
    numbers = [f"{each.probability:.4f}" for each in steps if each.probability is not None]
    if len(steps) == 1 or not numbers:
        return text("search.selected", name=steps[0].checked.answer.file)
    ended = "search.done" if len(steps) > STEPS else "search.stopped"
    return text(ended, before=numbers[0], after=numbers[-1])


def _picture(which: str, found: Found, text: Texts) -> str:
    answer = found.checked.answer
    probability = answer.fake_probability
    number = "" if probability is None else f'<strong class="search-number">{probability:.4f}</strong> '
    return (
        f'<figure class="search-{which}" data-tone="{tone(answer)}">{pixels_image(found.picture)}'
        f"<figcaption>{text(f'search.{which}')}<br>{number}"
        f"<span>{verdict_text(answer, text)}</span></figcaption></figure>"
    )


def _curve(engine: Engine, steps: Sequence[Found], text: Texts) -> str:
    """Return an SVG of the probability over the steps, in log-odds, with dashed lines at the thresholds."""
    points = " ".join(
        f"{100 * step / STEPS:.2f},{_height(found.probability):.2f}"
        for step, found in enumerate(steps)
        if found.probability is not None
    )
    real, fake = engine.thresholds.real, engine.thresholds.fake
    lines = "".join(
        f'<line x1="0" x2="100" y1="{height:.2f}" y2="{height:.2f}"/>'
        for height in map(_height, sorted({real, fake}))
    )
    key = "search.curve" if fake > real else "search.curve-one"
    caption = text(key, real=f"{real:.4f}", fake=f"{fake:.4f}")
    ticks = "".join(f'<span style="top:{_height(each):.2f}%">{each}</span>' for each in (0.999, 0.5, 0.001))
    return (
        f'<figure class="curve"><div aria-hidden="true"><div class="curve-ticks">{ticks}</div>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{lines}<polyline points="{points}"/></svg>'
        f'</div><figcaption class="hint">{caption}</figcaption></figure>'
    )


def _height(probability: float) -> float:
    """Return the y coordinate of a probability, from 0 at the top to 100."""
    within = min(max(probability, LEAST_DRAWN), 1 - LEAST_DRAWN)
    return 50 - 50 * math.log(within / (1 - within)) / math.log((1 - LEAST_DRAWN) / LEAST_DRAWN)
