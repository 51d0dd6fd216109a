"""The conformance runners of `demo/embed/` run for real: in Node, and in a headless browser."""

import functools
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from demo.contract import FROM_IMAGE
from demo.embed.assemble import assemble_page
from tests.node import copy_programs

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MILLISECONDS = 120_000


class Served(NamedTuple):
    """A folder on the web: its address, and the paths that were asked for so far."""

    address: str
    asked: list[str]


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder on a free port of this machine."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
