"""Serving: `POST /v1/check` against Gradio's queue, and against another checkout if one is given.

Each server is one process and the clients are another, so on a machine with few cores they share them. The
processor time of a server and its decoders does not depend on that, and is reported too.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from export.benchmark.harness import ROOT, Options, Report, Row, in_turn, report, rows_from
from export.benchmark.processes import KNOWN, Server, served
from export.conformance import CONFORMANCE_FOLDER
from export.errors import ExportError

CLIENTS: Final = 32
PICTURES: Final = 256
"""Pictures per request where a request holds several."""
QUEUE, BESIDE = "Gradio's queue (upload, call, events)", "POST /v1/check of the app"
ALONE = "POST /v1/check, --api-only"
OTHER, OTHER_ALONE = f"{BESIDE}, other checkout", f"{ALONE}, other checkout"
LIBRARIES: Final = ("uvicorn", "starlette", "h11")


@dataclass(frozen=True)
class Target:
    """A server, its entry point (`queue` or `route`), and the number of requests per round."""

    server: Server
    entry: str
    requests: int


@dataclass(frozen=True)
class Sample:
    """One round on one target. wall, processor: µs per picture. waits: ms for each request."""

    wall: float
    processor: float
    waits: Sequence[float]


def measure(options: Options) -> Report:
    """Measure 32 clients that send one picture per request, and one client that sends 256 in a request.

    Raises:
        ExportError: a server did not start, or did not answer.
    """
    files = sorted(CONFORMANCE_FOLDER.glob("*generator-*.png"))
    scale, pictures = (1, 8) if options.quick else (16, PICTURES)
    command = ["demo", "--device", "cpu", "--port", "0", "--models", str(options.models.resolve())]
    starts = {BESIDE: (command, ROOT), ALONE: ([*command, "--api-only"], ROOT)}
    if options.against:
        starts |= {
            OTHER: (command, options.against),
            OTHER_ALONE: ([*command, "--api-only"], options.against),
        }
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(served(command, checkout, OMP_NUM_THREADS="1"))
            for name, (command, checkout) in starts.items()
        }
        single = {QUEUE: Target(servers[BESIDE], "queue", 32 * max(1, scale // 4))}
        several = {QUEUE: Target(servers[BESIDE], "queue", 1)}
        for name, server in servers.items():
            single[name] = Target(server, "route", 64 * scale)
            several[name] = Target(server, "route", max(1, scale // 4))
        singles, batches = (
            in_turn(
                {name: partial(ask, each, clients, together, files) for name, each in targets.items()},
                options.rounds,
                warm_up=0 if options.quick else 1,
            )
            for targets, clients, together in ((single, CLIENTS, 1), (several, 1, pictures))
        )
    task = f"{CLIENTS} clients, one picture per request"
    rows = sample_rows(task, singles, QUEUE)
    for own, other in ((BESIDE, OTHER), (ALONE, OTHER_ALONE)):
        if other in singles:
            rows += sample_rows(f"{task}, two checkouts", {other: singles[other], own: singles[own]}, other)
    rows += sample_rows(f"one client, {pictures} pictures per request", batches, QUEUE)
    about = (
        f"The pictures are {len(files)} PNG files of 28x28 digits, sent over loopback; each client keeps one "
        "connection."
    )
    return report("serving", rows, [about, *map(wait_note, singles, singles.values())], LIBRARIES)


def ask(target: Target, clients: int, pictures: int, files: Sequence[Path]) -> Sample:
    """Have clients send their requests to a target.

    Raises:
        ExportError: a request was not answered, or not with a verdict for each picture.
    """
    command = [sys.executable, "-m", "export.benchmark.load", target.server.address, target.entry]
    numbers = [str(clients), str(target.requests), str(pictures)]
    before = target.server.processor_seconds()
    result = subprocess.run(  # noqa: S603
        [*command, *numbers, *map(str, files)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if result.returncode != 0:
        reason = result.stderr.strip().rpartition("\n")[2]
        raise ExportError(f"The clients were not answered ({reason}). Try again on a less busy machine.")
    spent = target.server.processor_seconds() - before
    load = json.loads(result.stdout)
    count = target.requests * pictures
    return Sample(load["seconds"] / count * 1e6, spent / count * 1e6, [1e3 * wait for wait in load["waits"]])


def sample_rows(task: str, samples: Mapping[str, Sequence[Sample]], reference: str) -> list[Row]:
    """Return rows of wall time and, where it is known, of the servers' processor time."""
    wall = {name: [each.wall for each in found] for name, found in samples.items()}
    rows = rows_from(task, "µs a picture", wall, reference)
    processor = {name: [each.processor for each in found] for name, found in samples.items()}
    # The system counts in hundredths of a second; a short round may take none.
    if KNOWN and all(map(all, processor.values())):
        rows += rows_from(f"{task}, processor time of the server", "µs a picture", processor, reference)
    return rows


def wait_note(name: str, samples: Sequence[Sample]) -> str:
    """Return a sentence on a target's rate and how long its clients wait."""
    rate = statistics.median(1e6 / each.wall for each in samples)
    waits = sorted(wait for each in samples for wait in each.waits)
    half, tail = (waits[min(len(waits) - 1, int(len(waits) * share))] for share in (0.5, 0.99))
    return (
        f"{name}: {rate:,.0f} requests per second; waiting time {half:.1f} ms (p50) and {tail:.1f} ms (p99), "
        f"a ratio of {tail / half:.1f}."
    )
