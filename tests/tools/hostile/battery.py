"""Hostile files through every entry point of the app, and the results against the goals."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import numpy as np

from demo.decoder.limits import MEMORY_LIMIT
from tests.tools.hostile.corpus import Corpus
from tests.tools.hostile.entry_points import (
    HANGS_FROM,
    LONGEST,
    Exchange,
    call_check,
    call_check_many,
    command_line,
    event_number,
    page_many,
    post_form,
    post_one,
)
from tests.tools.hostile.server import MEGABYTE, ROOT, served

TOGETHER: Final = 25
"""Files in a form."""
LARGEST_TOGETHER: Final = 48 << 20
LARGEST_P99: Final = 1.0
LARGEST_PEAK: Final = 600 * MEGABYTE
SHOWN: Final = 20
"""Of what went wrong, so many are printed."""

# Paths, also those of other servers.
PATHS: Final = re.compile(r"(/(tmp|home|root|usr|work|var|opt)/\w|site-packages|\.py\b|Traceback|\bFile \")")


WRONGS: Final = ("HTTP 5xx or no answer", "hangs", "no reason", "paths")


@dataclass
class EntryPoint:
    """Results of one entry point.

    single: its times are of single pictures, and count for the p99. heaviest: the files of the request that
    raised the server's peak of memory most.
    """

    name: str
    single: bool
    seconds: list[float] = field(default_factory=list)
    files: int = 0
    heaviest: str = ""
    wrong: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in WRONGS})

    def record(self, exchange: Exchange, many: bool) -> None:
        """Record an exchange. many: zips, which have more answers than files."""
        self.seconds.append(exchange.seconds)
        self.files += len(exchange.names)
        label = ", ".join(exchange.names[:2])
        if exchange.status >= 500 or exchange.status == 0:
            self.wrong["HTTP 5xx or no answer"].append(f"{label}: {exchange.status} {exchange.text[:200]}")
        if exchange.seconds > HANGS_FROM:
            self.wrong["hangs"].append(f"{label}: {exchange.seconds:.1f} s")
        if (
            len(exchange.answers) < len(exchange.names)
            if many
            else len(exchange.answers) != len(exchange.names)
        ):
            self.wrong["no reason"].append(f"{label}: {len(exchange.answers)} answers: {exchange.text[:200]}")
        for answer in exchange.answers:
            if (why := unreasonable(answer)) is not None:
                self.wrong["no reason"].append(f"{label}: {why}")
        if (path := leaked(exchange)) is not None:
            self.wrong["paths"].append(f"{label}: {path}")


def unreasonable(answer: object) -> str | None:
    """Return what is wrong with an answer without a verdict and without a sentence that says why."""
    if not isinstance(answer, Mapping):
        return f"no answer: {answer!r:.100}"
    if "answer" in answer:
        return unreasonable(json.loads(answer["answer"]))
    reason = answer.get("error")
    if reason is None:
        return None if answer.get("verdict") else "neither verdict nor reason"
    sentence = isinstance(reason, str) and len(reason) > 15 and "\n" not in reason and reason.endswith(".")
    return None if sentence else f"no sentence: {reason!r:.100}"


def leaked(exchange: Exchange) -> str | None:
    """Return a text of a response that names files of the server, or None."""
    for answer in exchange.answers:
        said: Any = answer
        if isinstance(answer, Mapping) and "answer" in answer:
            said = json.loads(answer["answer"])
        for text in sentences(said):
            found = PATHS.search(text)
            if found is not None or str(ROOT) in text:
                return text[:200]
    return "Traceback" if "Traceback (most" in exchange.text else None


def sentences(answer: object) -> Iterator[str]:
    """Yield the texts of an answer, but for the name that the client gave the file."""
    if isinstance(answer, Mapping):
        for key, value in answer.items():
            if isinstance(value, str) and key != "file":
                yield value


@dataclass(frozen=True)
class Report:
    """Results of a run of the battery."""

    entries: list[EntryPoint]
    deaths: int
    peak: int
    worker_peak: int
    logged: int

    @property
    def p99(self) -> float:
        """Seconds, over the entry points that take a single picture."""
        return percentile([each for entry in self.entries if entry.single for each in entry.seconds], 99)

    @property
    def met(self) -> bool:
        """Whether every goal is met."""
        clean = not any(found for entry in self.entries for found in entry.wrong.values())
        within = self.p99 <= LARGEST_P99 and self.peak <= LARGEST_PEAK and self.worker_peak <= MEMORY_LIMIT
        return clean and self.deaths == 0 and within

    def table(self) -> str:
        """Return the results as Markdown."""
        lines = [
            "| Entry | files | requests | 5xx or none | over 10 s | no reason | paths | p50 | p99 | most |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for entry in self.entries:
            counts = " | ".join(str(len(entry.wrong[kind])) for kind in WRONGS)
            times = " | ".join(f"{percentile(entry.seconds, share):.3f} s" for share in (50, 99, 100))
            lines.append(f"| {entry.name} | {entry.files:,} | {len(entry.seconds):,} | {counts} | {times} |")
        goals = [
            ("server deaths", f"{self.deaths}", "0", self.deaths == 0),
            (
                "p99 of single pictures",
                f"{self.p99:.3f} s",
                f"≤ {LARGEST_P99:g} s",
                self.p99 <= LARGEST_P99,
            ),
            (
                "peak memory of the server",
                f"{self.peak / MEGABYTE:.0f} MB",
                f"≤ {LARGEST_PEAK // MEGABYTE} MB",
                self.peak <= LARGEST_PEAK,
            ),
            (
                "peak memory of a worker",
                f"{self.worker_peak / MEGABYTE:.0f} MB",
                f"≤ {MEMORY_LIMIT // MEGABYTE} MB, its limit",
                self.worker_peak <= MEMORY_LIMIT,
            ),
        ]
        lines += ["", "| | measured | goal | met |", "|---|--:|--:|---|"]
        lines += [
            f"| {name} | {value} | {goal} | {'yes' if met else '**no**'} |"
            for name, value, goal, met in goals
        ]
        return "\n".join(lines)

    def wrongs(self) -> str:
        """Return the first failures of each kind."""
        found = [
            f"{entry.name}: {kind}: {each}"
            for entry in self.entries
            for kind, every in entry.wrong.items()
            for each in every[:SHOWN]
        ]
        return "\n".join(found)


def percentile(seconds: list[float], share: float) -> float:
    return float(np.percentile(seconds, share)) if seconds else 0.0


def run(corpus: Corpus, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Send all files through every entry point of an app that is started for it."""
    found: list[EntryPoint] = []
    with served() as app, httpx.Client(base_url=app.address, timeout=LONGEST) as client:
        number = event_number(client, "page_many")
        groups = list(together(corpus.pictures))

        def through(name: str, single: bool, exchanges: Iterator[Exchange], many: bool = False) -> None:
            entry = EntryPoint(name, single)
            found.append(entry)
            most, before = 0, app.peak
            for exchange in exchanges:
                entry.record(exchange, many)
                app.look()
                if app.peak - before > most:
                    most, entry.heaviest = app.peak - before, ", ".join(exchange.names[:3])
                before = app.peak
                if not app.alive:
                    break
            memory = f"server {app.peak / MEGABYTE:.0f} MB, workers {app.worker_peak / MEGABYTE:.0f} MB"
            progress(f"{name}: {memory}; {most / MEGABYTE:.0f} MB of them with {entry.heaviest or 'none'}")

        every = corpus.pictures.items()
        through("`POST /v1/check`, one picture", True, (post_one(client, *each) for each in every))
        through("`POST /v1/check`, a form", False, (post_form(client, each) for each in groups))
        through("upload and `/check`", True, (call_check(client, *each) for each in every))
        through(
            "uploads and `/check_many`",
            False,
            (call_check_many(client, each) for each in groups),
        )
        zips = ({name: content} for name, content in corpus.zips.items())
        from_page = (page_many(client, number, each) for each in zips)
        through("*Many files*, zips", False, from_page, many=True)
        deaths = int(not app.alive)
        logged = app.log.read_text(errors="replace")
        report = Report(found, deaths, app.peak, app.worker_peak, logged.count("Traceback (most"))
        if logged:
            print(logged[-3000:], file=sys.stderr)
    line = EntryPoint("`python -m demo check`", False)
    line.record(command_line(corpus.pictures), many=False)
    # One process answers all files: its time says nothing of a single one.
    line.wrong["hangs"].clear()
    found.append(line)
    return report


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
    if part:
        yield part
