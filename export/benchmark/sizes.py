"""The curve of sizes: what distilled networks cost a picture and what they tell, beside their teacher."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from demo.contract import DISCRIMINATOR, PICTURE_SHAPE, PIXELS
from demo.inference.manifest import Manifest
from export.benchmark.inference import REPEATS, generated_pixels, one_thread_session, session_score, timed
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.report import Report
from export.benchmark.rounds import Row
from export.convert import to_onnx
from export.errors import ExportError
from export.modules import PixelDetector, example_pixels
from export.product import OUTPUTS
from train.config import DetectorConfig, DistilConfig
from train.detector.train import load_detector, read_calibration
from train.evaluation.report import EVALUATION
from train.run import Run

ABOUT: Final = (
    "AUROC: of test digits against each generator that was learnt from, as the report of `python -m train "
    "evaluate` has it, through the normaliser; the worst of them and their mean."
)


def measure(options: Options) -> Report:
    """Every distilled run in the folder of runs that was examined, and the product that taught it.

    Raises:
        ExportError: there is no such run, or they had several teachers.
        RunError: a run cannot be read.
    """
    runs = examined_runs(options.runs)
    reports = {run: json.loads((run.folder / EVALUATION).read_text()) for run in runs}
    teachers = {Path(run.config(DistilConfig).teacher).resolve() for run in runs}
    if len(teachers) != 1:
        raise ExportError(
            f"{options.runs} holds {len(runs)} examined distilled runs of {len(teachers)} teachers; train "
            "some with `python -m train distil`, and examine them with `python -m train evaluate`."
        )
    teacher = Run(teachers.pop())
    product = teacher.config(DetectorConfig)
    rows = reports[runs[0]]["generators"]
    reference = label("the product", product.widths, [row["teacher"] for row in rows])
    networks = {reference: network(product, teacher), **published_variants(options.models)}
    for run in runs:
        config = run.config(DistilConfig)
        name = label(run.folder.name, config.widths, reports[run]["generators"])
        networks[name] = network(config, run)
    return Report("sizes", machine(), timed_sizes(networks, reference, options), [ABOUT])


def examined_runs(folder: Path) -> list[Run]:
    """The distilled runs in a folder that have a report, by name."""
    runs = [Run(path.parent) for path in sorted(folder.glob(f"*/{EVALUATION}"))]
    return [run for run in runs if run.command() == DistilConfig.command]


def label(what: str, widths: Sequence[int], generators: Sequence[Mapping[str, float]]) -> str:
    """A network's name in the table: its channels, and what it is worth."""
    found = [row["auroc"] for row in generators]
    channels = "-".join(map(str, widths))
    return f"{what}, {channels}: AUROC {min(found):.3f} worst, {statistics.mean(found):.3f} mean"


def published_variants(models: Path) -> dict[str, bytes]:
    """The product's other forms as they are published, which are no smaller but quicker, by their names."""
    manifest = Manifest.load(models)
    return {
        f"{name}, AUROC {entry['distance']['auroc']:.4f} less in the mean": manifest.read(f"{name}.onnx")
        for name in manifest.names("discriminator")
        if (entry := manifest.files[f"{name}.onnx"]).get("variant_of") == DISCRIMINATOR
    }


def network(config: DetectorConfig | DistilConfig, run: Run) -> bytes:
    """A run's detector as an ONNX file, as it would be published."""
    calibration, _ = read_calibration(run)
    module = PixelDetector(load_detector(config, run), calibration.scale, calibration.bias)
    return to_onnx(module, {PIXELS: example_pixels(PICTURE_SHAPE)}, OUTPUTS, {"name": run.folder.name})


def timed_sizes(networks: Mapping[str, bytes], reference: str, options: Options) -> list[Row]:
    """Rows of each network's processor time at each batch size, in µs a picture."""
    scores: dict[str, Any] = {
        name: session_score(one_thread_session(content)) for name, content in networks.items()
    }
    pixels = generated_pixels(options.models, max(REPEATS))
    rows: list[Row] = []
    for batch, repeats in REPEATS.items():
        times = 1 if options.quick else repeats
        rows += timed(f"batch {batch}", scores, reference, pixels[:batch], times, options, {})
    return rows
