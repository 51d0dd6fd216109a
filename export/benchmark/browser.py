"""The page without a server, in a real browser: time to the first answer, and bytes loaded."""

import base64
import json
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from demo.contract import FROM_IMAGE, MANIFEST
from demo.snippets.programs import HERE as PROGRAMS
from demo.static_page.assemble import DECODER, PAGE_FOLDER, RUNTIME, assemble_page, runtime_files
from export.benchmark.chromium import chromium
from export.benchmark.harness import Options, Report, in_turn, report, rows_from
from export.benchmark.servers import serving
from export.conformance import CONFORMANCE_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE: Final = Path(__file__).with_name("web")
PICTURE: Final = CONFORMANCE_FOLDER / "drawn-3.png"
TIMEOUT_MILLISECONDS: Final = 120_000

PAGE: Final = "this page"
PLAIN: Final = "onnxruntime-web as its guide uses it"
"""Its files as in the npm package, the runtime loaded when a script asks for it, sessions with defaults."""
KINDS: Final = {"the runtime": (".gzip", ".wasm"), "the model": (".onnx",), "all": ("",)}
"""Kind of file → endings of its path."""

MOST_ROUNDS: Final = 5
"""Most of a round is waiting, which varies little."""
LATENCY_MILLISECONDS: Final = 40
MEGABITS_PER_SECOND: Final = 20
NOTES: Final = (
    "The picture is handed over as soon as the page accepts one; nothing is cached before.",
    f"Chromium emulates the network: every request takes {LATENCY_MILLISECONDS} ms more.",
)


def measure(options: Options) -> Report:
    """Measure the page of the published models, loaded over a slow network with an empty cache.

    Raises:
        ExportError: Playwright or a browser is missing. DemoError: npm cannot get onnxruntime-web.
    """
    rounds, warm_up = (1, 0) if options.quick else (min(options.rounds, MOST_ROUNDS), 1)
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folders = lay_out(Path(temporary), options.models)
        pages = {name: partial(first_answer, browser, folder) for name, folder in folders.items()}
        answers = in_turn(pages, rounds, warm_up)
        times = {name: [milliseconds for milliseconds, _ in found] for name, found in answers.items()}
        task = f"page opened to first answer, over {MEGABITS_PER_SECOND} Mbit/s"
        rows = rows_from(task, "ms", times, PLAIN)
        for kind, endings in KINDS.items():
            kilobytes = {
                name: [sum(size for path, size in found[-1][1] if path.endswith(endings)) / 1000]
                for name, found in answers.items()
            }
            rows += rows_from(f"loaded, {kind}", "kB", kilobytes, PLAIN)
        measured = report("browser", rows, NOTES)
        package = json.loads((PAGE_FOLDER / "package.json").read_text(encoding="utf-8"))
        versions = {"chromium": browser.version, RUNTIME: package["dependencies"][RUNTIME]}
        measured["machine"]["libraries"] |= versions
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
    shutil.copy(DECODER, plain)
    return {PLAIN: plain, PAGE: page}


def first_answer(browser: "Browser", folder: Path) -> tuple[float, list[tuple[str, int]]]:
    """Open a page with an empty cache, hand it a picture, and wait for the answer to be shown.

    Returns the milliseconds since the page was requested, and the path and bytes loaded of each file.
    """
    script = (HERE / "first-answer.js").read_text(encoding="utf-8")
    picture = json.dumps(base64.b64encode(PICTURE.read_bytes()).decode())
    # An empty cache, and no service worker, which would load files too.
    with serving(folder) as served, browser.new_context(service_workers="block") as context:
        page = context.new_page()
        page.add_init_script(f"{{ const PICTURE = {picture};\n{script} }}")
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        throughput = MEGABITS_PER_SECOND * 1e6 / 8
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
        files = page.evaluate(
            """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
                .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])"""
        )
        return float(done.get_attribute("data-answered") or "nan"), files
