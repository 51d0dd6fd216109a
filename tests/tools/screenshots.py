"""`python -m tests.tools.screenshots DIR`: picture every view and the box, in light, in dark and on a phone.

The README shows `check-light.webp` and `check-dark.webp`, which lie in `demo/screenshots/`.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, expect

from export.benchmark.chromium import chromium
from tests.support.driving import USES, open_view, use_box
from tests.support.serving import served_app

LOOKS: Final = {
    "light": (1280, 800, "light", 800),
    "dark": (1280, 800, "dark", 800),
    "phone": (390, 844, "light", 260),
    "phone-dark": (390, 844, "dark", 260),
}
"""Width and height of the window, the browser's colour scheme, and the width of the picture, in pixels."""

STATES: Final = {**{view: (view, use) for view, use in USES.items()}, "box": ("check", use_box)}
"""What is shown: the view to open, and what to do there."""

FADE_MILLISECONDS: Final = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--full", action="store_true", help="whole pages at full size, to look for faults")
    parsed = parser.parse_args(arguments)
    parsed.folder.mkdir(parents=True, exist_ok=True)
    # The game needs MNIST's digits.
    digits = os.environ.get("TOUCHSTONE_DATA", "")
    with served_app(TOUCHSTONE_DATA=digits) as address, chromium() as browser:
        expect.set_options(timeout=60_000)
        for look in LOOKS:
            for state in STATES:
                picture = screenshot(browser, address, look, state, parsed.full)
                # WebP has at most 16,383 pixels a side.
                kind = "png" if parsed.full else "webp"
                picture.save(parsed.folder / f"{state}-{look}.{kind}", quality=80, method=6)
    return 0


def screenshot(browser: Browser, address: str, look: str, state: str, full: bool) -> Image.Image:
    """Return the window in one of the `STATES`, at the width at which the README shows it."""
    view, use = STATES[state]
    width, height, scheme, shown = LOOKS[look]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#area .pad")).to_be_visible()
    open_view(page, view)
    use(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(FADE_MILLISECONDS)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full)))
    context.close()
    if full:
        return picture
    return picture.resize((shown, shown * picture.height // picture.width), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    sys.exit(main())
