"""The page without a server, in a real browser: time to the first answer, and bytes loaded."""

import base64
import gzip
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from demo.contract import FROM_IMAGE, MANIFEST
from demo.snippets.programs import HERE as PROGRAMS
from demo.static_page.assemble import PAGE_FOLDER, RUNTIME, assemble_page, runtime_files
from export.benchmark.chromium import chromium
from export.benchmark.harness import (
    Options,
    Report,
    Row,
    in_turn,
    report,
    rows_from,
)
from export.benchmark.static import serving
from export.conformance import CONFORMANCE_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE: Final = Path(__file__).with_name("web")
PICTURE: Final = CONFORMANCE_FOLDER / "drawn-3.png"
TIMEOUT_MILLISECONDS: Final = 120_000

PAGE: Final = "this page"
PLAIN: Final = "onnxruntime-web as its guide uses it"
"""Its files as in the npm package, the runtime loaded when a script asks for it, sessions with defaults."""
GZIPPED: Final = "this page, its text gzipped by the host"

BINARY: Final = {".gzip": "the runtime", ".wasm": "the runtime", ".onnx": "the model"}
REST: Final = "scripts, style and texts"

LATENCY_MILLISECONDS: Final = 40
MEGABITS_PER_SECOND: Final = 20
QUICK_MEGABITS_PER_SECOND: Final = 200
NOTES: Final = (
    "The picture is handed over as soon as the page accepts one; nothing is cached before.",
    f"Chromium emulates the network: every request takes {LATENCY_MILLISECONDS} ms more.",
)


@dataclass(frozen=True)
class FirstAnswer:
    """milliseconds: since the page was requested. files: path and bytes loaded of each file."""

    milliseconds: float
    files: list[tuple[str, int]]


def measure(options: Options) -> Report:
    """Measure the page of the published models, loaded from a server on this machine with an empty cache.

    Raises:
        ExportError: Playwright or a browser is missing. PageError: npm cannot get onnxruntime-web.
    """
    rounds, warm_up = (1, 0) if options.quick else (options.rounds, 1)
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folders = lay_out(Path(temporary), options.models)
        rows, answers = first_answer_rows(browser, folders, None, rounds, warm_up)
        # Most of this is waiting, which varies little.
        rate = QUICK_MEGABITS_PER_SECOND if options.quick else MEGABITS_PER_SECOND
        rows += first_answer_rows(browser, folders, rate, min(5, rounds), warm_up)[0]
        rows += size_rows(folders, answers)
        measured = report("browser", rows, NOTES, ("playwright",))
        package = json.loads((PAGE_FOLDER / "package.json").read_text(encoding="utf-8"))
        versions = {"chromium": browser.version, RUNTIME: package["dependencies"][RUNTIME]}
        measured.machine["libraries"] |= versions
    return measured


def lay_out(folder: Path, models: Path) -> dict[str, Path]:
    """Write both pages and return contestant → folder."""
    page, plain = folder / "page", folder / "plain"
    assemble_page(page, models)
    plain.mkdir()
    for name, content in runtime_files().items():
        (plain / name).write_bytes(content)
    for name in (f"{FROM_IMAGE}.onnx", MANIFEST):
        shutil.copy(models / name, plain)
    shutil.copy(PROGRAMS / "check.html", plain / "index.html")
    return {PLAIN: plain, PAGE: page}


def first_answer_rows(
    browser: "Browser", folders: Mapping[str, Path], rate: int | None, rounds: int, warm_up: int
) -> tuple[list[Row], dict[str, FirstAnswer]]:
    """Return rows of the time to the first answer, and each page's last answer.

    rate: of an emulated network in Mbit/s, or None for this machine's own.
    """
    pages = {name: partial(first_answer, browser, folder, rate) for name, folder in folders.items()}
    answers = in_turn(pages, rounds, warm_up)
    task = f"page opened to first answer, {f'over {rate} Mbit/s' if rate else 'from this machine'}"
    times = {name: [each.milliseconds for each in found] for name, found in answers.items()}
    return rows_from(task, "ms", times, PLAIN), {name: found[-1] for name, found in answers.items()}


def first_answer(browser: "Browser", folder: Path, rate: int | None) -> FirstAnswer:
    """Open a page with an empty cache, hand it a picture, and wait for the answer to be shown."""
    script = (HERE / "first-answer.js").read_text(encoding="utf-8")
    picture = json.dumps(base64.b64encode(PICTURE.read_bytes()).decode())
    # An empty cache, and no service worker, which would load files too.
    with serving(folder) as served, browser.new_context(service_workers="block") as context:
        page = context.new_page()
        page.add_init_script(f"{{ const PICTURE = {picture};\n{script} }}")
        if rate:
            devtools = context.new_cdp_session(page)
            devtools.send("Network.enable")
            throughput = rate * 1e6 / 8
            conditions = {
                "offline": False,
                "latency": LATENCY_MILLISECONDS,
                "downloadThroughput": throughput,
                "uploadThroughput": throughput,
            }
            devtools.send("Network.emulateNetworkConditions", conditions)
        page.goto(served.address, wait_until="commit")
        done = page.locator("html[data-answered]")
        done.wait_for(state="attached", timeout=TIMEOUT_MILLISECONDS)
        return FirstAnswer(
            float(done.get_attribute("data-answered") or "nan"),
            page.evaluate(
                """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
                    .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])"""
            ),
        )


def size_rows(folders: Mapping[str, Path], answers: Mapping[str, FirstAnswer]) -> list[Row]:
    """Return rows of the kB loaded before the first answer, by kind and in total."""
    sizes = {name: dict.fromkeys((*BINARY.values(), REST), 0) for name in answers}
    for name, answer in answers.items():
        for path, size in answer.files:
            sizes[name][kind(path)] += size
    paths = [path.removeprefix("/") or "index.html" for path, _ in answers[PAGE].files if kind(path) == REST]
    text = sum(len(gzip.compress((folders[PAGE] / path).read_bytes(), mtime=0)) for path in paths)
    sizes[GZIPPED] = sizes[PAGE] | {REST: text}
    totals = {name: {**size, "all": sum(size.values())} for name, size in sizes.items()}
    return [
        row
        for each in totals[PLAIN]
        for row in rows_from(
            f"loaded, {each}", "kB", {name: [size[each] / 1000] for name, size in totals.items()}, PLAIN
        )
    ]


def kind(path: str) -> str:
    """Return a file's kind, from its suffix."""
    return BINARY.get(Path(path).suffix, REST)
