"""The conformance runners of `demo/static_page/` run for real: in Node, and in a headless browser."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from demo.contract import FROM_IMAGE
from demo.static_page.assemble import assemble_page
from export.benchmark.chromium import CHROMIUM_FLAGS
from export.benchmark.static import serving
from tests.support.node import copy_programs

PATIENCE_MILLISECONDS = 300_000


def node_reports(pack: Path, models: Path) -> list[dict[str, Any]]:
    """What Node says of a pack (pictures, `expected.json`, `arrays/`): the runner's report."""
    with tempfile.TemporaryDirectory() as folder:
        programs = copy_programs(Path(folder))
        model = models / f"{FROM_IMAGE}.onnx"
        command = ["node", "conformance.mjs", str(pack), str(model)]
        output = subprocess.run(command, cwd=programs, capture_output=True, text=True, check=True).stdout
    report: list[dict[str, Any]] = json.loads(output)
    return report


def browser_reports(pack: Path, browser: str, models: Path) -> list[dict[str, Any]]:
    """What a Chromium says of a pack, on the page that needs no server: the runner's report."""
    with tempfile.TemporaryDirectory() as folder:
        page_folder = Path(folder) / "page"
        assemble_page(page_folder, models)
        shutil.copytree(pack, page_folder / "conformance")
        with serving(page_folder) as served, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=CHROMIUM_FLAGS)
            page = chromium.new_page()
            page.goto(f"{served.address}conformance.html")
            done = page.locator("#report[data-done]")
            done.wait_for(state="attached", timeout=PATIENCE_MILLISECONDS)
            report: list[dict[str, Any]] = json.loads(done.inner_text())
            chromium.close()
    return report
