"""A browser page that tests share in turn, because opening one costs more than loading it anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page, Request, ViewportSize

WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}


@contextmanager
def visit(page: Page, address: str, console: bool = False) -> Iterator[Page]:
    """Open an address as on a first visit, and yield the page: nothing is stored, granted or intercepted.

    Afterwards, asserts that it sent no request to another machine and raised no error; with `console`,
    that it logged none either.
    """
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
    clear(page, address)
    own = ("", urlsplit(address).netloc)
    # `data:` and `blob:` addresses have no host.
    assert [url for url in asked if urlsplit(url).netloc not in own] == []
    assert len(asked) > 1
    assert raised == []


def clear(page: Page, address: str) -> None:
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
    page.mouse.move(0, 0)
