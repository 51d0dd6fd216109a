"""Measure contestants in turn, keep the results as JSON, and show them as a Markdown table.

Contestants run round by round, and each ratio is taken within a round: if the machine slows down, it slows
down all of them, and the ratios stay.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

from demo.inference.engine import MODELS_FOLDER
from train.checkpoint import write_json

Sample = TypeVar("Sample")

ROOT: Final = Path(__file__).parents[2]
"""The checkout, from which commands are run."""
RESULTS: Final = Path(__file__).parent / "results"
LIBRARIES: Final = (
    *("torch", "onnxruntime", "onnxruntime-gpu", "onnx", "numpy", "pillow", "openvino"),
    *("gradio", "uvicorn", "starlette", "h11", "playwright"),
)
FEATURES: Final = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")


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


class Spread(TypedDict):
    """The median of all rounds, and the quartiles below and above it."""

    median: float
    low: float
    high: float


class Row(TypedDict):
    """The cost of one contestant in one task.

    cost: in `unit`; less is better. ratio: the reference's cost divided by this contestant's, so above 1 is
    better than the reference; None for the reference itself.
    """

    task: str
    contestant: str
    unit: str
    cost: Spread
    ratio: Spread | None


class Report(TypedDict):
    """The rows of one part, the machine they were measured on, and notes in whole sentences.

    commit: the commit of the code that measured; empty outside a git checkout.
    """

    part: str
    commit: str
    machine: dict[str, Any]
    rows: list[Row]
    notes: list[str]


def in_turn(
    contestants: Mapping[str, Callable[[], Sample]], rounds: int, warm_up: int = 1
) -> dict[str, list[Sample]]:
    """Run every contestant once per round and return its results; warm-up rounds are not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    for counted in range(-warm_up, rounds):
        for name, run in contestants.items():
            sample = run()
            if counted >= 0:
                samples[name].append(sample)
    return samples


def rows_from(task: str, unit: str, costs: Mapping[str, Sequence[float]], reference: str) -> list[Row]:
    """Return a row per contestant from its costs in each round.

    reference: the contestant that the others are compared with.
    """
    rows: list[Row] = []
    for name, own in costs.items():
        ratios = [base / cost for base, cost in zip(costs[reference], own, strict=True)]
        ratio = None if name == reference else spread(ratios)
        rows.append({"task": task, "contestant": name, "unit": unit, "cost": spread(own), "ratio": ratio})
    return rows


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of at least one value."""
    if len(values) == 1:
        return {"median": values[0], "low": values[0], "high": values[0]}
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def microseconds(
    call: Callable[[], Any], repeats: int, items: int = 1, clock: Callable[[], float] = time.process_time
) -> Callable[[], float]:
    """Return a function that runs `call` `repeats` times and returns µs per item.

    clock: in seconds; processor time summed over threads, unless a GPU does the work. Wall time would include
    the work of other processes on a shared machine.
    """

    def measure() -> float:
        began = clock()
        for _ in range(repeats):
            call()
        return (clock() - began) / repeats / items * 1e6

    return measure


def report(part: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> Report:
    """Return a report of what has just been measured here."""
    return {
        "part": part,
        "commit": current_commit(),
        "machine": machine(),
        "rows": list(rows),
        "notes": list(notes),
    }


def current_commit() -> str:
    """Return the checkout's short commit, with `-dirty` after it where files have changed; "" without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return ""
    return result.stdout.strip()


def machine() -> dict[str, Any]:
    """Return the processor, its features that matter here, the usable cores, and library versions."""
    installed = {each.name: each.version for each in distributions()}
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    known = dict(re.findall(r"^(model name|flags)\s*: (.*)$", text, re.MULTILINE))
    return {
        "processor": known.get("model name", platform.processor() or platform.machine()),
        "features": [feature for feature in FEATURES if feature in known.get("flags", "").split()],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: installed[name] for name in LIBRARIES if name in installed},
    }


def save(measured: Report, folder: Path = RESULTS) -> Path:
    """Write a report to `PART.json` in a folder and return the path."""
    path = folder / f"{measured['part']}.json"
    write_json(path, measured)
    return path


def load(part: str, folder: Path = RESULTS) -> Report:
    """Read a part's saved report."""
    measured: Report = json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
    return measured


def table(measured: Report) -> str:
    """Return a report as Markdown: a table row per contestant, then the machine, the commit and the notes."""
    about = measured["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["libraries"].items())
    cores = f"{about['cores']} core{'s' if about['cores'] > 1 else ''}"
    lines = ["| Task | Contestant | Cost | Times as fast |", "| --- | --- | --: | --: |"]
    for row in measured["rows"]:
        cost, unit = row["cost"], row["unit"]
        costs = f"{figure(cost['median'])} {unit} ({figure(cost['low'])} to {figure(cost['high'])})"
        lines.append(f"| {row['task']} | {row['contestant']} | {costs} | {times_as_fast(row)} |")
    lines += [
        "",
        f"Measured on {about['processor']}, {cores} ({', '.join(about['features'])}), with {versions}, "
        f"at commit {measured['commit'] or 'unknown'}.",
        *([""] if measured["notes"] else []),
        *(f"- {note}" for note in measured["notes"]),
        "",
    ]
    return "\n".join(lines)


def times_as_fast(row: Row) -> str:
    """Return a row's ratio with its quartiles."""
    ratio = row["ratio"]
    if ratio is None:
        return "reference"
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def figure(value: float) -> str:
    """Return a number with three significant digits, or as a whole number from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
