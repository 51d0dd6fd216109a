"""`python -m tests.tools.measure_page`: measure the page's weight, and the time to an answer."""

import statistics
import sys
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright

from export.benchmark.chromium import CHROMIUM_FLAGS, find_browser
from tests.support.driving import stroke
from tests.support.serving import served_app

STROKES: Final = 21

TIMER: Final = """() => {
    let start = null;
    window.waits = [];
    document.addEventListener('touchstone:input', () => { start = performance.now(); });
    new MutationObserver(() => {
        const fresh = document.querySelector('#result .result:not([data-stale])');
        if (start === null || !fresh) return;
        window.waits.push(performance.now() - start);
        start = null;
    }).observe(document.querySelector('#result'), { childList: true, subtree: true });
}"""
"""Measures from the end of a stroke until its answer is on the page."""


def main() -> int:
    """Print the figures; returns the exit code."""
    with served_app() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_FLAGS)
        page = chromium.new_page()
        sizes: list[int] = []
        network = page.context.new_cdp_session(page)
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        network.send("Network.enable")
        page.goto(address)
        expect(page.get_by_role("button", name="Why?")).to_be_visible()
        page.evaluate(TIMER)
        draw(page, 1)
        weight = sum(sizes)
        for count in range(2, STROKES + 1):
            draw(page, count)
        first, *others = page.evaluate("window.waits")
        chromium.close()
    print(f"{weight / 1000:.0f} kB over the wire before the first answer")
    print(f"first answer {first:.0f} ms after the stroke, then {statistics.median(others):.0f} ms", end="")
    print(f" (median of {len(others)}, {min(others):.0f} to {max(others):.0f})")
    return 0


def draw(page: Page, count: int) -> None:
    """Draw one stroke and wait for its answer, the `count`-th."""
    stroke(page, [(0.3, 0.2), (0.7, 0.2), (0.45, 0.4 + 0.02 * count)])
    page.wait_for_function("count => window.waits.length === count", arg=count)


if __name__ == "__main__":
    sys.exit(main())
