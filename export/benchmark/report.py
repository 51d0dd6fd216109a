"""What a benchmark found: as JSON, and as the table that the README holds."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from export.benchmark.rounds import Row, Spread
from train.checkpoint import write_atomically

RESULTS: Final = Path(__file__).parent / "results"
HEADER: Final = (
    "| Task | What | Cost | Times as fast | Goal | Reached |",
    "| --- | --- | --: | --: | --: | --- |",
)


@dataclass(frozen=True)
class Report:
    """One part's rows, where they were measured, and what is to be known of them.

    notes: whole sentences; what was not measured, and why, among them.
    """

    part: str
    machine: dict[str, Any]
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def save(report: Report, folder: Path = RESULTS) -> Path:
    """Write a part's report as `PART.json` into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.part}.json"
    write_atomically(path, (json.dumps(dataclasses.asdict(report), indent=1) + "\n").encode())
    return path


def load(part: str, folder: Path = RESULTS) -> Report:
    """A part's saved report.

    Raises:
        FileNotFoundError: it was never measured.
    """
    found = json.loads((folder / f"{part}.json").read_text())
    rows = [
        Row(
            **{
                **row,
                "cost": Spread(**row["cost"]),
                "ratio": None if row["ratio"] is None else Spread(**row["ratio"]),
            }
        )
        for row in found["rows"]
    ]
    return Report(found["part"], found["machine"], rows, found["notes"])


def table(report: Report) -> str:
    """A report as Markdown: a row a contestant, its cost and how many times as fast it is, with spreads."""
    told = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in told["libraries"].items())
    about = f"{told['processor']} ({told['cores']} cores; {', '.join(told['features'])}), {versions}"
    rows = [*HEADER, *map(line, report.rows), ""] if report.rows else []
    lines = [*rows, f"Measured on: {about}."]
    return "\n".join([*lines, *(f"- {note}" for note in report.notes)]) + "\n"


def line(row: Row) -> str:
    """One row of the table."""
    cost = f"{figure(row.cost.median)} {row.unit} ({figure(row.cost.low)} to {figure(row.cost.high)})"
    ratio = (
        "1"
        if row.ratio is None
        else (f"{row.ratio.median:.2f} ({row.ratio.low:.2f} to {row.ratio.high:.2f})")
    )
    goal = "" if row.goal is None else f"≥ {row.goal:g}"
    reached = {None: "", True: "yes", False: "no"}[row.reached]
    return f"| {row.task} | {row.contestant} | {cost} | {ratio} | {goal} | {reached} |"


def figure(value: float) -> str:
    """A number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
