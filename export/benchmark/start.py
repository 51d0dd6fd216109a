"""Time to the first answer: the app, the API alone and the command line, each started from nothing."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from demo.decoder.images import encode_png
from demo.inference.engine import Engine
from export.benchmark.harness import ROOT, Options, Report, in_turn, report, rows_from
from export.benchmark.processes import KNOWN, peak_mebibytes, served
from export.errors import ExportError

GRADIO, APP = "python -c 'import gradio'", "python -m demo, to its first answer"
API, CHECK = "python -m demo --api-only, to its first answer", "python -m demo check FILE"
MOST_ROUNDS: Final = 7
"""A round takes ten seconds."""
TIMEOUT: Final = 300.0
"""Seconds that a server may take to answer."""
NOTE: Final = (
    "A server's first answer is the one to a picture sent to /v1/check once the server has printed its "
    "address. Processor time includes the decoder processes; memory is the main process's peak."
)

# The peak memory of an ended process is known to its parent, but counts from the parent's own memory at
# the time of the fork. So a small process starts it.
LAUNCHER: Final = """
import json, os, sys, time
began = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(pid, 0)
seconds = time.perf_counter() - began
processor = used.ru_utime + used.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, processor, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Cost:
    """The cost of a start: wall seconds, processor seconds (decoders included), peak MiB (main process)."""

    wall: float
    processor: float
    peak: float


def measure(options: Options) -> Report:
    """Measure wall time, processor time and peak memory from the start to the first answer.

    Raises:
        ExportError: this system is not Linux, or a contestant failed.
    """
    if not KNOWN:
        raise ExportError("The part 'start' needs Linux, where /proc tells what other processes cost.")
    with tempfile.TemporaryDirectory() as temporary:
        picture = Path(temporary) / "digit.png"
        engine = Engine.load(options.models, "cpu")
        picture.write_bytes(encode_png(engine.generate(engine.default_generator, 1, seed=3)[0]))
        shared = ["--device", "cpu", "--models", str(options.models)]
        contestants: dict[str, Callable[[], Cost]] = {
            GRADIO: partial(run_to_end, ["-c", "import gradio"]),
            APP: partial(run_to_answer, shared, picture),
            API: partial(run_to_answer, ["--api-only", *shared], picture),
            CHECK: partial(run_to_end, ["-m", "demo", "check", *shared, str(picture)]),
        }
        rounds = 1 if options.quick else min(options.rounds, MOST_ROUNDS)
        # The first round may read from a cold disk.
        costs = in_turn(contestants, rounds, warm_up=0 if options.quick else 1)
    rows = []
    for cost, unit, attribute in (
        ("wall time", "s", "wall"),
        ("processor time", "s", "processor"),
        ("peak memory", "MiB", "peak"),
    ):
        for what, names in (("app", (GRADIO, APP)), ("API alone", (APP, API)), ("one file", (CHECK,))):
            values = {name: [getattr(each, attribute) for each in costs[name]] for name in names}
            rows += rows_from(f"{what}, {cost}", unit, values, names[0])
    return report("start", rows, [NOTE])


def run_to_end(arguments: Sequence[str]) -> Cost:
    """Return the cost of a Python process from its start to its end.

    Raises:
        ExportError: it failed.
    """
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, *arguments]
    result = subprocess.run(launcher, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603
    status, *cost = json.loads(result.stdout)
    if status != 0:
        raise ExportError(f"python {' '.join(arguments)} failed: {result.stderr}")
    return Cost(*cost)


def run_to_answer(options: Sequence[str], picture: Path) -> Cost:
    """Return the cost of `python -m demo` from its start to its first answer.

    Raises:
        ExportError: it did not start, or could not judge the picture. OSError: it did not answer.
    """
    began = time.perf_counter()
    with served(["demo", "--port", "0", *options]) as server:
        # A proxy set in the environment cannot reach this machine's own address.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(
            f"{server.address}v1/check", picture.read_bytes(), {"Content-Type": "image/png"}
        )
        with direct.open(request, timeout=TIMEOUT) as response:
            answer = json.load(response)
        if answer["error"] is not None:
            raise ExportError(f"The digit could not be judged: {answer['error']}")
        wall = time.perf_counter() - began
        return Cost(wall, server.processor_seconds(), peak_mebibytes(server.pid))
