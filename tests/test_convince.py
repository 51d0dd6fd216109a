"""The search before one visitor: one turn at a time, and a panel that says how it stands."""

import re

import pytest

from demo.endpoints import generate_files
from demo.latent_search import STEPS
from demo.recipe import Recipe
from demo.runtime import Engine
from demo.texts import load_words
from demo.views.convince import Chosen, Desk, convince_panel

ENGLISH = load_words()["en"]
RECIPE = Recipe("mlp_generator", None, 3, 2)


@pytest.fixture
def desk(tutorial_engine: Engine) -> Desk:
    desk = Desk()
    desk.files = generate_files(tutorial_engine, RECIPE.generator, RECIPE.count, RECIPE.seed, None)
    desk.put(Chosen.of(RECIPE, desk.files))
    return desk


def enabled(panel: str) -> set[str]:
    """What the buttons that can be pressed do."""
    return set(re.findall(r'data-does="(\w+)"(?! disabled)', panel))


def test_before_a_search_it_can_only_begin(tutorial_engine: Engine, desk: Desk) -> None:
    panel = convince_panel(tutorial_engine, desk, ENGLISH)
    assert enabled(panel) == {"start", "select"}
    assert f"Step 0 of {STEPS}" in panel
    assert "Chosen: mlp_generator-3-0.png." in panel


def test_where_nothing_is_chosen_there_is_no_panel(tutorial_engine: Engine) -> None:
    assert convince_panel(tutorial_engine, Desk(), ENGLISH) == ""
    assert list(Desk().convince(tutorial_engine, ENGLISH)) == []


def test_a_halted_search_shows_what_it_has_found(tutorial_engine: Engine, desk: Desk) -> None:
    panels = desk.convince(tutorial_engine, ENGLISH)
    running = [next(panels) for _ in range(3)][-1]
    assert enabled(running) == {"halt", "select"}
    desk.halted = True
    (last,) = panels
    assert enabled(last) == {"start", "select"}
    assert f"Step 2 of {STEPS}" in last
    assert "Stopped: P(fake | x) from" in last


def test_another_turn_ends_the_search_without_a_word(tutorial_engine: Engine, desk: Desk) -> None:
    panels = desk.convince(tutorial_engine, ENGLISH)
    next(panels)
    assert desk.chosen is not None
    other = desk.chosen.other(1, desk.files)
    desk.put(other)
    assert list(panels) == []
    assert desk.chosen is other


def test_another_search_ends_the_one_before(tutorial_engine: Engine, desk: Desk) -> None:
    first = desk.convince(tutorial_engine, ENGLISH)
    next(first)
    second = desk.convince(tutorial_engine, ENGLISH)
    next(second)
    assert list(first) == []
    assert f"Step 1 of {STEPS}" in next(second)


def test_after_the_last_step_it_says_from_where_to_where(tutorial_engine: Engine, desk: Desk) -> None:
    *_, last = desk.convince(tutorial_engine, ENGLISH)
    assert re.search(r"The search has ended: P\(fake \| x\) from \d\.\d{4} to \d\.\d{4}\.", last)
    points = re.findall(r"[\d.]+,([\d.]+)", re.findall(r'points="([^"]*)"', last)[0])
    assert len(points) == STEPS + 1
    assert [float(each) for each in points] == sorted(float(each) for each in points)
