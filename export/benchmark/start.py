"""Time to the first answer: the app, the API alone and the command line, each started from nothing."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from demo.decoder.images import encode_png
from demo.inference.engine import Engine
from export.benchmark.harness import ROOT, Options, Report, in_turn, report, rows_from
from export.benchmark.servers import running
from export.errors import ExportError

GRADIO, APP = "python -c 'import gradio'", "python -m demo, to its first answer"
API, CHECK = "python -m demo --api-only, to its first answer", "python -m demo check FILE"
MOST_ROUNDS: Final = 7
"""A round takes ten seconds."""
TIMEOUT: Final = 300.0
"""Seconds that a server may take to answer."""
NOTE: Final = (
    "A server's first answer is the one to a picture that is sent to /v1/check once the server has printed "
    "its address."
)


def measure(options: Options) -> Report:
    """Measure wall time from the start to the first answer.

    Raises:
        ExportError: a contestant failed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        picture = Path(temporary) / "digit.png"
        engine = Engine.load(options.models, "cpu")
        picture.write_bytes(encode_png(engine.generate(engine.default_generator, 1, seed=3)[0]))
        shared = ["--device", "cpu", "--models", str(options.models)]
        contestants: dict[str, Callable[[], float]] = {
            GRADIO: partial(run_to_end, ["-c", "import gradio"]),
            APP: partial(run_to_answer, shared, picture),
            API: partial(run_to_answer, ["--api-only", *shared], picture),
            CHECK: partial(run_to_end, ["-m", "demo", "check", *shared, str(picture)]),
        }
        rounds = 1 if options.quick else min(options.rounds, MOST_ROUNDS)
        # The first round may read from a cold disk.
        costs = in_turn(contestants, rounds, warm_up=0 if options.quick else 1)
    rows = []
    for what, names in (("app", (GRADIO, APP)), ("API alone", (APP, API)), ("one file", (CHECK,))):
        rows += rows_from(f"{what}, wall time", "s", {name: costs[name] for name in names}, names[0])
    return report("start", rows, [NOTE])


def run_to_end(arguments: Sequence[str]) -> float:
    """Return the seconds that a Python process takes from its start to its end.

    Raises:
        ExportError: it failed.
    """
    began = time.perf_counter()
    command = [sys.executable, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603
    if result.returncode != 0:
        raise ExportError(f"python {' '.join(arguments)} failed: {result.stderr}")
    return time.perf_counter() - began


def run_to_answer(options: Sequence[str], picture: Path) -> float:
    """Return the seconds that `python -m demo` takes from its start to its first answer.

    Raises:
        ExportError: it did not start, or could not judge the picture. OSError: it did not answer.
    """
    began = time.perf_counter()
    with running(["demo", "--port", "0", *options]) as server:
        # A proxy set in the environment cannot reach this machine's own address.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(
            f"{server.address}v1/check", picture.read_bytes(), {"Content-Type": "image/png"}
        )
        with direct.open(request, timeout=TIMEOUT) as response:
            answer = json.load(response)
        if answer["error"] is not None:
            raise ExportError(f"The digit could not be judged: {answer['error']}")
        return time.perf_counter() - began
