"""`python -m tests.tools.screenshots DIR`: every view of the app, in use, light, dark and on a phone.

The README shows those of `demo/screenshots/`.
"""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from export.benchmark.chromium import CHROMIUM_FLAGS, find_browser
from tests.support.driving import open_view, stroke
from tests.support.serving import ROOT, served_app

LOOKS: Final = {"light": (1280, 800, "light"), "dark": (1280, 800, "dark"), "phone": (390, 844, "light")}
"""Width and height of the window in pixels, and the browser's colour scheme."""

SETTLED_MILLISECONDS: Final = 500
"""For what fades."""

SHOWN_WIDTH: Final = {"light": 800, "dark": 800, "phone": 260}

THREE: Final = [(0.3, 0.25), (0.5, 0.18), (0.68, 0.3), (0.5, 0.48), (0.7, 0.65), (0.5, 0.82), (0.28, 0.72)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    with served_app() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_FLAGS)
        for look in LOOKS:
            for view, use in VIEWS.items():
                picture = taken(chromium, address, look, view, use)
                picture.save(folder / f"{view}-{look}.webp", quality=80, method=6)
        chromium.close()
    return 0


def taken(browser: Browser, address: str, look: str, view: str, use: Callable[[Page], None]) -> Image.Image:
    """The window with a view in use, at the width at which the README shows it."""
    width, height, scheme = LOOKS[look]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#area canvas")).to_be_visible()
    open_view(page, view)
    use(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    picture = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    side = SHOWN_WIDTH[look]
    return picture.resize((side, side * picture.height // picture.width), Image.Resampling.LANCZOS)


def use_check(page: Page) -> None:
    stroke(page, THREE)
    expect(page.locator("#result .result-file")).to_have_text("Your drawing")


def use_generate(page: Page) -> None:
    expect(page.locator("#wall .wall-digit")).to_have_count(16)


def use_learn(page: Page) -> None:
    expect(page.locator("#learn svg").first).to_be_visible()


def use_game(page: Page) -> None:
    page.get_by_role("button", name="New game").click()
    for number in (1, 2):
        expect(page.get_by_role("img", name=f"Digit number {number}:")).to_be_visible()
        page.locator("#say-fake").click()
    expect(page.get_by_role("img", name="Digit number 3:")).to_be_visible()


def use_many(page: Page) -> None:
    pictures = sorted((ROOT / "demo" / "conformance").glob("*.png"))
    page.set_input_files(".files-input", pictures)
    expect(page.locator(".answers-rows tr")).to_have_count(len(pictures))


def use_elsewhere(page: Page) -> None:
    expect(page.locator("#elsewhere table").first).to_be_visible()


VIEWS: Final[dict[str, Callable[[Page], None]]] = {
    "check": use_check,
    "generate": use_generate,
    "learn": use_learn,
    "game": use_game,
    "many": use_many,
    "elsewhere": use_elsewhere,
}
"""What is done in each view before its picture is taken."""


if __name__ == "__main__":
    sys.exit(main())
