"""What a zoo becomes: the app's generator, and the judge's report with a wall of each generator."""

import json
from pathlib import Path
from typing import Any, Final

from demo.contract import ZOO_RECORD, ZOO_WALL
from export.generator import export_generator
from train import data
from train.config import ZooConfig
from train.device import resolve
from train.errors import RunError
from train.run import Run
from train.zoo.conditional_gan import ConditionalGan

CHOSEN: Final = "conditional_gan"


def export_zoo(run: Run, models: Path) -> dict[str, Any]:
    """Publish a finished zoo; returns the judge's figures for the app's generator.

    Raises:
        ParityError, PublishError, DataError, RunError: nothing was published.
    """
    report = read_report(run)
    config = resolve(run.config(ZooConfig))
    family = ConditionalGan(config)
    trained = Run(run.folder / CHOSEN)
    tensors, header = trained.load(family.total)
    family.restore(tensors)
    family.average.module.eval()
    (figures,) = (row for row in report["rows"] if row["name"] == CHOSEN)
    walls = {
        ZOO_WALL.format(row["name"]): (run.folder / "walls" / f"{row['name']}.png").read_bytes()
        for row in report["rows"]
        if row["kind"] != "real"
    }
    export_generator(
        family.average.module.cpu(),
        family.latent,
        run.folder,
        f"{run.folder.name}, {CHOSEN}, step {header['step']}, seed {config.seed}",
        f"MIT; trained on {data.find_entry(config.dataset).licence}",
        models,
        {"metrics": {"dataset": config.dataset, "count": report["count"], **figures}},
        {**walls, ZOO_RECORD: (json.dumps(report, indent=1) + "\n").encode()},
    )
    return dict(figures)


def read_report(run: Run) -> dict[str, Any]:
    """The judge's report; raises RunError where the zoo is not finished."""
    try:
        report: dict[str, Any] = json.loads((run.folder / "report.json").read_text())
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run.folder} has no report yet; finish it with `python -m train zoo --resume` first."
        ) from error
    return report
