"""The panel in which a generated digit becomes more convincing, and what it shows of the search."""

import html
import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from demo.decoder.images import encode_png
from demo.inference.check import Checked
from demo.inference.engine import Engine
from demo.insight.grid import Recipe
from demo.insight.search import STEPS, Found, search
from demo.ui.html import PNG_URL, VERDICTS, base64_text, probability_to_show, verdict_words
from demo.ui.texts import Words
from demo.ui.widgets.share_link import SHARE_SCRIPT, share_link

CONVINCE_SCRIPT: Final = (
    SHARE_SCRIPT
    + """
let latest = { turn: 0 };
watch('value', () => {
  const panel = element.querySelector('.convince');
  const turn = Number(panel.dataset.turn);
  // A step that was on its way when something else was chosen must not stay.
  if (turn < latest.turn) {
    props.value = latest.value;
    return;
  }
  latest = { turn, value: props.value };
  if ('inFront' in panel.dataset) panel.scrollIntoView({ block: 'nearest' });
});
function say(what) {
  const panel = element.querySelector('.convince');
  panel.querySelector('p[role=status]').textContent = panel.dataset[what];
}
document.addEventListener('touchstone:search-failed', () => {
  say('failed');
  element.querySelector('[data-does=start]').disabled = false;
  element.querySelector('[data-does=halt]').disabled = true;
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-does]');
  if (!button) return;
  if (button.dataset.does === 'start') {
    // It may have to wait for its turn, and the server says nothing until then.
    say('waiting');
    button.disabled = true;
    trigger('start', { turn: latest.turn });
  }
  if (button.dataset.does === 'halt') trigger('halt');
  if (button.dataset.does === 'select') {
    document.dispatchEvent(new Event('touchstone:input'));
    const png = element.querySelector('.convince-after img').src;
    trigger('select', { name: button.dataset.name, png });
  }
});
"""
)


LEAST_DRAWN: Final = 1e-5
"""The probability at the lower edge of the curve; the upper edge is as far from 1."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The digit that is looked at.

    before: as it was made, and its PNG file. after: the best that the search found, and its PNG file.
    probabilities: of the best after each step; one of them where no search has begun.
    """

    recipe: Recipe
    before: tuple[Checked, bytes]
    after: tuple[Checked, bytes]
    probabilities: tuple[float | None, ...]

    @classmethod
    def of(cls, recipe: Recipe, files: Sequence[tuple[Checked, bytes]]) -> Self:
        """The digit of a wall that the recipe names, before any search."""
        digit = files[recipe.index]
        return cls(recipe, digit, digit, (probability_to_show(digit[0].answer),))

    def other(self, index: int, files: Sequence[tuple[Checked, bytes]]) -> Self:
        """Another digit of the same wall."""
        return self.of(replace(self.recipe, index=index), files)

    def at(self, found: Found) -> Self:
        """The same digit after a step of the search."""
        return replace(
            self, after=(found.checked, encode_png(found.picture)), probabilities=found.probabilities
        )


@dataclass(frozen=True, eq=False)
class LaidOut:
    """What lies on a desk at one moment; the parts belong together.

    files: the wall. chosen: the digit of it that is looked at; None before there is a wall.
    wall: the number of the wall, larger for one that was asked for later.
    turn: larger for each wall, choice and search. halted: whether the turn's search is to end.
    """

    files: Sequence[tuple[Checked, bytes]] = ()
    chosen: Chosen | None = None
    wall: int = 0
    turn: int = 0
    halted: bool = False


class Desk:
    """What lies before one visitor. Safe to share between threads: what lies there changes as a whole.

    It changes in place, for a running search has to see at once that it is no longer wanted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Counted on from the clock: what a page still shows when the app starts anew stays the older.
        self._number = time.time_ns() // 1000
        self.now = LaidOut()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Gradio copies the first value of a state for each visitor, and a lock cannot be copied."""
        return type(self)()

    def __len__(self) -> int:
        """How many digits lie there."""
        return len(self.now.files)

    def ask(self) -> int:
        """The number of a wall that is about to be made."""
        with self._lock:
            return self._next()

    def lay(self, wall: int, chosen: Chosen, files: Sequence[tuple[Checked, bytes]]) -> LaidOut | None:
        """Lay down a wall, which ends a running search; None where one asked for later lies there already."""
        with self._lock:
            if wall < self.now.wall:
                return None
            self.now = LaidOut(files, chosen, wall, self._next())
            return self.now

    def choose(self, wall: int, index: int) -> LaidOut | None:
        """Look at another digit, which ends a running search; None where that wall no longer lies there, or
        has no such digit.
        """
        with self._lock:
            now = self.now
            if wall != now.wall or now.chosen is None or index >= len(now.files):
                return None
            chosen = now.chosen.other(index, now.files)
            self.now = replace(now, chosen=chosen, turn=self._next(), halted=False)
            return self.now

    def halt(self) -> None:
        """End the running search after the step that it is at."""
        with self._lock:
            self.now = replace(self.now, halted=True)

    def convince(self, engine: Engine, turn: int, words: Words) -> Iterator[str]:
        """Search, and yield the panel after each step, until it is done, halted, or another turn begins.

        turn: the one whose panel asked for the search; where another has begun meanwhile, there is none.
        """
        begun = self._begin(turn)
        if begun is None or begun.chosen is None:
            return
        for found in search(engine, begun.chosen.recipe):
            now = self._step(begun.turn, begun.chosen.at(found))
            if now is None:
                return
            yield convince_panel(engine, now, words, running=True)
            if self.now.halted:
                break
        now = self.now
        if now.turn == begun.turn:
            yield convince_panel(engine, now, words)

    def _begin(self, turn: int) -> LaidOut | None:
        with self._lock:
            if turn != self.now.turn:
                return None
            self.now = replace(self.now, turn=self._next(), halted=False)
            return self.now

    def _step(self, turn: int, chosen: Chosen) -> LaidOut | None:
        with self._lock:
            if turn != self.now.turn:
                return None
            self.now = replace(self.now, chosen=chosen)
            return self.now

    def _next(self) -> int:
        self._number += 1
        return self._number


def convince_panel(
    engine: Engine, laid: LaidOut, words: Words, running: bool = False, in_front: bool = False
) -> str:
    """HTML of the panel; none where no digit is chosen. in_front: it is to be scrolled to."""
    chosen = laid.chosen
    if chosen is None:
        return ""
    name = chosen.after[0].answer.file
    step = len(chosen.probabilities) - 1
    start = words("convince.again" if step and not running else "convince.start")
    source = PNG_URL + base64_text(chosen.after[1])
    return (
        f'<section class="convince" data-turn="{laid.turn}"{" data-in-front" if in_front else ""} '
        f'data-waiting="{words("convince.waiting")}" data-failed="{words("convince.failed")}">'
        f"<h2>{words('convince.title')}</h2><p>{words('convince.says')}</p>"
        '<div class="convince-pair">'
        f"{_picture('before', chosen.before, words)}{_picture('after', chosen.after, words)}</div>"
        '<div class="convince-buttons">'
        f'<button type="button" class="strong-button" data-does="start"{_disabled(running)}>{start}</button>'
        f'<button type="button" class="quiet-button" data-does="halt"{_disabled(not running)}>'
        f"{words('convince.stop')}</button>"
        f'<button type="button" class="quiet-button" data-does="select" data-name="{html.escape(name)}">'
        f"{words('convince.check')}</button>"
        f'<a href="{source}" download="{html.escape(name)}" '
        f'aria-label="{words("wall.save-name", name=name)}">'
        f"{words('wall.save')}</a></div>"
        f'<p class="hint" role="status">{_status(chosen, running, words)}</p>'
        f"{_curve(engine, chosen.probabilities, words)}"
        f'<p class="convince-step"><strong>{words("convince.step", step=step, steps=STEPS)}</strong></p>'
        f"{share_link(chosen.recipe.digit_query, words('share.digit'), words)}"
        f'<p class="hint">{words("convince.means")}</p></section>'
    )


def _disabled(really: bool) -> str:
    return " disabled" if really else ""


def _status(chosen: Chosen, running: bool, words: Words) -> str:
    """What a screen reader says: once at the beginning and once at the end, not at every step."""
    if running:
        return words("convince.running")
    numbers = [f"{each:.4f}" for each in chosen.probabilities if each is not None]
    if len(chosen.probabilities) == 1 or not numbers:
        return words("convince.chosen", name=chosen.before[0].answer.file)
    ended = "convince.done" if len(chosen.probabilities) > STEPS else "convince.stopped"
    return words(ended, before=numbers[0], after=numbers[-1])


def _picture(which: str, digit: tuple[Checked, bytes], words: Words) -> str:
    checked, png = digit
    probability = probability_to_show(checked.answer)
    number = "" if probability is None else f'<strong class="convince-number">{probability:.4f}</strong> '
    return (
        f'<figure class="convince-{which}" data-tone="{VERDICTS.get(checked.answer.verdict or "", "error")}">'
        f'<img class="pixels" src="{PNG_URL}{base64_text(png)}" alt="">'
        f"<figcaption>{words(f'convince.{which}')}<br>{number}"
        f"<span>{verdict_words(checked.answer.verdict, words)}</span></figcaption></figure>"
    )


def _curve(engine: Engine, probabilities: Sequence[float | None], words: Words) -> str:
    """An SVG of the probability over the steps, in log-odds, with the thresholds as dashed lines."""
    points = " ".join(
        f"{100 * step / STEPS:.2f},{_height(probability):.2f}"
        for step, probability in enumerate(probabilities)
        if probability is not None
    )
    thresholds = engine.thresholds
    lines = "".join(
        f'<line x1="0" x2="100" y1="{height:.2f}" y2="{height:.2f}"/>'
        for height in map(_height, sorted({thresholds.real, thresholds.fake}))
    )
    key = "convince.curve" if thresholds.fake > thresholds.real else "convince.curve-one"
    says = words(key, real=f"{thresholds.real:.4f}", fake=f"{thresholds.fake:.4f}")
    ticks = "".join(f'<span style="top:{_height(each):.2f}%">{each}</span>' for each in (0.999, 0.5, 0.001))
    return (
        f'<figure class="curve"><div aria-hidden="true"><div class="curve-ticks">{ticks}</div>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{lines}<polyline points="{points}"/></svg>'
        f'</div><figcaption class="hint">{says}</figcaption></figure>'
    )


def _height(probability: float) -> float:
    """Where a probability lies between the curve's top, 0, and its bottom, 100."""
    within = min(max(probability, LEAST_DRAWN), 1 - LEAST_DRAWN)
    return 50 - 50 * math.log(within / (1 - within)) / math.log((1 - LEAST_DRAWN) / LEAST_DRAWN)
