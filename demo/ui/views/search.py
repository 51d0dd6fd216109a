"""The panel of *Generate* that searches for a more convincing digit, and each visitor's search state."""

import html
import itertools
import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from demo.decoder.images import encode_png
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.insight.grid import GenerateParams
from demo.insight.search import STEPS, Found, search
from demo.ui.html import pixels_image, probability_to_show, save_link, tone, verdict_text
from demo.ui.texts import Texts
from demo.ui.widgets.share_link import share_link

LEAST_DRAWN: Final = 1e-5
"""The probability at the lower edge of the curve; the upper edge is as far from 1."""

Digit = tuple[Checked, bytes]
"""A generated digit: the model's answer, and its PNG file."""


@dataclass(frozen=True, eq=False)
class Selection:
    """A grid of digits, the digit selected in it, and what a search for a better one has found so far.

    grid: the grid's number, larger for one requested later.
    turn: larger with each grid, selection and search, across all of them.
    """

    params: GenerateParams
    digits: Sequence[Digit]
    grid: int
    turn: int
    found: Found | None = None

    @property
    def before(self) -> Digit:
        """The selected digit as generated."""
        return self.digits[self.params.index]

    @property
    def after(self) -> Digit:
        """The best digit so far."""
        return (self.found.checked, encode_png(self.found.picture)) if self.found else self.before

    @property
    def probabilities(self) -> tuple[float | None, ...]:
        """The best P(fake | x) after each step; only the original's before a search."""
        return self.found.probabilities if self.found else (probability_to_show(self.before[0].answer),)


class SearchState:
    """One visitor's grid and search. Thread-safe: `now` is replaced as a whole.

    It is changed in place, because a running search must see at once that it is no longer wanted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Counting from the clock keeps the numbers on an open page older after a restart.
        self._numbers = itertools.count(time.time_ns() // 1000)
        self._halted = 0
        self.now: Selection | None = None

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return a new state: Gradio copies the initial one for each visitor, and locks cannot be copied."""
        return type(self)()

    def request_grid(self) -> int:
        """Return the number of a grid about to be generated."""
        return next(self._numbers)

    def show_grid(self, grid: int, params: GenerateParams, digits: Sequence[Digit]) -> Selection | None:
        """Show a grid, which ends a running search; None if one requested later is already shown."""
        with self._lock:
            if self.now and grid < self.now.grid:
                return None
            self.now = Selection(params, digits, grid, next(self._numbers))
            return self.now

    def select(self, grid: int, index: int) -> Selection | None:
        """Select another digit, which ends a running search; None if the grid or digit is not shown."""
        with self._lock:
            now = self.now
            if now is None or grid != now.grid or index >= len(now.digits):
                return None
            params = replace(now.params, index=index)
            self.now = replace(now, params=params, turn=next(self._numbers), found=None)
            return self.now

    def halt(self) -> None:
        """End the running search after its current step."""
        self._halted = self.now.turn if self.now else 0

    def run(self, engine: Engine, turn: int, text: Texts) -> Iterator[str]:
        """Search, and yield the panel after each step until done, halted, or another turn begins.

        turn: that of the panel that requested the search; if another has begun since, nothing happens.
        """
        begun = self._update(turn, turn=next(self._numbers))
        if begun is None:
            return
        for found in search(engine, begun.params):
            now = self._update(begun.turn, found=found)
            if now is None:
                return
            yield search_panel(engine, now, text, running=True)
            if self._halted == begun.turn:
                break
        last = self.now
        if last and last.turn == begun.turn:
            yield search_panel(engine, last, text)

    def _update(self, current: int, **changes: Any) -> Selection | None:
        """Change the selection; None if `current` is not its turn."""
        with self._lock:
            if self.now is None or self.now.turn != current:
                return None
            self.now = replace(self.now, **changes)
            return self.now


def search_panel(
    engine: Engine, selection: Selection, text: Texts, running: bool = False, in_front: bool = False
) -> str:
    """Return the panel as HTML. in_front: the page scrolls to it."""
    checked, png = selection.after
    name = checked.answer.file
    step = len(selection.probabilities) - 1
    start = text("search.again" if step and not running else "search.start")
    start_disabled, halt_disabled = (" disabled", "") if running else ("", " disabled")
    return (
        f'<section class="search-panel" data-turn="{selection.turn}"{" data-in-front" if in_front else ""} '
        f'data-waiting="{text("search.waiting")}" data-failed="{text("search.failed")}">'
        f"<h2>{text('search.title')}</h2><p>{text('search.introduction')}</p>"
        '<div class="search-pair">'
        f"{_picture('before', selection.before, text)}{_picture('after', selection.after, text)}</div>"
        '<div class="search-buttons">'
        f'<button type="button" class="strong-button" data-action="start"{start_disabled}>{start}</button>'
        f'<button type="button" class="quiet-button" data-action="halt"{halt_disabled}>'
        f"{text('search.stop')}</button>"
        f'<button type="button" class="quiet-button" data-action="select" data-name="{html.escape(name)}">'
        f"{text('search.check')}</button>{save_link(name, png, text)}</div>"
        f'<p class="hint" role="status">{_status(selection, running, text)}</p>'
        f"{_curve(engine, selection.probabilities, text)}"
        f'<p class="search-step"><strong>{text("search.step", step=step, steps=STEPS)}</strong></p>'
        f"{share_link(selection.params.digit_query, text('share.digit'), text)}"
        f'<p class="hint">{text("search.means")}</p></section>'
    )


def _status(selection: Selection, running: bool, text: Texts) -> str:
    """Return what a screen reader announces: at the start and at the end, not at every step."""
    if running:
        return text("search.running")
    steps = selection.probabilities
    numbers = [f"{each:.4f}" for each in steps if each is not None]
    if len(steps) == 1 or not numbers:
        return text("search.selected", name=selection.before[0].answer.file)
    ended = "search.done" if len(steps) > STEPS else "search.stopped"
    return text(ended, before=numbers[0], after=numbers[-1])


def _picture(which: str, digit: Digit, text: Texts) -> str:
    answer = digit[0].answer
    probability = probability_to_show(answer)
    number = "" if probability is None else f'<strong class="search-number">{probability:.4f}</strong> '
    return (
        f'<figure class="search-{which}" data-tone="{tone(answer)}">{pixels_image(digit[1])}'
        f"<figcaption>{text(f'search.{which}')}<br>{number}"
        f"<span>{verdict_text(answer, text)}</span></figcaption></figure>"
    )


def _curve(engine: Engine, probabilities: Sequence[float | None], text: Texts) -> str:
    """Return an SVG of the probability over the steps, in log-odds, with dashed lines at the thresholds."""
    points = " ".join(
        f"{100 * step / STEPS:.2f},{_height(probability):.2f}"
        for step, probability in enumerate(probabilities)
        if probability is not None
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
