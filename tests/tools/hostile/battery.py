"""Hostile files through every entry point of the app, and the results against the goals."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx
import numpy as np

from demo.decoder.limits import MEMORY_LIMIT
from export.benchmark.servers import Server
from tests.support.pictures import samples_of_every_format
from tests.support.processes import children, mebibytes
from tests.support.serving import ROOT, served_process
from tests.tools.hostile.archives import archives
from tests.tools.hostile.bombs import bombs
from tests.tools.hostile.entry_points import (
    LONGEST,
    Ask,
    Exchange,
    call,
    command_line,
    exchange,
    page_many,
    post_form,
    post_one,
)
from tests.tools.hostile.mutate import mutate
from tests.tools.hostile.seeds import other_formats

MEGABYTE: Final = 1_000_000
OTHERS_SHARE: Final = 0.15
"""Share of changed files in formats that the app does not take, which are all refused for the same reason."""
TOGETHER: Final = 25
"""Files in a form."""
LARGEST_TOGETHER: Final = 48 << 20
HANGS_FROM: Final = 10.0
"""Seconds from which an answer counts as one that hangs."""
LARGEST_P99: Final = 1.0
LARGEST_PEAK: Final = 600 * MEGABYTE
SHOWN: Final = 20
"""Failures of one kind that are printed."""

# Paths, also those of other servers.
PATHS: Final = re.compile(r"(/(tmp|home|root|usr|work|var|opt)/\w|site-packages|\.py\b|Traceback|\bFile \")")
FAILURES: Final = ("5xx or none", "over 10 s", "no reason", "paths")


def build(count: int, seed: int) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return about `count` files by name: pictures, and zips for *Many files*, which alone opens them.

    They are all bombs and whole files, and changed ones; the same for the same seed, except for AVIF with
    several frames, into which its encoder writes the time of day.
    """
    rng = np.random.default_rng(seed)
    whole, others = samples_of_every_format(), other_formats()
    pictures = {**bombs(), **whole, **others}
    fuel = [*whole.values(), *others.values()]
    zips = archives(rng, max(10, count // 20))
    for index in range(max(0, count - len(pictures) - len(zips))):
        source = others if rng.random() < OTHERS_SHARE else whole
        name = list(source)[rng.integers(len(source))]
        pictures[f"{index:05}-{name}"] = mutate(source[name], rng, fuel)
    return pictures, zips


@dataclass
class EntryPoint:
    """Results of one entry point. single: each request has one picture, so its time counts for the p99."""

    name: str
    single: bool = False
    seconds: list[float] = field(default_factory=list)
    files: int = 0
    failures: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in FAILURES})

    def record(self, exchange: Exchange) -> None:
        """Record an exchange. A zip has more answers than files."""
        self.seconds.append(exchange.seconds)
        self.files += len(exchange.names)
        label = ", ".join(exchange.names[:2])
        if exchange.status >= 500 or exchange.status == 0:
            self.failures["5xx or none"].append(f"{label}: {exchange.status} {exchange.text[:200]}")
        # The command line answers all files in one process, so there is no time of a single one.
        if exchange.seconds > HANGS_FROM and self.name != COMMAND_LINE:
            self.failures["over 10 s"].append(f"{label}: {exchange.seconds:.1f} s")
        count, expected = len(exchange.answers), len(exchange.names)
        if count < expected or (count > expected and self.name != MANY_FILES):
            self.failures["no reason"].append(f"{label}: {count} answers: {exchange.text[:200]}")
        for answer in exchange.answers:
            if (reason := missing_reason(answer)) is not None:
                self.failures["no reason"].append(f"{label}: {reason}")
        if (path := leaked_path(exchange)) is not None:
            self.failures["paths"].append(f"{label}: {path}")


MANY_FILES: Final = "*Many files*, zips"
COMMAND_LINE: Final = "`python -m demo check`"


def missing_reason(answer: Mapping[str, object]) -> str | None:
    """Return the fault of an answer that has neither a verdict nor a sentence with the reason."""
    reason = answer.get("error")
    if reason is None:
        return None if answer.get("verdict") else "neither verdict nor reason"
    sentence = isinstance(reason, str) and len(reason) > 15 and "\n" not in reason and reason.endswith(".")
    return None if sentence else f"no sentence: {reason!r:.100}"


def leaked_path(exchange: Exchange) -> str | None:
    """Return a text of a response that names files of the server, or None; file names are the client's."""
    for answer in exchange.answers:
        for key, value in answer.items():
            if key != "file" and isinstance(value, str) and (PATHS.search(value) or str(ROOT) in value):
                return value[:200]
    return "Traceback" if "Traceback (most" in exchange.text else None


@dataclass
class Peaks:
    """The most bytes of memory that the server and one of its workers have held; whether it still runs."""

    server: int = 0
    worker: int = 0
    alive: bool = True

    def measure(self, app: Server) -> None:
        """Read them from the system."""
        try:
            self.server = int(mebibytes(app.pid) * (1 << 20))
        except ProcessLookupError:
            self.alive = False
        for worker in children(app.pid):
            # A worker may end in between.
            with suppress(OSError):
                self.worker = max(self.worker, int(mebibytes(worker) * (1 << 20)))


@dataclass(frozen=True)
class Report:
    """Results of a run of the battery."""

    entries: list[EntryPoint]
    peaks: Peaks

    def goals(self) -> list[tuple[str, bool]]:
        """Return each goal's name and figure, and whether it is met."""
        p99 = percentile([each for entry in self.entries if entry.single for each in entry.seconds], 99)
        server, worker = self.peaks.server, self.peaks.worker
        return [
            ("the server survives", self.peaks.alive),
            (f"p99 of single pictures: {p99:.3f} s", p99 <= LARGEST_P99),
            (f"peak memory of the server: {server / MEGABYTE:.0f} MB", server <= LARGEST_PEAK),
            (f"peak memory of a worker: {worker / MEGABYTE:.0f} MB", worker <= MEMORY_LIMIT),
        ]

    def table(self) -> str:
        """Return the results as Markdown."""
        lines = [
            f"| Entry | files | requests | {' | '.join(FAILURES)} | p50 | p99 | most |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for entry in self.entries:
            counts = " | ".join(str(len(found)) for found in entry.failures.values())
            times = " | ".join(f"{percentile(entry.seconds, share):.3f} s" for share in (50, 99, 100))
            lines.append(f"| {entry.name} | {entry.files:,} | {len(entry.seconds):,} | {counts} | {times} |")
        lines += ["", *(f"- {goal}: {'met' if met else '**missed**'}" for goal, met in self.goals())]
        return "\n".join(lines)

    def failures(self) -> list[str]:
        """Return the first failures of each kind, and the missed goals."""
        found = [
            f"{entry.name}: {kind}: {each}"
            for entry in self.entries
            for kind, failures in entry.failures.items()
            for each in failures[:SHOWN]
        ]
        return found + [f"missed: {goal}" for goal, met in self.goals() if not met]


def percentile(seconds: list[float], share: float) -> float:
    return float(np.percentile(seconds, share)) if seconds else 0.0


def run(files: tuple[dict[str, bytes], dict[str, bytes]]) -> Report:
    """Send pictures and zips through every entry point of an app that is started for it."""
    pictures, zips = files
    entries: list[EntryPoint] = []
    peaks = Peaks()
    with served_process() as app, httpx.Client(base_url=app.address, timeout=LONGEST) as client:
        every = [{name: content} for name, content in pictures.items()]
        groups = list(together(pictures))

        def send(entry: EntryPoint, ask: Ask, parts: Iterable[Mapping[str, bytes]]) -> None:
            entries.append(entry)
            for part in parts:
                entry.record(exchange(ask, client, part))
                peaks.measure(app)
                if not peaks.alive:
                    break
            print(f"{entry.name}: done", file=sys.stderr, flush=True)

        send(EntryPoint("`POST /v1/check`, one picture", single=True), post_one, every)
        send(EntryPoint("`POST /v1/check`, a form"), post_form, groups)
        send(EntryPoint("upload and `/check`", single=True), partial(call, "check"), every)
        send(EntryPoint("uploads and `/check_many`"), partial(call, "check_many"), groups)
        send(EntryPoint(MANY_FILES), page_many, ({name: content} for name, content in zips.items()))
    line = EntryPoint(COMMAND_LINE)
    line.record(command_line(pictures))
    return Report([*entries, line], peaks)


def together(pictures: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Yield files in groups that are small enough for a form."""
    part: dict[str, bytes] = {}
    size = 0
    for name, content in pictures.items():
        if part and (len(part) == TOGETHER or size + len(content) > LARGEST_TOGETHER):
            yield part
            part, size = {}, 0
        part[name] = content
        size += len(content)
    yield part
