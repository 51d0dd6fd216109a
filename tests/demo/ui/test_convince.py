"""The search before one visitor: one turn at a time, and a panel that says how it stands."""

import re
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace

import pytest
from demo.ui.views.convince import Chosen, Desk, LaidOut, convince_panel

from demo.api.endpoints import generate_files
from demo.inference.engine import Engine
from demo.insight.grid import Recipe
from demo.insight.search import STEPS
from demo.ui.texts import load_words

ENGLISH = load_words()["en"]
RECIPE = Recipe("mlp_generator", None, 3, 2)


@pytest.fixture
def desk(tutorial_engine: Engine) -> Desk:
    desk = Desk()
    lay(tutorial_engine, desk, RECIPE)
    return desk


def lay(engine: Engine, desk: Desk, recipe: Recipe) -> LaidOut:
    files = generate_files(engine, recipe.generator, recipe.count, recipe.seed, None)
    laid = desk.lay(desk.ask(), Chosen.of(recipe, files), files)
    assert laid is not None
    return laid


def enabled(panel: str) -> set[str]:
    """What the buttons that can be pressed do."""
    return set(re.findall(r'data-does="(\w+)"(?! disabled)', panel))


def test_before_a_search_it_can_only_begin(tutorial_engine: Engine, desk: Desk) -> None:
    panel = convince_panel(tutorial_engine, desk.now, ENGLISH)
    assert enabled(panel) == {"start", "select"}
    assert f"Step 0 of {STEPS}" in panel
    assert "Chosen: mlp_generator-3-0.png." in panel


def test_where_nothing_is_chosen_there_is_no_panel(tutorial_engine: Engine) -> None:
    assert convince_panel(tutorial_engine, Desk().now, ENGLISH) == ""
    assert list(Desk().convince(tutorial_engine, 0, ENGLISH)) == []


def test_a_halted_search_shows_what_it_has_found(tutorial_engine: Engine, desk: Desk) -> None:
    panels = desk.convince(tutorial_engine, desk.now.turn, ENGLISH)
    running = [next(panels) for _ in range(3)][-1]
    assert enabled(running) == {"halt", "select"}
    desk.halt()
    (last,) = panels
    assert enabled(last) == {"start", "select"}
    assert f"Step 2 of {STEPS}" in last
    assert "Stopped: P(fake | x) from" in last


def test_another_turn_ends_the_search_without_a_word(tutorial_engine: Engine, desk: Desk) -> None:
    panels = desk.convince(tutorial_engine, desk.now.turn, ENGLISH)
    next(panels)
    other = desk.choose(desk.now.wall, 1)
    assert other is not None
    assert list(panels) == []
    assert desk.now is other


def test_another_search_ends_the_one_before(tutorial_engine: Engine, desk: Desk) -> None:
    first = desk.convince(tutorial_engine, desk.now.turn, ENGLISH)
    next(first)
    second = desk.convince(tutorial_engine, desk.now.turn, ENGLISH)
    next(second)
    assert list(first) == []
    assert f"Step 1 of {STEPS}" in next(second)


def test_a_search_that_waited_while_another_digit_was_chosen_does_not_begin(
    tutorial_engine: Engine, desk: Desk
) -> None:
    waiting = desk.convince(tutorial_engine, desk.now.turn, ENGLISH)
    other = desk.choose(desk.now.wall, 1)
    assert list(waiting) == []
    assert desk.now is other


def test_a_digit_of_a_wall_that_is_gone_is_not_chosen(tutorial_engine: Engine, desk: Desk) -> None:
    before = desk.now
    after = lay(tutorial_engine, desk, replace(RECIPE, count=1, seed=4))
    assert after.wall > before.wall
    assert desk.choose(before.wall, 0) is None
    assert desk.choose(after.wall, 1) is None
    assert desk.now is after


def test_of_two_walls_the_one_asked_for_later_stays(tutorial_engine: Engine, desk: Desk) -> None:
    assert desk.now.chosen is not None
    earlier = desk.ask()
    later = lay(tutorial_engine, desk, replace(RECIPE, seed=4))
    assert desk.lay(earlier, desk.now.chosen, desk.now.files) is None
    assert desk.now is later


def test_from_many_threads_the_parts_of_a_desk_belong_together(tutorial_engine: Engine, desk: Desk) -> None:
    walls = {
        count: generate_files(tutorial_engine, RECIPE.generator, count, count, None) for count in (1, 2, 3)
    }

    def work(number: int) -> None:
        count = number % 3 + 1
        desk.lay(desk.ask(), Chosen.of(replace(RECIPE, count=count), walls[count]), walls[count])
        desk.choose(desk.now.wall, 2)
        now = desk.now
        assert now.chosen is not None
        assert now.chosen.recipe.count == len(now.files)
        assert now.chosen.before is now.files[now.chosen.recipe.index]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(2000)))


def test_each_visitor_has_a_desk_of_their_own_which_counts_on(desk: Desk) -> None:
    copied = deepcopy(desk)
    assert copied.now.chosen is None
    assert copied.ask() > desk.now.turn


def test_after_the_last_step_it_says_from_where_to_where(tutorial_engine: Engine, desk: Desk) -> None:
    *_, last = desk.convince(tutorial_engine, desk.now.turn, ENGLISH)
    assert re.search(r"The search has ended: P\(fake \| x\) from \d\.\d{4} to \d\.\d{4}\.", last)
    points = re.findall(r"[\d.]+,([\d.]+)", re.findall(r'points="([^"]*)"', last)[0])
    assert len(points) == STEPS + 1
    assert [float(each) for each in points] == sorted(float(each) for each in points)
