"""One visitor's search: one turn at a time, and a panel that shows its progress."""

import re
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace

import pytest

from demo.api.endpoints import checked_digits
from demo.inference.engine import Engine
from demo.insight.grid import GenerateParams
from demo.insight.search import STEPS
from demo.ui.texts import load_texts
from demo.ui.views.search import SearchState, Selection, search_panel

ENGLISH = load_texts()["en"]
PARAMS = GenerateParams("mlp_generator", None, 3, 2)


@pytest.fixture
def state(tutorial_engine: Engine) -> SearchState:
    state = SearchState()
    show(tutorial_engine, state, PARAMS)
    return state


def show(engine: Engine, state: SearchState, params: GenerateParams) -> Selection:
    files = checked_digits(engine, params.generator, params.count, params.seed, None)
    selection = state.show_grid(state.request_grid(), params, files)
    assert selection is not None
    return selection


def now(state: SearchState) -> Selection:
    assert state.now is not None
    return state.now


def enabled(panel: str) -> set[str]:
    """What the buttons that can be pressed do."""
    return set(re.findall(r'data-action="(\w+)"(?! disabled)', panel))


def test_a_search_ends_with_the_first_and_the_last_score(tutorial_engine: Engine, state: SearchState) -> None:
    before = search_panel(tutorial_engine, now(state), ENGLISH)
    assert enabled(before) == {"start", "select"}
    assert f"Step 0 of {STEPS}" in before
    assert "Selected: mlp_generator-3-0.png." in before
    *_, running, last = state.run(tutorial_engine, now(state).turn, ENGLISH)
    assert enabled(running) == {"halt", "select"}
    assert enabled(last) == {"start", "select"}
    assert re.search(r"Search finished: P\(fake \| x\) went from \d\.\d{4} to \d\.\d{4}\.", last)
    points = re.findall(r"[\d.]+,([\d.]+)", re.findall(r'points="([^"]*)"', last)[0])
    assert len(points) == STEPS + 1
    assert [float(each) for each in points] == sorted(float(each) for each in points)


def test_a_halted_search_shows_what_it_has_found(tutorial_engine: Engine, state: SearchState) -> None:
    panels = state.run(tutorial_engine, now(state).turn, ENGLISH)
    assert enabled([next(panels) for _ in range(3)][-1]) == {"halt", "select"}
    state.halt()
    (last,) = panels
    assert enabled(last) == {"start", "select"}
    assert f"Step 2 of {STEPS}" in last
    assert "Stopped: P(fake | x) went from" in last
    # The halt does not end the next search.
    again = state.run(tutorial_engine, now(state).turn, ENGLISH)
    next(again)
    assert enabled(next(again)) == {"halt", "select"}


@pytest.mark.parametrize("begun", [True, False], ids=["running", "waiting"])
def test_selecting_another_digit_ends_a_search(
    tutorial_engine: Engine, state: SearchState, begun: bool
) -> None:
    panels = state.run(tutorial_engine, now(state).turn, ENGLISH)
    if begun:
        next(panels)
    other = state.select(now(state).grid, 1)
    assert other is not None
    assert list(panels) == []
    assert state.now is other


def test_another_search_ends_the_previous_one(tutorial_engine: Engine, state: SearchState) -> None:
    first = state.run(tutorial_engine, now(state).turn, ENGLISH)
    next(first)
    second = state.run(tutorial_engine, now(state).turn, ENGLISH)
    next(second)
    assert list(first) == []
    assert f"Step 1 of {STEPS}" in next(second)


def test_only_digits_of_the_latest_grid_can_be_selected(tutorial_engine: Engine, state: SearchState) -> None:
    before = now(state)
    earlier = state.request_grid()
    after = show(tutorial_engine, state, replace(PARAMS, count=1, seed=4))
    assert state.show_grid(earlier, before.params, before.digits) is None
    assert state.select(before.grid, 0) is None
    assert state.select(after.grid, 1) is None
    assert state.now is after


def test_the_parts_of_a_selection_belong_together_across_threads(
    tutorial_engine: Engine, state: SearchState
) -> None:
    grids = {
        count: checked_digits(tutorial_engine, PARAMS.generator, count, count, None) for count in (1, 2, 3)
    }

    def work(number: int) -> None:
        count = number % 3 + 1
        state.show_grid(state.request_grid(), replace(PARAMS, count=count), grids[count])
        state.select(now(state).grid, 2)
        selection = now(state)
        assert selection.params.count == len(selection.digits)
        assert selection.before is selection.digits[selection.params.index]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(1000)))


def test_each_visitor_gets_a_state_with_later_numbers(tutorial_engine: Engine, state: SearchState) -> None:
    copied = deepcopy(state)
    assert copied.now is None
    assert copied.request_grid() > now(state).turn
    assert list(copied.run(tutorial_engine, now(state).turn, ENGLISH)) == []
