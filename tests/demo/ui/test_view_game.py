"""*Beat the discriminator*, in a real browser against a real server."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from demo.insight.digits import FILE
from playwright.sync_api import Browser, Page, expect

from demo.insight.game import CARDS
from tests.support.accessibility import serious
from tests.support.driving import FOUR_DECIMALS, lose_session, open_view, overflow, stroke
from tests.support.handwriting import large_digits, write_idx
from tests.support.serving import served_app
from tests.tools.load import Answer, Door, many


@pytest.fixture(scope="module")
def mnist_server(tmp_path_factory: pytest.TempPathFactory, product_models: Path) -> Iterator[str]:
    """The app where a collection of real digits is at hand: others, under the name of MNIST's file."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "mnist").mkdir()
    write_idx(folder / "mnist", FILE, large_digits()[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOUCHSTONE_DATA", str(folder))
        with served_app("--models", str(product_models)) as address:
            yield address


@pytest.fixture(scope="module")
def bare_server(tmp_path_factory: pytest.TempPathFactory, product_models: Path) -> Iterator[str]:
    """The app where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOUCHSTONE_DATA", str(tmp_path_factory.mktemp("none")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with served_app("--models", str(product_models)) as address:
            yield address


def play(page: Page, digits: int = CARDS) -> None:
    for number in range(1, digits + 1):
        expect(page.get_by_role("img", name=f"Digit number {number}:")).to_be_visible()
        page.locator("#say-fake" if number % 2 else "#say-real").click()


async def made_up_session(door: Door) -> Answer:
    """A call in a session of its own, which there is from then on, even where too many calls wait."""
    call = {"data": [3, 1, 0, None], "session_hash": uuid4().hex}
    return await door.send("/gradio_api/call/generate", call)


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.parametrize("width", [1280, 390])
def test_ten_digits_and_the_scores(browser: Browser, mnist_server: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(mnist_server)
    open_view(page, "game")
    expect(page.locator("#board")).to_contain_text("test digits of MNIST")
    page.get_by_role("button", name="New game").click()
    board = page.locator("#board")
    expect(board).to_contain_text("Digit 1 of 10. You 0, the model 0.")
    # Nothing of the answer is on the page before it is given.
    expect(board).not_to_contain_text(FOUR_DECIMALS)
    play(page)
    expect(board.locator(".cards li")).to_have_count(CARDS)
    scores = re.search(r"You (\d+) of 10, the model (\d+) of 10", board.inner_text())
    assert scores is not None
    told = board.locator(".cards li").all_inner_texts()
    assert sum("You were right" in each for each in told) == int(scores[1])
    assert sum("The model was right" in each for each in told) == int(scores[2])
    both = [each for each in told if "You were wrong" in each and "The model was wrong" in each]
    heading = "These fooled you both" if both else "Nothing fooled you both"
    expect(board.locator("h3").first).to_have_text(heading)
    assert serious(page) == []
    assert told[: len(both)] == both
    assert overflow(page) <= 0
    page.get_by_role("button", name="New game").click()
    expect(board).to_contain_text("Digit 1 of 10. You 0, the model 0.")
    page.close()


@pytest.mark.browser
def test_without_a_collection_the_player_s_own_digits_are_the_real_ones(
    browser: Browser, bare_server: str
) -> None:
    page = browser.new_page()
    page.goto(bare_server)
    open_view(page, "game")
    expect(page.locator("#own-area .area-choose")).to_be_hidden()
    expect(page.get_by_role("tabpanel").filter(visible=True)).to_contain_text(
        "No collection of real digits is at hand here"
    )
    add = page.get_by_role("button", name="Add this digit")
    add.click()
    expect(page.locator("#own-told")).to_contain_text("Draw one digit first")
    for drawn in range(1, 6):
        stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.6 + 0.05 * drawn)], "#own-area")
        expect(page.locator("#own-area .area-hint")).to_be_hidden()
        add.click()
        expect(page.locator("#own-told")).to_contain_text(f"{drawn} of 5 drawn.")
        expect(page.locator("#own-area .area-hint")).to_be_visible()
        if drawn == 1:
            page.get_by_role("button", name="New game").click()
            expect(page.locator("#board")).to_contain_text("Draw 4 more first.")
    page.get_by_role("button", name="New game").click()
    play(page)
    expect(page.locator("#board .cards li")).to_have_count(CARDS)
    page.close()


@pytest.mark.browser
def test_a_game_outlasts_those_who_make_up_sessions(browser: Browser, mnist_server: str) -> None:
    page = browser.new_page()
    # By this stream the app knows that the page is open.
    with page.expect_request("**/gradio_api/heartbeat/*"):
        page.goto(f"{mnist_server}?view=game")
    page.get_by_role("button", name="New game").click()
    play(page, 3)
    expect(page.locator("#board")).to_contain_text("Digit 4 of 10.")
    # The browser's own loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        calls = many(Door.of(mnist_server), (made_up_session,), 300, 8)
        load = thread.submit(asyncio.run, calls).result()
    assert (load.failures, load.outcomes.total()) == (0, 300)
    page.locator("#say-fake").click()
    expect(page.locator("#board")).to_contain_text("Digit 5 of 10.")
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("locale", "again", "says"),
    [
        ("en-US", "New game", "This game is no longer kept here"),
        ("zh-CN", "开始新游戏", "这局游戏已不再保留"),
    ],
)
def test_a_game_that_is_lost_is_said_and_another_one_begins(
    browser: Browser, mnist_server: str, locale: str, again: str, says: str
) -> None:
    page = browser.new_page(locale=locale)
    page.goto(mnist_server)
    open_view(page, "game")
    page.get_by_role("button", name=again).click()
    page.locator("#say-fake").click()
    expect(page.locator("#board .card strong")).to_contain_text("2")
    lose_session(page)
    page.locator("#say-fake").click()
    expect(page.locator("#board [role=status]")).to_contain_text(says)
    expect(page.locator("#say-fake")).to_be_hidden()
    page.get_by_role("button", name=again).click()
    expect(page.locator("#board .card strong")).to_contain_text("1")
    page.locator("#say-real").click()
    expect(page.locator("#board .card strong")).to_contain_text("2")
    page.close()
