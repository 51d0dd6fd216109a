"""The search panel of *Generate*: it shows the progress of one search, and only what was requested last."""

import re
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from demo.api.results import checked_digits
from demo.inference.engine import Engine
from demo.insight.search import STEPS
from demo.ui.views import generate
from tests.demo.ui.test_handlers import Handlers, handlers_of

DIGITS = "generator=mlp_generator&seed=3&count=2"


@pytest.fixture(scope="module")
def handlers(tutorial_engine: Engine) -> Handlers:
    return handlers_of(tutorial_engine)


class Visitor:
    """A visitor whose page shows the first of two digits."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self.latest = {"grid": 0, "turn": 0, "halted": 0}
        self.panel = self.send("page_open_grid", DIGITS)[1]

    def send(self, name: str, query: str, turn: int = 0) -> Any:
        event = gr.EventData(None, {"query": query, "turn": turn})
        return self.handlers[name](self.latest, event, None)

    def select(self, index: int) -> None:
        self.panel = self.send("page_select_digit", f"{DIGITS}&index={index}")

    def search(self) -> Iterator[str]:
        """Press *Search* in the panel."""
        turn = int(re.findall(r'data-turn="(\d+)"', self.panel)[0])
        panels: Iterator[str] = self.send("page_search", DIGITS, turn)
        return panels


@pytest.fixture
def visitor(handlers: Handlers) -> Visitor:
    return Visitor(handlers)


def enabled(panel: str) -> set[str]:
    """What the buttons that can be pressed do."""
    return set(re.findall(r'data-action="(\w+)"(?! disabled)', panel))


def test_a_search_ends_with_the_first_and_the_last_score(visitor: Visitor) -> None:
    assert enabled(visitor.panel) == {"start", "select"}
    assert f"Step 0 of {STEPS}" in visitor.panel
    assert "Selected: mlp_generator-3-0.png." in visitor.panel
    *_, running, last = visitor.search()
    assert enabled(running) == {"halt", "select"}
    assert enabled(last) == {"start", "select"}
    assert re.search(r"Search finished: P\(fake \| x\) went from \d\.\d{4} to \d\.\d{4}\.", last)
    points = re.findall(r"[\d.]+,([\d.]+)", re.findall(r'points="([^"]*)"', last)[0])
    assert len(points) == STEPS + 1
    assert [float(each) for each in points] == sorted(float(each) for each in points)


def test_a_halted_search_shows_what_it_has_found(visitor: Visitor) -> None:
    panels = visitor.search()
    assert enabled([next(panels) for _ in range(3)][-1]) == {"halt", "select"}
    visitor.handlers["page_halt"](visitor.latest)
    (visitor.panel,) = panels
    assert enabled(visitor.panel) == {"start", "select"}
    assert f"Step 2 of {STEPS}" in visitor.panel
    assert "Stopped: P(fake | x) went from" in visitor.panel
    # The halt does not end the next search.
    again = visitor.search()
    next(again)
    assert enabled(next(again)) == {"halt", "select"}


@pytest.mark.parametrize("begun", [True, False], ids=["running", "waiting"])
@pytest.mark.parametrize("other", ["page_select_digit", "page_open_grid"])
def test_another_digit_or_grid_ends_a_search(visitor: Visitor, begun: bool, other: str) -> None:
    panels = visitor.search()
    if begun:
        next(panels)
    visitor.send(other, f"{DIGITS}&index=1")
    assert list(panels) == []


def test_another_search_ends_the_previous_one(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock may stand still for a moment, or be set back.
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    first = visitor.search()
    visitor.panel = next(first)
    second = visitor.search()
    next(second)
    assert list(first) == []
    assert f"Step 1 of {STEPS}" in next(second)


def test_after_a_restart_the_digits_on_an_open_page_can_be_searched(visitor: Visitor) -> None:
    visitor.latest = {"grid": 0, "turn": 0, "halted": 0}
    assert f"Step 0 of {STEPS}" in next(visitor.search())
    visitor.select(1)
    assert "Selected: mlp_generator-3-1.png." in visitor.panel


def test_of_two_grids_the_one_requested_later_stays_and_can_be_searched(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*arguments: Any) -> Any:
        visitor.latest["grid"] += 1
        return checked_digits(*arguments)

    monkeypatch.setattr(generate, "checked_digits", slowly)
    late = visitor.send("page_open_grid", DIGITS)
    assert late == [gr.skip()] * len(late)
    assert f"Step 0 of {STEPS}" in next(visitor.search())
