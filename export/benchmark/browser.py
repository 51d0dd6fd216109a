"""The page without a server, in a real browser: time to the first answer, bytes loaded, µs per picture."""

import base64
import gzip
import io
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import DISCRIMINATOR, FROM_IMAGE, MANIFEST
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from demo.snippets.programs import HERE as PROGRAMS
from demo.static_page.assemble import PAGE_FOLDER, RUNTIME, assemble_page, runtime_files
from export.benchmark.chromium import chromium
from export.benchmark.harness import (
    Options,
    Report,
    Row,
    compare,
    cpu_microseconds,
    in_turn,
    report,
    rows_from,
)
from export.benchmark.packages import node_modules
from export.benchmark.static import serving
from export.conformance import CONFORMANCE_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

HERE: Final = Path(__file__).with_name("web")
PICTURE: Final = CONFORMANCE_FOLDER / "drawn-3.png"
TIMEOUT_MILLISECONDS: Final = 120_000

PAGE: Final = "this page"
PLAIN: Final = "onnxruntime-web as its guide uses it"
"""Its files as in the npm package, the runtime loaded when a script asks for it, sessions with defaults."""
GZIPPED: Final = "this page, its text gzipped by the host"
NODE: Final = "onnxruntime-node, one thread"
PYTHON: Final = "onnxruntime in Python, one thread"
LEVELS: Final = {"WebAssembly, as the page opens it": "disabled", "WebAssembly, graph optimised": "all"}
"""Contestant → onnxruntime-web's level of graph optimisation."""

BINARY: Final = {".gzip": "the runtime", ".wasm": "the runtime", ".onnx": "the model"}
REST: Final = "scripts, style and texts"

LATENCY_MILLISECONDS: Final = 40
MEGABITS_PER_SECOND: Final = 20
QUICK_MEGABITS_PER_SECOND: Final = 200
NOTES: Final = (
    "The picture is handed over as soon as the page accepts one; nothing is cached before.",
    f"Chromium emulates the network: every request takes {LATENCY_MILLISECONDS} ms more.",
    "µs per picture are processor time; in WebAssembly, that of the page's own thread.",
)


@dataclass(frozen=True)
class FirstAnswer:
    """milliseconds: since the page was requested. busy: ms of processor time that the page's process used.

    files: path and bytes loaded of each file.
    """

    milliseconds: float
    busy: float
    files: list[tuple[str, int]]


def measure(options: Options) -> Report:
    """Measure the page of the published models, loaded from a server on this machine with an empty cache.

    Raises:
        ExportError: Playwright, a browser or Node is missing. PageError: npm cannot get onnxruntime-web.
    """
    packages = node_modules(PROGRAMS / "node")
    manifest = Manifest.load(options.models)
    names = [f"{name}.onnx" for name in (DISCRIMINATOR, FROM_IMAGE)]
    models = {name: manifest.read(name) for name in names if name in manifest.files}
    rounds, warm_up = (1, 0) if options.quick else (options.rounds, 1)
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folders = lay_out(Path(temporary), options.models, models)
        rows, answers = first_answer_rows(browser, folders, None, rounds, warm_up)
        # Most of this is waiting, which varies little.
        rate = QUICK_MEGABITS_PER_SECOND if options.quick else MEGABITS_PER_SECOND
        rows += first_answer_rows(browser, folders, rate, min(5, rounds), warm_up)[0]
        rows += size_rows(folders, answers)
        with latency_page(browser, folders[PAGE]) as page, node(folders[PAGE], packages) as in_node:
            for file, content in models.items():
                rows += latency_rows(file, content, page, in_node, 2 if options.quick else 40, rounds)
        measured = report("browser", rows, NOTES, ("playwright",))
        measured.machine["libraries"] |= versions(browser)
    return measured


def lay_out(folder: Path, models: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Write both pages and return contestant → folder; this project's also holds the latency page."""
    page, plain = folder / "page", folder / "plain"
    assemble_page(page, models)
    for name, content in files.items():
        (page / name).write_bytes(content)
    for name in ("latency.html", "latency.mjs"):
        shutil.copy(HERE / name, page)
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
    """Return rows of the time and the processor time to the first answer, and each page's last answer.

    rate: of an emulated network in Mbit/s, or None for this machine's own.
    """
    pages = {name: partial(first_answer, browser, folder, rate) for name, folder in folders.items()}
    answers = in_turn(pages, rounds, warm_up)
    task = f"page opened to first answer, {f'over {rate} Mbit/s' if rate else 'from this machine'}"
    times = {name: [each.milliseconds for each in found] for name, found in answers.items()}
    busy = {name: [each.busy for each in found] for name, found in answers.items()}
    rows = rows_from(task, "ms", times, PLAIN) + rows_from(f"{task}, processor time", "ms", busy, PLAIN)
    return rows, {name: found[-1] for name, found in answers.items()}


def first_answer(browser: "Browser", folder: Path, rate: int | None) -> FirstAnswer:
    """Open a page with an empty cache, hand it a picture, and wait for the answer to be shown."""
    script = (HERE / "first-answer.js").read_text(encoding="utf-8")
    picture = json.dumps(base64.b64encode(PICTURE.read_bytes()).decode())
    with serving(folder) as served, fresh(browser) as context:
        page = context.new_page()
        page.add_init_script(f"{{ const PICTURE = {picture};\n{script} }}")
        devtools = performance_session(page)
        if rate:
            devtools.send("Network.enable")
            devtools.send("Network.emulateNetworkConditions", network_conditions(rate))
        page.goto(served.address, wait_until="commit")
        done = page.locator("html[data-answered]")
        done.wait_for(state="attached", timeout=TIMEOUT_MILLISECONDS)
        return FirstAnswer(
            float(done.get_attribute("data-answered") or "nan"),
            1000 * metric(devtools, "ProcessTime"),
            page.evaluate(
                """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
                    .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])"""
            ),
        )


def network_conditions(rate: int) -> dict[str, Any]:
    """Return a network of `rate` Mbit/s as Chromium's DevTools describe it, in bytes per second."""
    throughput = rate * 1e6 / 8
    return {
        "offline": False,
        "latency": LATENCY_MILLISECONDS,
        "downloadThroughput": throughput,
        "uploadThroughput": throughput,
    }


def performance_session(page: "Page") -> "CDPSession":
    """Start Chromium's performance counters for a page; a thread's time is counted from here on."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    return devtools


def metric(devtools: "CDPSession", name: str) -> float:
    """Return one of Chromium's performance counters, in seconds."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == name))


@contextmanager
def fresh(browser: "Browser") -> Iterator["BrowserContext"]:
    """A browser context with an empty cache and without service workers, which would load files too."""
    context = browser.new_context(service_workers="block")
    try:
        yield context
    finally:
        context.close()


def size_rows(folders: Mapping[str, Path], answers: Mapping[str, FirstAnswer]) -> list[Row]:
    """Return rows of the kB loaded before the first answer, by kind and in total."""
    sizes = {name: by_kind(answer.files) for name, answer in answers.items()}
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


def by_kind(files: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Return the bytes of each kind of file."""
    sizes = dict.fromkeys((*BINARY.values(), REST), 0)
    for path, size in files:
        sizes[kind(path)] += size
    return sizes


def kind(path: str) -> str:
    """Return what a file is to the page, judged by its suffix."""
    return BINARY.get(Path(path).suffix, REST)


@contextmanager
def latency_page(browser: "Browser", folder: Path) -> Iterator["Page"]:
    """A page with the folder's runtime, where `run(file, level, picture, count)` scores a picture."""
    with serving(folder) as served, fresh(browser) as context:
        page = context.new_page()
        page.goto(f"{served.address}latency.html")
        page.locator("html[data-ready]").wait_for(state="attached", timeout=TIMEOUT_MILLISECONDS)
        yield page


InNode = Callable[[str, Sequence[int], int], float]
"""Scores a picture with a file in Node, some number of times; returns µs of processor time per picture."""


@contextmanager
def node(folder: Path, packages: Path) -> Iterator[InNode]:
    """A Node process that runs the folder's files."""
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(shutil.copy(HERE / "latency-node.mjs", temporary))
        (Path(temporary) / "node_modules").symlink_to(packages)
        with subprocess.Popen(  # noqa: S603
            [shutil.which("node") or "node", str(program)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            stdin, stdout = process.stdin, process.stdout

            def run(file: str, picture: Sequence[int], count: int) -> float:
                stdin.write(json.dumps({"file": file, "picture": picture, "count": count}) + "\n")
                stdin.flush()
                return float(stdout.readline())

            try:
                yield run
            finally:
                process.kill()


def latency_rows(
    file: str, content: bytes, page: "Page", in_node: InNode, count: int, rounds: int
) -> list[Row]:
    """Compare the processor time of one 28x28 picture with the same file in each runtime."""
    pixels = small_picture()
    picture = pixels.ravel().tolist()
    devtools = performance_session(page)

    def in_page(level: str) -> Callable[[], float]:
        def run() -> float:
            # The session is opened before the clock starts.
            page.evaluate("asked => run(...asked)", [file, level, picture, 1])
            began = metric(devtools, "ThreadTime")
            page.evaluate("asked => run(...asked)", [file, level, picture, count])
            return (metric(devtools, "ThreadTime") - began) / count * 1e6

        return run

    session = open_session(file, content, [CPU], threads=1)
    (given,) = session.get_inputs()
    image = pixels[np.newaxis] if given.name == "pixels" else pixels[:, :, np.newaxis]
    contestants: dict[str, Callable[[], float]] = {
        NODE: lambda: in_node(file, picture, count),
        PYTHON: cpu_microseconds(lambda: session.run(None, {given.name: image}), count),
        **{name: in_page(level) for name, level in LEVELS.items()},
    }
    return compare(f"{file}, 28x28", "µs", contestants, NODE, rounds)


def small_picture() -> NDArray[np.uint8]:
    """Return a drawn digit, uint8 [28, 28], bright ink on black."""
    with Image.open(io.BytesIO(PICTURE.read_bytes())) as picture:
        return np.asarray(picture.convert("L").resize((28, 28)))


def versions(browser: "Browser") -> dict[str, str]:
    """Return the versions of the browser and of npm's onnxruntime packages."""
    packages: dict[str, str] = {}
    for folder in (PAGE_FOLDER, PROGRAMS / "node"):
        packages |= json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    names = (RUNTIME, "onnxruntime-node")
    return {"chromium": browser.version, **{name: packages[name] for name in names}}
