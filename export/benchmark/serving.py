"""Serving: `POST /v1/check` against gradio's queue, and against the least that could answer at all.

Each server is a process, and the clients are another: on a machine of few cores they share them.
What a request costs the server's and its decoders' processors does not depend on that, and is told, too.
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

from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.processes import KNOWN
from export.benchmark.report import Report
from export.benchmark.rounds import Row, held_against, in_turn
from export.benchmark.servers import ROOT, Server, served
from export.conformance import CONFORMANCE_FOLDER
from export.errors import ExportError

CLIENTS: Final = 32
TOGETHER: Final = 256
"""Pictures in one request."""

QUEUE, BESIDE = "gradio's queue (upload, call, events)", "POST /v1/check beside the app"
ALONE, BARE = "POST /v1/check, --api-only", "a bare ASGI application"
GOAL_QUEUE: Final = 20.0
GOAL_BARE: Final = 0.8
GOAL_TAIL: Final = 5.0
LIBRARIES: Final = ("uvicorn", "starlette", "h11", "httptools", "uvloop")


@dataclass(frozen=True)
class Door:
    """One way to ask a server. name: as `export.benchmark.load` knows it. tasks: requests a round."""

    server: Server
    name: str
    tasks: int


@dataclass(frozen=True)
class Sample:
    """One round of one door. wall, processor: µs a picture. waits: of each request, ms."""

    wall: float
    processor: float
    waits: Sequence[float]


def measure(options: Options) -> Report:
    """Requests of 32 clients at once, one picture each, and 256 pictures in one request.

    Raises:
        ExportError: a server did not start, or clients were not answered.
    """
    files = sorted(CONFORMANCE_FOLDER.glob("*generator-*.png"))
    scale = 1 if options.quick else 16
    with ExitStack() as stack:
        app, api, bare = (
            stack.enter_context(served(command, OMP_NUM_THREADS="1"))
            for command in (
                demo_command(options.models),
                [*demo_command(options.models), "--api-only"],
                ["export.benchmark.bare_server", str(options.models)],
            )
        )
        single = {
            QUEUE: Door(app, "queue", 32 * max(1, scale // 4)),
            BESIDE: Door(app, "route", 64 * scale),
            ALONE: Door(api, "route", 64 * scale),
            BARE: Door(bare, "route", 64 * scale),
        }
        several = {
            QUEUE: Door(app, "queue", 1),
            BESIDE: Door(app, "route", max(1, scale // 4)),
            ALONE: Door(api, "route", max(1, scale // 4)),
        }
        asked = in_turn(
            {name: partial(ask, door, CLIENTS, 1, files) for name, door in single.items()}, options.rounds
        )
        together = in_turn(
            {name: partial(ask, door, 1, TOGETHER, files) for name, door in several.items()}, options.rounds
        )
    task = f"{CLIENTS} clients, a picture a request"
    goals = {BESIDE: GOAL_QUEUE, ALONE: GOAL_QUEUE}
    rows = rows_of(task, asked, QUEUE, goals)
    with_routes = {name: samples for name, samples in asked.items() if name != QUEUE}
    rows += rows_of(f"{task}, against the least", with_routes, BARE, {BESIDE: GOAL_BARE, ALONE: GOAL_BARE})
    rows += rows_of(f"{TOGETHER} pictures in a request", together, QUEUE)
    about = (
        f"The pictures are {len(files)} PNG files of 28x28 digits, sent over loopback, a connection a client."
    )
    return Report("serving", machine(LIBRARIES), rows, [about, *waits_told(asked)])


def demo_command(models: Path) -> list[str]:
    return ["demo", "--device", "cpu", "--port", "0", "--models", str(models)]


def ask(door: Door, clients: int, together: int, files: Sequence[Path]) -> Sample:
    """Have clients ask a door; raises ExportError where they are not answered as they should be."""
    command = [sys.executable, "-m", "export.benchmark.load", door.server.address, door.name]
    numbers = [str(clients), str(door.tasks), str(together)]
    before = door.server.processor_seconds()
    result = subprocess.run(  # noqa: S603
        [*command, *numbers, *map(str, files)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if result.returncode != 0:
        told = result.stderr.strip().rpartition("\n")[2]
        raise ExportError(f"The clients were not answered ({told}); measure again when the machine is quiet.")
    spent = door.server.processor_seconds() - before
    load = json.loads(result.stdout)
    pictures = door.tasks * together
    waits = [1e3 * wait for wait in load["waits"]]
    return Sample(load["seconds"] / pictures * 1e6, spent / pictures * 1e6, waits)


def rows_of(
    task: str,
    samples: Mapping[str, Sequence[Sample]],
    reference: str,
    goals: Mapping[str, float] | None = None,
) -> list[Row]:
    """Rows of the time on the wall, which the goals are about, and where known of the processors' time."""
    wall = {name: [each.wall for each in found] for name, found in samples.items()}
    rows = held_against(task, "µs a picture", wall, reference, goals)
    processor = {name: [each.processor for each in found] for name, found in samples.items()}
    # The system counts in hundredths of a second: a round may be too short to have taken any.
    if KNOWN and all(map(all, processor.values())):
        rows += held_against(f"{task}: processors' time", "µs a picture", processor, reference)
    return rows


def waits_told(samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    """A sentence a contestant: what it answers in a second, and how long its clients wait."""
    notes = []
    for name, found in samples.items():
        rate = statistics.median(1e6 / each.wall for each in found)
        waits = sorted(wait for each in found for wait in each.waits)
        half, tail = (waits[min(len(waits) - 1, int(len(waits) * share))] for share in (0.5, 0.99))
        verdict = "within" if tail <= GOAL_TAIL * half else "more than"
        notes.append(
            f"{name}: {rate:,.0f} requests a second; half wait up to {half:.1f} ms (p50), 99 % up to "
            f"{tail:.1f} ms (p99), which is {verdict} {GOAL_TAIL:g} times as long."
        )
    return notes
