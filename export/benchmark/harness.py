"""Measure contestants in turn, keep the results as JSON, and show them as a Markdown table.

Contestants run round by round, and each ratio is taken within a round: if the machine slows down, it slows
down all of them, and the ratios stay.
"""

import dataclasses
import gc
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, TypeVar

from demo.inference.engine import MODELS_FOLDER
from train.checkpoint import write_atomically

Sample = TypeVar("Sample")

ROOT: Final = Path(__file__).parents[2]
"""The checkout, from which commands are run."""
RESULTS: Final = Path(__file__).parent / "results"
LIBRARIES: Final = ("torch", "onnxruntime", "onnxruntime-gpu", "onnx", "numpy", "pillow", "gradio")
FEATURES: Final = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")
HEADER: Final = ("| Task | Contestant | Cost | Times as fast |", "| --- | --- | --: | --: |")


@dataclass(frozen=True)
class Options:
    """rounds: counted rounds, in each of which every contestant runs once. models: the models folder.

    quick: do little work per round, to see that everything runs; such figures mean little.
    against: another checkout, whose server is measured beside this one's (part `serving` only).
    """

    rounds: int = 15
    models: Path = MODELS_FOLDER
    quick: bool = False
    against: Path | None = None


@dataclass(frozen=True)
class Spread:
    """The median of all rounds, and the quartiles below and above it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Row:
    """The cost of one contestant in one task.

    cost: in `unit`; less is better. ratio: the reference's cost divided by this contestant's, so above 1 is
    better than the reference; None for the reference itself.
    """

    task: str
    contestant: str
    unit: str
    cost: Spread
    ratio: Spread | None = None


@dataclass(frozen=True)
class Report:
    """The rows of one part, the machine they were measured on, and notes in whole sentences.

    commit: the commit of the code that measured; empty outside a git checkout.
    """

    part: str
    commit: str
    machine: dict[str, Any]
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def compare(
    task: str, unit: str, contestants: Mapping[str, Callable[[], float]], reference: str, rounds: int
) -> list[Row]:
    """Run all contestants in turn and return a row for each.

    contestants: name → a function that does the task once and returns its cost in `unit`, above 0.
    reference: the contestant that the others are compared with.
    """
    return rows_from(task, unit, in_turn(contestants, rounds), reference)


def in_turn(
    contestants: Mapping[str, Callable[[], Sample]], rounds: int, warm_up: int = 1
) -> dict[str, list[Sample]]:
    """Run every contestant once per round and return its results; warm-up rounds are not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    # Keep the garbage collector from scanning the libraries' objects during a measurement.
    gc.collect()
    gc.freeze()
    try:
        for counted in range(-warm_up, rounds):
            for name, run in contestants.items():
                sample = run()
                if counted >= 0:
                    samples[name].append(sample)
    finally:
        gc.unfreeze()
    return samples


def rows_from(task: str, unit: str, costs: Mapping[str, Sequence[float]], reference: str) -> list[Row]:
    """Return a row per contestant from costs measured round by round; all have the same number of rounds."""
    return [
        Row(
            task,
            name,
            unit,
            Spread.of(own),
            None
            if name == reference
            else Spread.of([base / cost for base, cost in zip(costs[reference], own, strict=True)]),
        )
        for name, own in costs.items()
    ]


def cpu_microseconds(call: Callable[[], Any], repeats: int, items: int = 1) -> Callable[[], float]:
    """Return a function that measures a call's processor time, summed over threads, in µs per item.

    Wall time would include the work of other processes on a shared machine.
    """
    return stopwatch(time.process_time, call, repeats, items)


def wall_microseconds(call: Callable[[], Any], repeats: int, items: int = 1) -> Callable[[], float]:
    """Return a function that measures a call's wall time in µs per item, for work done by a GPU."""
    return stopwatch(time.perf_counter, call, repeats, items)


def stopwatch(
    clock: Callable[[], float], call: Callable[[], Any], repeats: int, items: int
) -> Callable[[], float]:
    """Return a function that runs `call` `repeats` times and returns µs per item by a clock in seconds."""

    def measure() -> float:
        began = clock()
        for _ in range(repeats):
            call()
        return (clock() - began) / repeats / items * 1e6

    return measure


def report(
    part: str, rows: Sequence[Row], notes: Sequence[str] = (), libraries: Sequence[str] = ()
) -> Report:
    """Return a report of what has just been measured here. libraries: further ones whose version matters."""
    return Report(part, current_commit(), machine(libraries), rows, notes)


def current_commit() -> str:
    """Return the checkout's short commit, with `-dirty` after it where files have changed; "" without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return ""
    return result.stdout.strip()


def machine(libraries: Sequence[str] = ()) -> dict[str, Any]:
    """Return the processor, its features that matter here, the usable cores, and library versions."""
    entry = processor()
    found = {name: installed(name) for name in (*LIBRARIES, *libraries)}
    return {
        "processor": entry.get("model name", platform.processor() or platform.machine()),
        "features": [feature for feature in FEATURES if feature in entry.get("flags", "").split()],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: number for name, number in found.items() if number},
    }


def processor() -> dict[str, str]:
    """Return the first processor's entry in /proc/cpuinfo, or {} on systems without it."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    return {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())
    }


def installed(name: str) -> str | None:
    """Return a library's version, or None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def save(measured: Report, folder: Path = RESULTS) -> Path:
    """Write a report to `PART.json` in a folder and return the path."""
    path = folder / f"{measured.part}.json"
    write_atomically(path, (json.dumps(dataclasses.asdict(measured), indent=1) + "\n").encode())
    return path


def load(part: str, folder: Path = RESULTS) -> Report:
    """Read a part's saved report.

    Raises:
        FileNotFoundError: the part has not been measured.
    """
    content = json.loads((folder / f"{part}.json").read_text())
    rows = [
        Row(
            **{
                **row,
                "cost": Spread(**row["cost"]),
                "ratio": None if row["ratio"] is None else Spread(**row["ratio"]),
            }
        )
        for row in content["rows"]
    ]
    return Report(**{**content, "rows": rows})


def table(measured: Report) -> str:
    """Return a report as Markdown: a table row per contestant, then the machine, the commit and the notes."""
    about = measured.machine
    versions = ", ".join(f"{name} {number}" for name, number in about["libraries"].items())
    cores = f"{about['cores']} core{'s' if about['cores'] > 1 else ''}"
    return "\n".join(
        [
            *HEADER,
            *map(table_row, measured.rows),
            "",
            f"Measured on {about['processor']}, {cores} ({', '.join(about['features'])}), with {versions}, "
            f"at commit {measured.commit or 'unknown'}.",
            *([""] if measured.notes else []),
            *(f"- {note}" for note in measured.notes),
            "",
        ]
    )


def table_row(row: Row) -> str:
    """Return one row of the Markdown table."""
    cost, ratio = row.cost, row.ratio
    costs = f"{figure(cost.median)} {row.unit} ({figure(cost.low)} to {figure(cost.high)})"
    ratios = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else "reference"
    return f"| {row.task} | {row.contestant} | {costs} | {ratios} |"


def figure(value: float) -> str:
    """Return a number with three significant digits, or as a whole number from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
