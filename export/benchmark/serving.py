"""Serving: `POST /v1/check` against Gradio's queue, and against another checkout if one is given.

Each server is one process and the clients are another, so on a machine with few cores they share them.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from export.benchmark.harness import ROOT, Options, Report, in_turn, report, rows_from
from export.benchmark.servers import running
from export.conformance import CONFORMANCE_FOLDER
from export.errors import ExportError

CLIENTS: Final = 32
QUEUE, BESIDE = "Gradio's queue (upload, call, events)", "POST /v1/check of the app"
ALONE = "POST /v1/check, --api-only"
TASK: Final = f"{CLIENTS} clients, one picture per request"
UNIT: Final = "µs a picture"
PICTURES: Final = sorted(CONFORMANCE_FOLDER.glob("*generator-*.png"))
NOTE: Final = (
    f"The pictures are {len(PICTURES)} PNG files of 28x28 digits, sent over loopback; each client keeps one "
    "connection."
)


def measure(options: Options) -> Report:
    """Measure 32 clients that send one picture per request.

    Raises:
        ExportError: a server did not start, or did not answer.
    """
    requests = 64 if options.quick else 1024
    command = ["demo", "--device", "cpu", "--port", "0", "--models", str(options.models.resolve())]
    routes = {BESIDE: command, ALONE: [*command, "--api-only"]}
    starts = {name: (own, ROOT) for name, own in routes.items()}
    if options.against:
        starts |= {other(name): (own, options.against) for name, own in routes.items()}
    # A server of its own: what the queue leaves in memory would slow down the route.
    starts[QUEUE] = (command, ROOT)
    with ExitStack() as stack:
        addresses = {}
        for name, (own, checkout) in starts.items():
            server = stack.enter_context(running(own, checkout, OMP_NUM_THREADS="1"))
            addresses[name] = server.address
        contestants = {QUEUE: partial(ask, addresses.pop(QUEUE), "queue", requests // 4)}
        contestants |= {name: partial(ask, address, "route", requests) for name, address in addresses.items()}
        samples = in_turn(contestants, options.rounds, warm_up=0 if options.quick else 1)
    costs = {name: [wall for wall, _ in found] for name, found in samples.items()}
    rows = rows_from(TASK, UNIT, costs, QUEUE)
    for name in (BESIDE, ALONE) if options.against else ():
        pair = {each: costs[each] for each in (other(name), name)}
        rows += rows_from(f"{TASK}, two checkouts", UNIT, pair, other(name))
    return report("serving", rows, [NOTE, *map(wait_note, samples, samples.values())])


def other(name: str) -> str:
    """Return the name of the same contestant in the other checkout."""
    return f"{name}, other checkout"


def ask(address: str, entry: str, requests: int) -> tuple[float, list[float]]:
    """Have all clients send their requests to a server. entry: `queue` or `route`.

    Returns the µs per picture, and the ms that each request took.

    Raises:
        ExportError: a request was not answered, or not with a verdict.
    """
    command = [sys.executable, "-m", "export.benchmark.load", address, entry, str(CLIENTS), str(requests)]
    result = subprocess.run(  # noqa: S603
        [*command, *map(str, PICTURES)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if result.returncode != 0:
        reason = result.stderr.strip().rpartition("\n")[2]
        raise ExportError(f"The clients were not answered ({reason}). Try again on a less busy machine.")
    load = json.loads(result.stdout)
    return load["seconds"] / requests * 1e6, [1e3 * wait for wait in load["waits"]]


def wait_note(name: str, samples: Sequence[tuple[float, list[float]]]) -> str:
    """Return a sentence on a server's rate and how long its clients wait."""
    rate = statistics.median(1e6 / wall for wall, _ in samples)
    waits = sorted(wait for _, waits in samples for wait in waits)
    half, tail = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
    return (
        f"{name}: {rate:,.0f} requests per second; waiting time {half:.1f} ms (p50) and {tail:.1f} ms (p99), "
        f"a ratio of {tail / half:.1f}."
    )
