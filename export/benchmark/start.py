"""How soon an answer is there: the app, the API alone and the command line, from nothing."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from demo.api.routes import CHECK_PATH
from demo.decoder.images import encode_png
from demo.inference.engine import Engine
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.processes import KNOWN, peak_mebibytes
from export.benchmark.report import Report
from export.benchmark.rounds import Row, Spread, held_against, in_turn
from export.benchmark.servers import ROOT, served
from export.errors import ExportError

GRADIO, APP = "python -c 'import gradio'", "python -m demo, to its first answer"
API, CHECK = "python -m demo --api-only, to its first answer", "python -m demo check FILE"
MOST_ROUNDS: Final = 7
"""A round takes ten seconds, and what it measures is not short."""

PATIENCE: Final = 300.0
"""Seconds that a server may take to say that it serves."""

APP_OVER_GRADIO: Final = 1.3
APP_OVER_API: Final = 8.0
APP_OVER_API_MEMORY: Final = 2.0
CHECK_SECONDS: Final = 0.5

NOTE: Final = (
    f"The first answer is that to a picture sent to {CHECK_PATH}, after the server said that it serves. "
    "Processor time is all processes', the decoder's among them."
)

# What a process that has ended held at most is known to its parent, but counts from the parent's own memory
# where it was started: so a small one starts it.
WAIT: Final = """
import json, os, sys, time
began = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(pid, 0)
took = time.perf_counter() - began
processor = used.ru_utime + used.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), took, processor, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Cost:
    """What a start took: seconds by the clock, seconds of processor time with the decoders', and MiB.

    peak: the most that the main process held until its first answer.
    """

    clock: float
    processor: float
    peak: float


def measure(options: Options) -> Report:
    """Wall time, processor time and peak memory from the start to the first answer, by turns.

    Raises:
        ExportError: this is no Linux, or one of them did not start.
    """
    if not KNOWN:
        raise ExportError("The part 'start' runs on Linux alone, which tells what other processes cost.")
    with tempfile.TemporaryDirectory() as temporary:
        picture = Path(temporary) / "digit.png"
        engine = Engine.load(options.models, "cpu")
        picture.write_bytes(encode_png(engine.generate(engine.default_generator, 1, seed=3)[0]))
        shared = ["--device", "cpu", "--models", str(options.models)]
        contestants: dict[str, Callable[[], Cost]] = {
            GRADIO: partial(ended, ["-c", "import gradio"]),
            APP: partial(answered, shared, picture),
            API: partial(answered, ["--api-only", *shared], picture),
            CHECK: partial(ended, ["-m", "demo", "check", *shared, str(picture)]),
        }
        costs = in_turn(
            contestants,
            1 if options.quick else min(options.rounds, MOST_ROUNDS),
            # From a cold disk.
            before=0 if options.quick else 1,
        )
    return Report("start", machine(), list(held(costs)), [NOTE])


def held(costs: Mapping[str, Sequence[Cost]]) -> Iterator[Row]:
    """The rows: each kind of cost, the app against gradio, the API against the app, `check` by itself."""
    kinds: dict[str, tuple[str, Callable[[Cost], float]]] = {
        "by the clock": ("s", lambda cost: cost.clock),
        "processor time": ("s", lambda cost: cost.processor),
        "peak memory of the main process": ("MiB", lambda cost: cost.peak),
    }
    for kind, (unit, value) in kinds.items():
        values = {name: [value(cost) for cost in found] for name, found in costs.items()}
        timed = unit == "s"
        app = {name: values[name] for name in (GRADIO, APP)}
        yield from held_against(
            f"start, {kind}", unit, app, GRADIO, {APP: 1 / APP_OVER_GRADIO} if timed else None
        )
        alone = {name: values[name] for name in (APP, API)}
        goal = APP_OVER_API if timed else APP_OVER_API_MEMORY
        yield from held_against(f"start of the API alone, {kind}", unit, alone, APP, {API: goal})
        limit = Spread.of([CHECK_SECONDS / each for each in values[CHECK]]) if timed else None
        yield Row(
            f"one file, {kind}",
            CHECK,
            unit,
            Spread.of(values[CHECK]),
            f"{CHECK_SECONDS} s" if timed else CHECK,
            limit,
            1.0 if timed else None,
        )


def ended(arguments: Sequence[str]) -> Cost:
    """What a Python process costs from its start to its end.

    Raises:
        ExportError: it failed.
    """
    waiter = [sys.executable, "-I", "-S", "-c", WAIT, sys.executable, *arguments]
    result = subprocess.run(waiter, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603
    status, *cost = json.loads(result.stdout)
    if status != 0:
        raise ExportError(f"python {' '.join(arguments)} failed: {result.stderr}")
    return Cost(*cost)


def answered(options: Sequence[str], picture: Path) -> Cost:
    """What `python -m demo` costs from its start to its first answer.

    Raises:
        ExportError: it did not start, or the picture could not be judged.
        OSError: it did not answer.
    """
    began = time.perf_counter()
    with served(["demo", "--port", "0", *options]) as server:
        # A proxy would not know the way.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        sent = urllib.request.Request(
            server.address.rstrip("/") + CHECK_PATH, picture.read_bytes(), {"Content-Type": "image/png"}
        )
        with direct.open(sent, timeout=PATIENCE) as response:
            answer = json.load(response)
        if answer["error"] is not None:
            raise ExportError(f"The digit could not be judged: {answer['error']}")
        took = time.perf_counter() - began
        return Cost(took, server.processor_seconds(), peak_mebibytes(server.pid))
