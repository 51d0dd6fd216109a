"""What a product becomes: `discriminator.onnx`, the any-picture files over it, and the report beside them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import DISCRIMINATOR, EVALUATION_PLOT, EVALUATION_RECORD
from demo.errors import ModelError
from demo.inference.answer import Thresholds
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from export.integers import Examined
from export.measure import measure_verdicts
from export.product import export_product
from train.config import DetectorConfig
from train.data import mnist
from train.detector.train import STAGE, load_detector, load_examples, read_calibration
from train.errors import RunError
from train.data.dataset import MNIST, Examples
from train.evaluation.report import EVALUATION, PLOTS
from train.run import Run

PENS: Final = "Pen digits: E. Alpaydin, F. Alimoglu; CC BY 4.0"
GATE_COUNT: Final = 512
"""Validation pictures of each group that go through the gate."""
RANGE_COUNT: Final = 1024
RANGE_SEED: Final = 3_000_000


def remeasure_detector(models: Path) -> dict[str, Any]:
    """Verdicts on the test digits, recomputed from the published files beside what the report says.

    Raises:
        ModelError, DataError: the models or the data set cannot be read.
    """
    manifest = Manifest.load(models)
    path = manifest.folder / EVALUATION_RECORD
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); export the product again.") from error
    tested = mnist.load(report["options"]["dataset"], "test")
    engine = Engine.load(models, "cpu", DISCRIMINATOR)
    published = {name: share for name, share in report["verdicts"][MNIST].items() if share}
    published["read right"] = report["digits_read"][MNIST]
    return {
        "published": published,
        "measured": measure_verdicts(engine, tested.images.numpy(), tested.labels.numpy()),
    }


def own_figures(report: Mapping[str, Any]) -> dict[str, float]:
    """What the report says of the very file; of what it never met, other detectors had to speak for it."""
    seen = [row["seen"] for row in report["generators"]]
    verdicts = report["verdicts"][MNIST]
    return {
        "auroc_worst_generator_seen": min(row["auroc"]["value"] for row in seen),
        "auroc_worst_generator_seen_in_the_wild": min(row["auroc_wild"]["value"] for row in seen),
        "expected_calibration_error": report["ece"]["value"],
        "test_digits_called_fake": verdicts["fake"],
        "test_digits_called_unsure": verdicts["unsure"],
        "test_digits_read_right": report["digits_read"][MNIST],
        "non_digits_caught": report["others_caught"]["all"],
    }


def licence_of(config: DetectorConfig, report: Mapping[str, Any]) -> str:
    """The file's own, and those of what it was trained on."""
    pens = f"; {PENS}" if report["pens_learnt_from"] else ""
    return f"MIT; trained on {mnist.find_entry(config.dataset).licence}{pens}"


def read_report(run: Run) -> dict[str, Any]:
    """The report of an evaluated run; RunError where there is none."""
    try:
        found: dict[str, Any] = json.loads((run.folder / EVALUATION).read_text())
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run.folder} has no report ({error}); make it with `python -m train evaluate` first."
        ) from error
    return found


def examined_by(learnt_from: Examples, validation: Examples) -> Examined:
    """What integers are made and held with."""
    chosen = np.random.default_rng(RANGE_SEED).permutation(len(learnt_from.images))[:RANGE_COUNT]
    return Examined(learnt_from.images.numpy()[np.sort(chosen)], *held_with(validation))


def held_with(validation: Examples) -> list[dict[str, NDArray[np.uint8]]]:
    """Reals and fakes, uint8 [n, 28, 28] by group: of the changed ones the name says `, wild`."""
    return [
        {
            f"{name}{fate}": validation.of(name, wild)
            for name in names
            for fate, wild in (("", False), (", wild", True))
        }
        for names in ([MNIST], list(validation.kinds))
    ]


def export_detector(run: Run, models: Path) -> dict[str, Any]:
    """Publish a finished and evaluated product; returns the figures that the manifest gets.

    Raises:
        ParityError, PublishError, DataError, RunError: nothing was published.
    """
    config = run.config(DetectorConfig)
    detector = load_detector(config, run)
    calibration, thresholds = read_calibration(run)
    report = read_report(run)
    try:
        plots = {
            EVALUATION_PLOT.format(name): (run.folder / f"evaluation-{name}.png").read_bytes()
            for name in PLOTS
        }
    except OSError as error:
        raise RunError(
            f"{run.folder} has no plots ({error}); make them with `python -m train evaluate` first."
        ) from error
    examples = load_examples("validation", config, run)
    step = Run(run.folder / STAGE).last()
    metrics = own_figures(report)
    export_product(
        detector,
        calibration.scale,
        calibration.bias,
        Thresholds(fake=thresholds.fake, real=thresholds.real, in_domain=thresholds.in_domain),
        run.folder,
        f"{run.folder.name}, step {step} of {config.epochs} epochs, seed {config.seed}",
        licence_of(config, report),
        models,
        {"metrics": {"dataset": config.dataset, **metrics}},
        {name: examples.of(name)[:GATE_COUNT] for name in examples.names},
        {**plots, EVALUATION_RECORD: (json.dumps(report, indent=1) + "\n").encode()},
        examined_by(load_examples("train", config, run), examples),
    )
    return metrics
