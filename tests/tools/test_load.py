"""The load battery in small; `python -m tests.tools.load` puts all of it on."""

import asyncio
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.driving import picture_bytes, upload
from tests.support.serving import served_app
from tests.tools.load import (
    EVERY_KIND,
    Answer,
    Target,
    behind_nginx,
    beside_stalled,
    health,
    many,
    parsed,
)

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 4\r\n\r\nbusy"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the app is behind nginx: a sub-path."""
    if shutil.which("nginx") is None:
        pytest.skip("needs nginx")
    with served_app(GRADIO_ROOT_PATH="/touchstone") as app, behind_nginx(app) as address:
        yield address


@pytest.fixture
def target(address: str) -> Target:
    return Target.at(address)


def test_every_kind_of_request_is_answered_through_nginx(target: Target) -> None:
    load = asyncio.run(many(target, EVERY_KIND, len(EVERY_KIND), 4))
    assert load.failures == 0
    assert all(name.endswith(" 200") for name in load.outcomes)


def test_clients_that_stall_keep_nobody_out(target: Target) -> None:
    load, _ = asyncio.run(beside_stalled(target, 24, 100))
    assert (load.failures, load.outcomes.total()) == (0, 24)


def test_one_address_does_not_get_everything(target: Target) -> None:
    async def ask() -> list[Answer]:
        return await asyncio.gather(*(health(target) for _ in range(300)))

    answers = asyncio.run(ask())
    assert any(each.busy for each in answers)
    assert all(each.busy or each.status == 200 for each in answers)


def test_outcomes_are_told_apart() -> None:
    assert parsed(BUSY).busy
    assert not parsed(BUSY.replace(b"retry-after", b"x-other")).busy
    assert parsed(BUSY[:-1]).failure == "closed in the middle of an answer"
    assert parsed(b"HTTP/1.1 200").failure == "closed without an answer"
    load = asyncio.run(many(Target("127.0.0.1", 9), (health,), 3, 3))
    assert load.failures == 3
    assert all(re.fullmatch(r"health \w+Error", name) for name in load.outcomes)


# Last: asyncio.run does not work beside a browser.
@pytest.mark.browser
def test_the_page_works_at_a_sub_path(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    upload(page, "7.png", picture_bytes())
    expect(page.locator("#result .result-file")).to_have_text("7.png")
    page.close()
