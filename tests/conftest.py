"""How the tests run: one thread each, and without those that need what is missing here."""

import os
import shutil

import pytest

from export.benchmark.chromium import find_browser
from tests.support.node import READY


def pytest_configure(config: pytest.Config) -> None:
    """Give each test process, and those it starts, one thread: with a process on each core, more threads only
    wait, and burn a core while they do.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    # The process that only hands out tests need not wait for PyTorch to be imported.
    if hasattr(config, "workerinput") or not config.getoption("numprocesses"):
        config.pluginmanager.import_plugin("tests.support.fixtures")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that need a browser or Node where there is none, unless `CI` is set, and say so."""
    if not config.getoption("-m"):
        leave_out(config, items, "slow", "run them with: pytest -m slow")
    if os.environ.get("CI"):
        return
    if not find_browser():
        leave_out(config, items, "browser", "install one with: python -m playwright install chromium")
    if not (shutil.which("node") and shutil.which("npm")):
        leave_out(config, items, "node", "install Node.js 20 or newer with npm: nodejs.org")
    elif not READY.exists():
        leave_out(config, items, "node", "fetch their packages once with: python -m tests.support.node")


def leave_out(config: pytest.Config, items: list[pytest.Item], marker: str, remedy: str) -> None:
    """Deselect the tests that carry a marker, and print how to run them."""
    marked = [item for item in items if item.get_closest_marker(marker)]
    if marked:
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if item not in marked]
        print(f"{len(marked)} {marker} tests left out; {remedy}")
