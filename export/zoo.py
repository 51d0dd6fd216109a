"""What a zoo becomes: the app's generator, and the judge's report with a wall of each generator."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from demo.contract import GENERATORS_GRID, GENERATORS_RECORD
from export.generator import export_generator
from train.config import GeneratorsConfig
from train.data import mnist
from train.errors import RunError
from train.generators.build import REPORT
from train.generators.conditional_gan import ConditionalGan
from train.run import Run

CHOSEN: Final = "conditional_gan"
UNFINISHED: Final = "finish it with `python -m train generators --resume` first"


def export_zoo(run: Run, models: Path) -> dict[str, Any]:
    """Publish a finished zoo; returns the judge's figures for the app's generator.

    Raises:
        ParityError, PublishError, DataError, RunError: nothing was published.
    """
    # Wherever it was trained: the file is made on the CPU, of float32 weights.
    config = dataclasses.replace(run.config(GeneratorsConfig), device="cpu", precision="float32")
    try:
        report = json.loads((run.folder / REPORT).read_text())
        rows = {row["name"]: row for row in report["rows"] if row["kind"] != "real"}
        figures = rows[CHOSEN]
        walls = {
            GENERATORS_GRID.format(name): (run.folder / "grids" / f"{name}.png").read_bytes() for name in rows
        }
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{run.folder} has no whole report ({error}); {UNFINISHED}.") from error
    trained = Run(run.folder / CHOSEN)
    family = ConditionalGan(config)
    if trained.steps()[-1:] != [family.total]:
        raise RunError(f"{trained.folder} is not trained for {family.total} steps; {UNFINISHED}.")
    family.restore_average(trained.load(family.total)[0])
    export_generator(
        family.average.module,
        family.latent,
        run.folder,
        f"{run.folder.name}, {CHOSEN}, step {family.total}, seed {config.seed}",
        f"MIT; trained on {mnist.find_entry(config.dataset).licence}",
        models,
        {"metrics": {"dataset": config.dataset, "count": report["count"], **figures}},
        {**walls, GENERATORS_RECORD: (json.dumps(report, indent=1) + "\n").encode()},
    )
    return dict(figures)
