"""The page without a server, in a real browser: opened to first answer, µs a picture, bytes over the wire."""

import base64
import gzip
import io
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import DISCRIMINATOR, FROM_IMAGE, MANIFEST
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, onnxruntime
from demo.snippets.programs import HERE as PROGRAMS
from demo.static_page.assemble import RUNTIME, assemble_page, runtime_files
from export.benchmark.chromium import chromium
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.packages import node_modules
from export.benchmark.report import Report
from export.benchmark.rounds import Row, Spread, compare
from export.benchmark.static import serving
from export.conformance import CONFORMANCE_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

HERE: Final = Path(__file__).with_name("web")
PICTURE: Final = CONFORMANCE_FOLDER / "drawn-3.png"
PATIENCE_MILLISECONDS: Final = 120_000

OPENED: Final = "Page opened to first answer"
PAGE: Final = "this page"
PLAIN: Final = "onnxruntime-web as its guide uses it"
"""Its files as npm has them, the runtime fetched once a script asks for it, sessions with their defaults."""
GZIPPED: Final = "this page, its text gzipped by the host"
NODE: Final = "onnxruntime-node, one thread"
PYTHON: Final = "onnxruntime in Python, one thread"
WASM: Final = "WebAssembly, as the page opens it"
WASM_OPTIMISED: Final = "WebAssembly, graph optimised"
ONE_THREAD: Final = "WebAssembly, one thread"
TWO_THREADS: Final = "WebAssembly, two threads"
LEVELS: Final = {WASM: "disabled", WASM_OPTIMISED: "all"}

BINARY: Final = {".gzip": "the runtime", ".wasm": "the runtime", ".onnx": "the model"}
REST: Final = "scripts, style and texts"
ISOLATED: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""Without them a browser shares no memory between threads."""


@dataclass(frozen=True)
class Network:
    """latency: milliseconds added to every request. rate: megabits a second."""

    latency: float
    rate: float

    @property
    def conditions(self) -> dict[str, Any]:
        """As Chromium's `Network.emulateNetworkConditions` takes it: bytes a second."""
        rate = self.rate * 1e6 / 8
        return {
            "offline": False,
            "latency": self.latency,
            "downloadThroughput": rate,
            "uploadThroughput": rate,
        }


HOME: Final = Network(latency=40, rate=20)
QUICK: Final = Network(latency=40, rate=200)


def measure(options: Options) -> Report:
    """The page of the published models, from a server on this machine, with nothing kept from before.

    Raises:
        ExportError: Playwright, a browser or Node is missing.
        PageError: npm is missing, or cannot get onnxruntime-web.
    """
    packages = node_modules(PROGRAMS / "node")
    manifest = Manifest.load(options.models)
    models = {
        name: manifest.read(name)
        for name in (f"{DISCRIMINATOR}.onnx", f"{FROM_IMAGE}.onnx")
        if name in manifest.files
    }
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folders = lay_out(Path(temporary), options.models, models)
        local, files = first_answers(browser, folders, None, 1 if options.quick else options.rounds)
        # Most of it is waiting, and that does not spread.
        slow, _ = (
            first_answers(browser, folders, QUICK, 1)
            if options.quick
            else first_answers(browser, folders, HOME, min(5, options.rounds))
        )
        rows = [*local, *slow, *wire(folders, files)]
        with latency_page(browser, folders[PAGE], 1) as one, node(folders[PAGE], packages) as in_node:
            for file, content in models.items():
                rows += latencies(file, content, one, in_node, options)
            with latency_page(browser, folders[PAGE], 2) as two:
                rows += threads(next(iter(models)), one, two, options)
        told = machine(("playwright",))
        told["libraries"] |= versions(browser)
    return Report("browser", told, rows, NOTES)


NOTES: Final = (
    "Opened to first answer: a picture is handed over as soon as the page takes one; nothing is cached.",
    f"The network is Chromium's emulation: {HOME.rate:g} Mbit/s, {HOME.latency:g} ms more for each request.",
    "µs a picture: the processor's time, in WebAssembly of the page's own thread; of threads, by the wall.",
)


def lay_out(folder: Path, models: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Two pages in a folder, by contestant: this one, with the latency page beside it, and the plain one."""
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
    shutil.copy(PROGRAMS / "snippets" / "check.html", plain / "index.html")
    return {PLAIN: plain, PAGE: page}


def first_answers(
    browser: "Browser", folders: Mapping[str, Path], network: Network | None, rounds: int
) -> tuple[list[Row], dict[str, "Answered"]]:
    """Milliseconds from asking for a page to the answer that stands in it, and its processor's until then.

    Beside the rows, the last answer of each page.
    """
    found: dict[str, list[Answered]] = {name: [] for name in folders}

    def contestant(name: str) -> Callable[[], float]:
        def run() -> float:
            found[name].append(answered(browser, folders[name], network))
            return found[name][-1].milliseconds

        return run

    task = f"{OPENED}, {'from this machine' if network is None else f'over {network.rate:g} Mbit/s'}"
    rows = compare(task, "ms", {name: contestant(name) for name in folders}, PLAIN, rounds)
    busy = {name: iter([each.busy for each in all_of]).__next__ for name, all_of in found.items()}
    rows += compare(f"{task}, processor", "ms", busy, PLAIN, rounds)
    return rows, {name: all_of[-1] for name, all_of in found.items()}


@dataclass(frozen=True)
class Answered:
    """A page's first answer, and what came for it.

    milliseconds: since the page was asked for. busy: milliseconds that all threads of the page's process have
    worked until then. files: path, bytes over the wire.
    """

    milliseconds: float
    busy: float
    files: list[tuple[str, int]]


def answered(browser: "Browser", folder: Path, network: Network | None) -> Answered:
    """Open a page that was never seen before, and wait for its first answer."""
    script = (HERE / "first-answer.js").read_text(encoding="utf-8")
    picture = json.dumps(base64.b64encode(PICTURE.read_bytes()).decode())
    with serving(folder) as served, fresh(browser) as context:
        page = context.new_page()
        page.add_init_script(f"{{ const PICTURE = {picture};\n{script} }}")
        devtools = measured(page)
        if network is not None:
            devtools.send("Network.enable")
            devtools.send("Network.emulateNetworkConditions", network.conditions)
        page.goto(served.address, wait_until="commit")
        done = page.locator("html[data-answered]")
        done.wait_for(state="attached", timeout=PATIENCE_MILLISECONDS)
        return Answered(
            float(done.get_attribute("data-answered") or "nan"),
            1000 * metric(devtools, "ProcessTime"),
            page.evaluate(
                """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
                    .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])"""
            ),
        )


def measured(page: "Page") -> "CDPSession":
    """Has Chromium count what a page costs: a thread's time is counted from here on."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    return devtools


def metric(devtools: "CDPSession", name: str) -> float:
    """One of Chromium's measures of a page, in seconds."""
    found = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in found if each["name"] == name))


@contextmanager
def fresh(browser: "Browser") -> Iterator["BrowserContext"]:
    """A browser that has been nowhere; no service worker fetches beside the page."""
    context = browser.new_context(service_workers="block")
    try:
        yield context
    finally:
        context.close()


def wire(folders: Mapping[str, Path], answers: Mapping[str, Answered]) -> list[Row]:
    """kB that come before the first answer, by what they are, and all together."""
    sizes = {name: by_kind(answer.files) for name, answer in answers.items()}
    text = [path for path, _ in answers[PAGE].files if kind(path) == REST]
    gzipped = sum(len(gzip.compress(content(folders[PAGE], path), mtime=0)) for path in text)
    sizes[GZIPPED] = sizes[PAGE] | {REST: gzipped}
    rows = []
    for each in (*dict.fromkeys(BINARY.values()), REST, "all"):
        task = f"Over the wire, {each}"
        costs = {
            name: [(sum(found.values()) if each == "all" else found[each]) / 1000]
            for name, found in sizes.items()
        }
        rows += [
            Row(
                task,
                name,
                "kB",
                Spread.of(cost),
                PLAIN,
                None if name == PLAIN else Spread.of([costs[PLAIN][0] / cost[0]]),
            )
            for name, cost in costs.items()
        ]
    return rows


def content(folder: Path, path: str) -> bytes:
    """The file that a page's path stands for."""
    return (folder / (path.removeprefix("/") or "index.html")).read_bytes()


def kind(path: str) -> str:
    """What a file is to the page, by its ending."""
    return BINARY.get(Path(path).suffix, REST)


def by_kind(entries: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Bytes by kind."""
    sizes = dict.fromkeys((*BINARY.values(), REST), 0)
    for path, size in entries:
        sizes[kind(path)] += size
    return sizes


@contextmanager
def latency_page(browser: "Browser", folder: Path, threads: int) -> Iterator["Page"]:
    """A page of the folder's runtime with sessions to run."""
    with serving(folder, ISOLATED) as served, fresh(browser) as context:
        page = context.new_page()
        page.goto(f"{served.address}latency.html?threads={threads}")
        ready = page.locator("html[data-ready]")
        ready.wait_for(state="attached", timeout=PATIENCE_MILLISECONDS)
        yield page


InNode = Callable[[str, Sequence[int], int], float]


@contextmanager
def node(folder: Path, packages: Path) -> Iterator[InNode]:
    """Sessions in Node: a function of file, picture and count that returns the processor's µs a picture."""
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(shutil.copy(HERE / "latency-node.mjs", temporary))
        (Path(temporary) / "node_modules").symlink_to(packages)
        with subprocess.Popen(  # noqa: S603 - the program is ours
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


def latencies(file: str, content: bytes, page: "Page", in_node: InNode, options: Options) -> list[Row]:
    """The processor's µs for one 28x28 picture, of the same file in each runtime."""
    count = 2 if options.quick else 40
    pixels = small_picture()
    picture = pixels.ravel().tolist()
    devtools = measured(page)

    def in_page(level: str) -> Callable[[], float]:
        def run() -> float:
            # Opened before the clock runs.
            in_browser(page, file, level, picture, 1)
            began = metric(devtools, "ThreadTime")
            in_browser(page, file, level, picture, count)
            return (metric(devtools, "ThreadTime") - began) / count * 1e6

        return run

    session = python_session(content)
    (given,) = session.get_inputs()
    image = pixels[np.newaxis] if given.name == "pixels" else pixels[:, :, np.newaxis]

    def in_python() -> float:
        began = time.process_time()
        for _ in range(count):
            session.run(None, {given.name: image})
        return (time.process_time() - began) / count * 1e6

    contestants: dict[str, Callable[[], float]] = {
        NODE: lambda: in_node(file, picture, count),
        PYTHON: in_python,
        **{name: in_page(level) for name, level in LEVELS.items()},
    }
    return compare(f"{file}, 28x28", "µs", contestants, NODE, 1 if options.quick else options.rounds)


def threads(file: str, one: "Page", two: "Page", options: Options) -> list[Row]:
    """What a second thread brings one picture, by the wall."""
    picture = small_picture().ravel().tolist()
    count = 2 if options.quick else 10

    def contestant(page: "Page") -> Callable[[], float]:
        return lambda: in_browser(page, file, LEVELS[WASM], picture, count)

    contestants = {ONE_THREAD: contestant(one), TWO_THREADS: contestant(two)}
    return compare(
        f"{file}, 28x28, threads", "µs", contestants, ONE_THREAD, 1 if options.quick else options.rounds
    )


def in_browser(page: "Page", file: str, level: str, picture: Sequence[int], count: int) -> float:
    """Run a file in a page of `latency_page`; µs a picture by the wall."""
    return float(page.evaluate("asked => run(...asked)", [file, level, picture, count]))


def python_session(content: bytes) -> Any:
    """The file on one thread of the processor."""
    module = onnxruntime()
    chosen = module.SessionOptions()
    chosen.intra_op_num_threads = chosen.inter_op_num_threads = 1
    return module.InferenceSession(content, chosen, providers=[CPU])


def small_picture() -> NDArray[np.uint8]:
    """uint8[28, 28], light ink on black."""
    with Image.open(io.BytesIO(PICTURE.read_bytes())) as picture:
        return np.asarray(picture.convert("L").resize((28, 28)))


def versions(browser: "Browser") -> dict[str, str]:
    """What ran beside Python: the browser, and npm's packages."""
    packages = {
        name: version
        for folder in ("browser", "node")
        for name, version in json.loads((PROGRAMS / folder / "package.json").read_text())[
            "dependencies"
        ].items()
        if name in (RUNTIME, "onnxruntime-node")
    }
    return {"chromium": browser.version, **packages}
