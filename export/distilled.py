"""What a distilled run becomes: a smaller discriminator in float32, and the same in 8-bit integers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.contract import DISCRIMINATOR, PICTURE_SHAPE, PIXELS
from demo.inference.answer import Thresholds
from demo.inference.manifest import Manifest
from export.artifact import Plan, blank_groups, make
from export.detector import GATE_COUNT, examined_by, read_report
from export.integers import make_integers
from export.modules import PixelDetector, example_pixels
from export.parity import save_report
from export.product import GOLDEN_COUNT, NOISE_COUNT, OUTPUTS, PARITY_SEED, refuse_thresholds
from export.publish import publish
from train.config import DetectorConfig, DistilConfig
from train.detector.train import STAGE, load_detector, load_examples, read_calibration
from train.run import Run

SMALL = f"{DISCRIMINATOR}_small"


def export_distilled(run: Run, models: Path) -> dict[str, Any]:
    """Publish a finished and evaluated distilled run beside its teacher; returns the manifest's figures.

    Raises:
        ParityError, PublishError, DataError, ModelError, RunError: nothing was published.
    """
    config = run.config(DistilConfig)
    teacher = Run(Path(config.teacher))
    product = teacher.config(DetectorConfig)
    calibration, found = read_calibration(run)
    thresholds = Thresholds(found.fake, found.real, found.in_domain)
    refuse_thresholds(thresholds)
    report = read_report(run)
    licence = Manifest.load(models).files[f"{DISCRIMINATOR}.onnx"]["licence"]
    validation = load_examples("validation", product, teacher)
    groups: dict[str, NDArray[np.uint8]] = {
        **{name: validation.of(name)[:GATE_COUNT] for name in validation.names},
        **blank_groups(NOISE_COUNT, PICTURE_SHAPE, PARITY_SEED),
    }
    golden = np.concatenate([each[:GOLDEN_COUNT] for each in groups.values()])
    metrics = own_figures(report)
    examined = examined_by(load_examples("train", product, teacher), validation)
    small = make(
        Plan(
            name=SMALL,
            kind="discriminator",
            module=PixelDetector(load_detector(config, run), calibration.scale, calibration.bias),
            examples={PIXELS: example_pixels(PICTURE_SHAPE)},
            output_names=OUTPUTS,
            groups={group: {PIXELS: each} for group, each in groups.items()},
            golden={PIXELS: golden},
            training_run=f"{run.folder.name}, step {Run(run.folder / STAGE).last()}, taught by "
            f"{teacher.folder.name}, seed {config.seed}",
            licence=licence,
            thresholds=thresholds,
            details={"variant_of": DISCRIMINATOR},
        )
    )
    integers = make_integers(small, thresholds, examined, golden)
    save_report(run.folder, {each.file: each.report for each in (small, integers)})
    publish(
        models,
        {each.file: each.content for each in (small, integers)},
        {
            small.file: {"metrics": {"dataset": config.dataset, **metrics}, **small.entry},
            integers.file: integers.entry,
        },
    )
    return metrics


def own_figures(report: Mapping[str, Any]) -> dict[str, float]:
    """What the report says of the very file, and how much less than its teacher it tells."""
    rows = report["generators"]
    verdicts = report["verdicts"]["mnist"]
    return {
        "parameters": report["parameters"],
        "auroc_worst_generator_seen": min(row["auroc"] for row in rows),
        "auroc_worst_generator_seen_in_the_wild": min(row["auroc_wild"] for row in rows),
        "auroc_lost_at_most": max(row["teacher"]["auroc"] - row["auroc"] for row in rows),
        "auroc_lost_at_most_in_the_wild": max(
            row["teacher"]["auroc_wild"] - row["auroc_wild"] for row in rows
        ),
        "expected_calibration_error": report["ece"]["value"],
        "test_digits_called_fake": verdicts["fake"],
        "test_digits_called_unsure": verdicts["unsure"],
        "test_digits_read_right": report["digits_read"]["mnist"],
        "non_digits_caught": report["others_caught"]["all"],
    }
