"""`python -m export benchmark [PART…]`: measure, print the tables, keep the figures."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from export.benchmark.options import Options
from export.benchmark.report import RESULTS, Report, load, save, table
from export.errors import ExportError

PARTS: Final = (
    "inference",
    "any_image",
    "cuda",
    "training",
    "serving",
    "files",
    "cluster",
    "start",
    "browser",
)
"""Each a module beside this one with `measure(options) -> Report`, in the order of the README's tables."""


def benchmark(parts: Sequence[str], options: Options, folder: Path = RESULTS) -> None:
    """Measure some parts, all where none is named; print and save each one's table.

    Raises:
        ExportError: there is no such part, or what it takes is not installed. Parts before it are saved.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ExportError(f"There is no part {unknown[0]!r}; there is: {', '.join(PARTS)}.")
    for part in parts or PARTS:
        report: Report = import_module(f"export.benchmark.{part}").measure(options)
        print(f"{part}: {save(report, folder)}\n\n{table(report)}")


def show(folder: Path = RESULTS) -> None:
    """Print the tables of what was measured before, without measuring again."""
    for part in PARTS:
        if (folder / f"{part}.json").exists():
            print(f"{part}\n\n{table(load(part, folder))}")
