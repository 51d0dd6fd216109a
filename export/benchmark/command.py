"""`python -m export benchmark [PART…]`: measure, print the tables, keep the results."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from export.benchmark.harness import Options, Report, figure, load, save, table, times_as_fast
from export.errors import ExportError

PARTS: Final = ("inference", "any_image", "training", "serving", "start", "browser")
"""Each is a module here with `measure(options) -> Report`."""

SUMMARY: Final = (
    ("inference", "detector, batch 1", "discriminator_int8", "PyTorch eager"),
    ("inference", "detector, batch 256", "discriminator_int8", "PyTorch eager"),
    ("inference", "tutorial discriminator, batch 1", "mlp_discriminator_int8", "PyTorch eager"),
    ("any_image", "28x28 as in MNIST", "any-image graph", "the core alone"),
    ("any_image", "640x480 photo", "normalizer.onnx", "the numpy normalizer"),
    (
        *("training", "one epoch of the tutorial pair on cpu"),
        *("python -m train tutorial --precision float32", "the notebook's way"),
    ),
    ("serving", "32 clients, one picture per request", "POST /v1/check of the app", "Gradio's queue"),
    ("start", "app, wall time", "python -m demo, to its first answer", "importing Gradio alone"),
    ("start", "API alone, wall time", "python -m demo --api-only, to its first answer", "the app"),
    ("browser", "page opened to first answer, over 20 Mbit/s", "this page", "plain onnxruntime-web"),
)
"""Part, task, contestant, and a name for the reference: the rows at the top of the README."""


def benchmark(parts: Sequence[str], options: Options, folder: Path) -> None:
    """Measure some parts, or all if none is named; print each part's table and save its results.

    Raises:
        ExportError: a part does not exist, or something it needs is not installed. Earlier parts are saved.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ExportError(f"There is no part {unknown[0]!r}; choose from {', '.join(PARTS)}.")
    for part in parts or PARTS:
        measured: Report = import_module(f"export.benchmark.{part}").measure(options)
        print(f"{part}: {save(measured, folder)}\n\n{table(measured)}")


def tables() -> dict[str, str]:
    """Return part → table of its kept results, and `summary`."""
    return {"summary": summary(), **{part: table(load(part)) for part in PARTS}}


def summary() -> str:
    """Return a short table of the most telling rows of all parts."""
    lines = ["| Task | What | Compared with | Cost | Times as fast |", "| --- | --- | --- | --: | --: |"]
    for part, task, contestant, reference in SUMMARY:
        rows = {(row["task"], row["contestant"]): row for row in load(part)["rows"]}
        row = rows[task, contestant]
        cost = f"{figure(row['cost']['median'])} {row['unit']}"
        lines.append(f"| {task} | {contestant} | {reference} | {cost} | {times_as_fast(row)} |")
    return "\n".join([*lines, ""])
