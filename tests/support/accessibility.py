"""What axe-core finds wrong with a page for people who use it by keyboard or screen reader."""

import functools

from playwright.sync_api import Page

from export.benchmark.packages import node_modules
from tests.support.node import TESTS

RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, help, nodes }) => nodes.map(({ target, any }) => {
            const reasons = any.map(({ message }) => message).join('; ');
            return `${id}: ${help}: ${target.join(' ')} ${reasons}`.trim();
        }));
}"""


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical in a page as it stands: a line for each part it blames.

    A test that calls this needs the marks `node`, for the package comes from npm, and `browser`.
    """
    # Evaluated rather than added as a script, which the page's content policy would forbid.
    page.evaluate(axe())
    found: list[str] = page.evaluate(RUN)
    return found


@functools.cache
def axe() -> str:
    """axe-core's script, of the version that tests/package.json pins."""
    return (node_modules(TESTS) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
