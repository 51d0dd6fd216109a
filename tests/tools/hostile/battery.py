"""Hostile files through every door of the app, and what came of it against the goals."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import numpy as np

from demo.decoder.limits import MEMORY_LIMIT
from tests.tools.hostile import doors
from tests.tools.hostile.corpus import Corpus
from tests.tools.hostile.doors import HANGS_FROM, LONGEST, Exchange
from tests.tools.hostile.server import MEGABYTE, ROOT, served

TOGETHER: Final = 25
"""Files in a form."""
LARGEST_TOGETHER: Final = 48 << 20
LARGEST_P99: Final = 1.0
LARGEST_PEAK: Final = 600 * MEGABYTE
SHOWN: Final = 20
"""Of what went wrong, so many are printed."""

# What a path of a server looks like where it is not one of this very server's.
PATHS: Final = re.compile(r"(/(tmp|home|root|usr|work|var|opt)/\w|site-packages|\.py\b|Traceback|\bFile \")")


WRONGS: Final = ("HTTP 5xx or no answer", "hangs", "no reason", "paths")


@dataclass
class Door:
    """What one way in came to.

    single: its times are those of single pictures, and count for the p99. heaviest: the files of the request
    that raised the server's peak of memory the most.
    """

    name: str
    single: bool
    seconds: list[float] = field(default_factory=list)
    files: int = 0
    heaviest: str = ""
    wrong: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in WRONGS})

    def take(self, exchange: Exchange, many: bool) -> None:
        """Count an exchange. many: zips, whose answers are more than the files."""
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
    """What is wrong with an answer: neither a verdict nor one sentence that says why; None if nothing is."""
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
    """What a response says of the server's files, beyond the names that it was sent."""
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
    """The texts of an answer but for the file's name, which is whoever sent it's."""
    if isinstance(answer, Mapping):
        for key, value in answer.items():
            if isinstance(value, str) and key != "file":
                yield value


@dataclass(frozen=True)
class Report:
    """What a run of the battery came to."""

    doors: list[Door]
    deaths: int
    peak: int
    worker_peak: int
    logged: int

    @property
    def p99(self) -> float:
        """Seconds, over the doors that take one picture at a time."""
        return percentile([each for door in self.doors if door.single for each in door.seconds], 99)

    @property
    def met(self) -> bool:
        """Whether every goal is."""
        clean = not any(found for door in self.doors for found in door.wrong.values())
        within = self.p99 <= LARGEST_P99 and self.peak <= LARGEST_PEAK and self.worker_peak <= MEMORY_LIMIT
        return clean and self.deaths == 0 and within

    def table(self) -> str:
        """In Markdown."""
        lines = [
            "| Door | files | requests | 5xx, no answer | over 10 s | no reason | paths | p50 | p99 | most |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for door in self.doors:
            counts = " | ".join(str(len(door.wrong[kind])) for kind in WRONGS)
            times = " | ".join(f"{percentile(door.seconds, share):.3f} s" for share in (50, 99, 100))
            lines.append(f"| {door.name} | {door.files:,} | {len(door.seconds):,} | {counts} | {times} |")
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
        """What went wrong, the first few of each kind."""
        found = [
            f"{door.name}: {kind}: {each}"
            for door in self.doors
            for kind, every in door.wrong.items()
            for each in every[:SHOWN]
        ]
        return "\n".join(found)


def percentile(seconds: list[float], share: float) -> float:
    return float(np.percentile(seconds, share)) if seconds else 0.0


def run(corpus: Corpus, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Send everything through every door of an app that is started for it."""
    found: list[Door] = []
    with served() as app, httpx.Client(base_url=app.address, timeout=LONGEST) as client:
        number = doors.event_number(client, "page_many")
        groups = list(together(corpus.pictures))

        def through(name: str, single: bool, exchanges: Iterator[Exchange], many: bool = False) -> None:
            door = Door(name, single)
            found.append(door)
            most, before = 0, app.peak
            for exchange in exchanges:
                door.take(exchange, many)
                app.look()
                if app.peak - before > most:
                    most, door.heaviest = app.peak - before, ", ".join(exchange.names[:3])
                before = app.peak
                if not app.alive:
                    break
            memory = f"server {app.peak / MEGABYTE:.0f} MB, workers {app.worker_peak / MEGABYTE:.0f} MB"
            progress(f"{name}: {memory}; {most / MEGABYTE:.0f} MB of them with {door.heaviest or 'none'}")

        every = corpus.pictures.items()
        through("`POST /v1/check`, one picture", True, (doors.post_one(client, *each) for each in every))
        through("`POST /v1/check`, a form", False, (doors.post_form(client, each) for each in groups))
        through("upload and `/check`", True, (doors.call_check(client, *each) for each in every))
        through("uploads and `/check_many`", False, (doors.call_check_many(client, each) for each in groups))
        zips = ({name: content} for name, content in corpus.zips.items())
        page = (doors.page_many(client, number, each) for each in zips)
        through("*Many files*, zips", False, page, many=True)
        deaths = int(not app.alive)
        logged = app.log.read_text(errors="replace")
        report = Report(found, deaths, app.peak, app.worker_peak, logged.count("Traceback (most"))
        if logged:
            print(logged[-3000:], file=sys.stderr)
    line = Door("`python -m demo check`", False)
    line.take(doors.command_line(corpus.pictures), many=False)
    # One process for all: its time is not one answer's.
    line.wrong["hangs"].clear()
    found.append(line)
    return report


def together(pictures: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Files in parts that make a form: not too many, and not too large."""
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
