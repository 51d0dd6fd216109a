"""The load battery in small; `python -m tests.tools.load` puts all of it on."""

import asyncio
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.driving import picture_bytes, upload
from tests.support.serving import served_app
from tests.tools.load import EVERY_KIND, behind_nginx, beside_stalled, client_at, many, outcome


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the app is behind nginx: a sub-path."""
    if shutil.which("nginx") is None:
        pytest.skip("needs nginx")
    with served_app(GRADIO_ROOT_PATH="/touchstone") as app, behind_nginx(app) as address:
        yield address


def test_every_kind_of_request_is_answered_through_nginx(address: str) -> None:
    load = asyncio.run(many(address, EVERY_KIND, len(EVERY_KIND), 4))
    assert load.failures == 0
    assert all(name.endswith(" 200") for name in load.outcomes)


def test_clients_that_stall_keep_nobody_out(address: str) -> None:
    load, _ = asyncio.run(beside_stalled(address, 24, 100))
    assert (load.failures, load.outcomes.total()) == (0, 24)


def test_one_address_does_not_get_everything(address: str) -> None:
    async def ask() -> list[str]:
        return await asyncio.gather(*(outcome("health", client_at(address)) for _ in range(300)))

    assert set(asyncio.run(ask())) == {"200", "busy"}


def test_a_failure_is_counted() -> None:
    load = asyncio.run(many("http://127.0.0.1:9", ("health",), 3, 3))
    assert load.failures == 3


# Last: asyncio.run does not work beside a browser.
@pytest.mark.browser
def test_the_page_works_at_a_sub_path(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    upload(page, "7.png", picture_bytes())
    expect(page.locator("#result .result-file")).to_have_text("7.png")
    page.close()


@pytest.mark.browser
def test_the_page_works_behind_a_proxy_that_forwards_no_headers(browser: Browser) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("needs nginx")
    with (
        served_app(GRADIO_ROOT_PATH="/touchstone") as app,
        behind_nginx(app, forwarded=False) as address,
    ):
        page = browser.new_page()
        page.goto(address)
        upload(page, "7.png", picture_bytes())
        expect(page.locator("#result .result-file")).to_have_text("7.png")
        page.get_by_role("tab", name="Generate").click()
        expect(page.locator("#digit-grid .grid-digit")).to_have_count(16)
        expect(page).to_have_url(f"{address}?view=generate")
        page.close()
