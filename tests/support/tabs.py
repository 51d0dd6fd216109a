"""Browser pages that tests share one after the other, because opening one costs more than loading it anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, ViewportSize

SIZES: Final[dict[str, ViewportSize]] = {
    "wide": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}

both_sizes = pytest.mark.parametrize("page", SIZES, indirect=True)
"""For tests of what looks or works differently on a phone."""
on_a_phone = pytest.mark.parametrize("page", ["phone"], indirect=True)


class Tabs:
    """The pages of one browser, by size. A test that adds an init script needs a page of its own."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.pages: dict[str, Page] = {}

    @contextmanager
    def visit(self, address: str, size: str, console: bool = False) -> Iterator[Page]:
        """Yield a page at an address as on a first visit: nothing stored, granted or intercepted.

        Afterwards, asserts that it sent no request to another machine and raised no error; with `console`,
        that it logged none either.
        """
        page = self.pages.pop(size, None) or self.opened(size)
        asked: list[str] = []
        raised: list[str] = []

        def on_request(sent: Request) -> None:
            asked.append(sent.url)

        def on_error(error: Error) -> None:
            raised.append(str(error))

        def on_console(said: ConsoleMessage) -> None:
            if console and said.type == "error":
                raised.append(said.text)

        page.context.on("request", on_request)
        page.on("pageerror", on_error)
        page.on("console", on_console)
        page.goto(address)
        yield page
        page.context.remove_listener("request", on_request)
        page.remove_listener("pageerror", on_error)
        page.remove_listener("console", on_console)
        clear(page, address, SIZES[size])
        self.pages[size] = page
        own = ("", urlsplit(address).netloc)
        # `data:` and `blob:` addresses have no host.
        assert [url for url in asked if urlsplit(url).netloc not in own] == []
        assert len(asked) > 1
        assert raised == []

    def opened(self, size: str) -> Page:
        """Return a new page in a context of its own, with touch on a phone."""
        return self.browser.new_page(viewport=SIZES[size], has_touch=size == "phone")


def clear(page: Page, address: str, size: ViewportSize) -> None:
    """Leave a site, and undo what a test may have stored, granted, intercepted or emulated."""
    page.unroute_all(behavior="ignoreErrors")
    page.context.set_offline(False)
    page.context.clear_permissions()
    page.context.clear_cookies()
    page.goto("about:blank")
    session = page.context.new_cdp_session(page)
    site = urlsplit(address)
    origin = f"{site.scheme}://{site.netloc}"
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    session.detach()
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    page.set_viewport_size(size)
    page.mouse.move(0, 0)
