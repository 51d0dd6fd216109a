"""A headless Chromium, for pages that are measured or tested."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from export.errors import ExportError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A camera that everybody may use.
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def find_browser() -> str | None:
    """Return the path of an installed Chromium, Playwright's own included, or None."""
    from playwright.sync_api import sync_playwright

    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start a headless Chromium; it is closed at the end.

    Raises:
        ExportError: Playwright or a browser is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ExportError("Playwright is missing. Install it with: pip install playwright") from error
    path = find_browser()
    if path is None:
        raise ExportError("There is no Chromium. Install one with: python -m playwright install chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS) as browser,
    ):
        yield browser
