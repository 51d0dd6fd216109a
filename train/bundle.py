"""One file per finished run with everything that export needs, so that export never loads a data set.

`bundle.safetensors` holds tensors and, in its header, the record as JSON. It is written atomically: a run has
a whole bundle or none. Nothing is pickled.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import load_snapshot, prefixed, save_snapshot, unprefixed
from train.config import Config, DetectorConfig, GeneratorsConfig, TutorialConfig
from train.data import mnist
from train.data.dataset import MNIST, NORMALIZED, PEN, RAW
from train.data.treatments import augmented
from train.detector.train import STAGE, load_detector, load_examples, read_calibration
from train.errors import RunError
from train.evaluation.report import EVALUATION
from train.evaluation.tutorial import evaluate_tutorial
from train.generators.build import REPORT, read_quality
from train.generators.conditional_gan import ConditionalGan
from train.generators.trained import sampling_tensors, trimmed_families
from train.run import Run
from train.tutorial.gan import GRID, load_pair
from train.tutorial.trace import RECORD

BUNDLE: Final = "bundle.safetensors"
PUBLISHED_GENERATOR: Final = "conditional_gan"
"""The generator of a generators' run that is exported."""
PEN_LICENCE: Final = "Pen digits: E. Alpaydin, F. Alimoglu; CC BY 4.0"

# Groups of pictures in a bundle.
REALS: Final = "reals"
HISTORY: Final = "history"
CALIBRATION: Final = "int8/calibration"
INT8_GATE: Final = "int8/gate"
VALIDATION: Final = "validation"
AUGMENTED: Final = "augmented"

REALS_COUNT: Final = 4096
HISTORY_SNAPSHOTS: Final = 8
"""As many as fit into the contract's 10 MB at float16."""
TUTORIAL_CALIBRATION_COUNT: Final = 8192
DETECTOR_CALIBRATION_COUNT: Final = 1024
VALIDATION_COUNT: Final = 1000
"""Validation pictures of each group, as they are and augmented."""
CALIBRATION_SEED: Final = 3_000_000


@dataclass(frozen=True)
class Bundle:
    """The results of a finished run that export reads.

    record: JSON: `kind` (the command of `python -m train`), `run` (its name), `config`, `licence`, `step`,
    and more by kind. weights: of the networks, on the CPU. pictures: group → uint8 [n, height, width], for
    the parity gate and for int8. files: name → content: reports, plots, recorded steps.
    """

    record: Mapping[str, Any]
    weights: Mapping[str, torch.Tensor]
    pictures: Mapping[str, NDArray[np.uint8]] = dataclasses.field(default_factory=dict)
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

    def group(self, name: str) -> dict[str, NDArray[np.uint8]]:
        """Return the pictures whose names begin with `NAME/`, without it."""
        start = f"{name}/"
        return {
            key.removeprefix(start): value for key, value in self.pictures.items() if key.startswith(start)
        }


def save_bundle(run: Run, bundle: Bundle) -> None:
    """Write a run's bundle atomically; raise RunError if it cannot be written."""
    pictures = {name: torch.from_numpy(each) for name, each in bundle.pictures.items()}
    files = {
        name: torch.frombuffer(bytearray(each), dtype=torch.uint8) for name, each in bundle.files.items()
    }
    tensors = {
        **prefixed("weights", bundle.weights),
        **prefixed("pictures", pictures),
        **prefixed("files", files),
    }
    save_snapshot(run.folder / BUNDLE, tensors, bundle.record)


def load_bundle(run: Run) -> Bundle:
    """Read a run's bundle; make that of a trimmed run.

    Raises:
        RunError: there is no such run, it is not finished, or the bundle cannot be read.
    """
    if not (run.folder / BUNDLE).exists():
        if trimmed_families(run):
            return generators_bundle(run)
        raise RunError(
            f"{run.folder} has no {BUNDLE}; finish the run first: `python -m train {run.command()} --resume`."
        )
    tensors, record = load_snapshot(run.folder / BUNDLE)
    return Bundle(
        record,
        unprefixed("weights", tensors),
        {name: each.numpy() for name, each in unprefixed("pictures", tensors).items()},
        {name: each.numpy().tobytes() for name, each in unprefixed("files", tensors).items()},
    )


def add_files(run: Run, names: Sequence[str]) -> None:
    """Put files of the run's folder into its bundle; raise RunError if it cannot be read or written."""
    bundle = load_bundle(run)
    save_bundle(run, dataclasses.replace(bundle, files={**bundle.files, **read_files(run.folder, names)}))


def read_files(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return the content of files in a folder by their names; raise RunError if one cannot be read."""
    try:
        return {name: (folder / name).read_bytes() for name in names}
    except OSError as error:
        raise RunError(
            f"{error.filename} cannot be read ({error.strerror}); run the command again."
        ) from error


def common_record(run: Run, config: Config, step: int, licence: str = "") -> dict[str, Any]:
    """Return the entries that records of all kinds share."""
    return {
        "kind": config.command,
        "run": run.folder.name,
        "config": dataclasses.asdict(config),
        "licence": f"MIT; trained on {mnist.find_entry(config.dataset).licence}{licence}",
        "step": step,
    }


def bundle_tutorial(run: Run) -> None:
    """Write the bundle of a finished tutorial run, with its figures on the test digits; keep one that exists.

    Weights: `discriminator`, `generator`, and for each snapshot of the history `history.STEP`, the
    discriminator in float16. Pictures: `REALS` (test digits, for the gate), `CALIBRATION` and `INT8_GATE`
    (training digits), `HISTORY` (a grid of samples for each snapshot).

    Raises:
        DataError, RunError: the data set or the run cannot be read, or the bundle cannot be written.
    """
    if (run.folder / BUNDLE).exists():
        return
    config = run.config(TutorialConfig)
    pair, last = load_pair(run)
    kept = run.load(last)[1]["kept"]
    chosen = np.linspace(0, len(kept) - 1, min(len(kept), HISTORY_SNAPSHOTS)).round().astype(int)
    steps = [kept[index] for index in chosen]
    weights = {
        **prefixed("discriminator", pair.discriminator.state_dict()),
        **prefixed("generator", pair.generator.state_dict()),
    }
    samples = []
    for step in steps:
        past, _ = load_pair(run, step)
        halves = {name: each.half() for name, each in past.discriminator.state_dict().items()}
        weights |= prefixed(f"history.{step}", halves)
        samples.append(past.sample(GRID, config.seed))
    reals = mnist.load(config.dataset, "test").images.numpy()[:REALS_COUNT]
    learnt_from = mnist.load(config.dataset, "train").images.numpy()
    order = np.random.default_rng(CALIBRATION_SEED).permutation(len(learnt_from))
    known = min(TUTORIAL_CALIBRATION_COUNT, len(learnt_from) // 2)
    gate = order[known : known + TUTORIAL_CALIBRATION_COUNT // 2]
    rows = run.metrics()
    record = {
        **common_record(run, config, last),
        "shape": list(pair.shape),
        "snapshots": [row for row in rows if row["kind"] == "snapshot" and row["step"] in steps],
        "windows": [row for row in rows if row["kind"] == "window"],
    }
    # Test digits are for figures and parity alone, so the int8 file is compared on training digits that it
    # was not calibrated with.
    pictures = {
        REALS: reals,
        CALIBRATION: learnt_from[order[:known]],
        INT8_GATE: learnt_from[gate],
        HISTORY: np.concatenate(samples),
    }
    figures = evaluate_tutorial(run)
    files = {EVALUATION: json.dumps({name: figures[name] for name in ("normalized", "raw")}).encode()}
    if (run.folder / RECORD).exists():
        files |= read_files(run.folder, [RECORD])
    save_bundle(run, Bundle(record, weights, pictures, files))


def bundle_generators(run: Run) -> None:
    """Write the bundle of a finished generators' run; raise RunError if it cannot be read or written."""
    save_bundle(run, generators_bundle(run))


def generators_bundle(run: Run) -> Bundle:
    """Return the bundle of a finished or trimmed run: the published generator, the report, a grid of each.

    Raises:
        RunError: the run has no report, or cannot be read.
    """
    # Wherever it was trained, it is exported on the CPU in float32.
    config = dataclasses.replace(run.config(GeneratorsConfig), device="cpu", precision="float32")
    names = [name for name, row in read_quality(run).items() if row["kind"] != "real"]
    family = ConditionalGan(config)
    family.restore_average(sampling_tensors(run, PUBLISHED_GENERATOR, family))
    record = {
        **common_record(run, config, family.total),
        "latent": family.latent,
        "width": family.width,
    }
    files = {
        **read_files(run.folder, [REPORT]),
        **read_files(run.folder / "grids", [f"{name}.png" for name in names]),
    }
    return Bundle(record, family.average.module.state_dict(), files=files)


def bundle_detector(run: Run) -> None:
    """Write the bundle of a finished detector's run; keep one that exists. `evaluate` adds its files later.

    Pictures: of each group of validation pictures `VALIDATION/GROUP` and, of MNIST and the generators,
    `AUGMENTED/GROUP`; `CALIBRATION`, some like those that were learnt from.

    Raises:
        RunError: the run is not finished or cannot be read, or the bundle cannot be written.
    """
    if (run.folder / BUNDLE).exists():
        return
    config = run.config(DetectorConfig)
    calibration, thresholds = read_calibration(run)
    learnt_from, validation = (load_examples(split, config, run) for split in ("train", "validation"))
    known = learnt_from.together().images.numpy()
    raw = learnt_from.together(RAW).images.numpy()
    order = np.random.default_rng(CALIBRATION_SEED).permutation(len(known))[:DETECTOR_CALIBRATION_COUNT]
    plain, changed = np.array_split(order, 2)
    # As in the training, half of them are augmented.
    random = np.random.default_rng(CALIBRATION_SEED)
    pictures = {CALIBRATION: np.concatenate([known[plain], augmented(raw[changed], known[changed], random)])}
    for (name, condition), images in validation.images.items():
        if condition == NORMALIZED:
            pictures[f"{VALIDATION}/{name}"] = images[:VALIDATION_COUNT]
        elif condition == AUGMENTED and name in (MNIST, *validation.kinds):
            pictures[f"{AUGMENTED}/{name}"] = images[:VALIDATION_COUNT]
    licence = f"; {PEN_LICENCE}" if PEN in learnt_from.labels else ""
    record = {
        **common_record(run, config, Run(run.folder / STAGE).last(), licence),
        "widths": list(config.widths),
        "calibration": dataclasses.asdict(calibration),
        "thresholds": dataclasses.asdict(thresholds),
        "generators": list(validation.kinds),
    }
    save_bundle(run, Bundle(record, load_detector(config, run).state_dict(), pictures))
