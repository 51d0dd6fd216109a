"""Accessibility checks with axe-core."""

import functools
from typing import Final, Literal

from playwright.sync_api import Page

from tests.support.node import TESTS, node_modules

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
RUN = """async () => {
    // Otherwise colours would be examined while they change.
    const still = new CSSStyleSheet();
    still.replaceSync('* { transition: none !important; animation: none !important }');
    document.adoptedStyleSheets = [still];
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, help, nodes }) => nodes.map(({ target, any }) => {
            const reasons = any.map(({ message }) => message).join('; ');
            return `${id}: ${help}: ${target.join(' ')} ${reasons}`.trim();
        }));
}"""


def serious(page: Page) -> list[str]:
    """Return the serious and critical violations on a page in light and in dark, one line an element.

    A test that calls this needs the marks `browser` and `node`: axe-core comes from npm.
    """
    # Evaluated, because the page's content policy forbids added scripts.
    page.evaluate(axe())
    found: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += page.evaluate(RUN)
    return found


@functools.cache
def axe() -> str:
    """Return axe-core's script, in the version that tests/package.json pins."""
    return (node_modules(TESTS) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
