"""A discriminator in float16: made, compared, described, and put beside its reference where one asks for it.

For GPUs, where its speed is not measured yet; on a CPU it is slower. So it is not among the published files.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import DIGIT_PROBABILITIES, DISCRIMINATOR, FAKE_PROBABILITY, IN_DOMAIN, LOGIT
from demo.inference.answer import Thresholds
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from export.artifact import Artifact
from export.derived import derive
from export.detector import held_with
from export.errors import ParityError, PublishError
from export.half import halved
from export.publish import publish
from export.variant import Tolerance
from train.config import DetectorConfig
from train.detector.train import load_examples
from train.run import Run

TOLERANCE: Final = Tolerance(
    probability_mean=0.001, probability_percentile_99=0.005, verdicts=0.005, auroc=0.0005, auroc_worst=0.0005
)
LOGIT_ABSOLUTE: Final = 0.05
"""How far any logit may be from the reference's."""
GOLDEN_TOLERANCE: Final = {
    LOGIT: {"absolute": LOGIT_ABSOLUTE, "share": 1.0},
    FAKE_PROBABILITY: {"absolute": 0.0125, "share": 1.0},
    DIGIT_PROBABILITIES: {"absolute": 0.0125, "share": 1.0},
    IN_DOMAIN: {"absolute": 0.0125, "share": 1.0},
}
"""Of the logit as above; a probability changes by at most a quarter of what its logit does."""
SUFFIX: Final = "_fp16"
GOLDEN_COUNT: Final = 2
"""Pictures of each group whose numbers every session replays at load."""


def export_half(run: Run, models: Path, folder: Path) -> Mapping[str, Any]:
    """Copy a models folder, with the product in float16 beside it; returns how far the two are apart.

    run: what the product was published from. folder: a new one, which serves as models.

    Raises:
        ParityError, PublishError, DataError, ModelError, RunError: nothing was written.
    """
    if folder.exists():
        raise PublishError(f"{folder} exists already; name a new folder.")
    engine = Engine.load(models, "cpu", DISCRIMINATOR)
    entry = engine.entry(DISCRIMINATOR)
    if not entry["training_run"].startswith(f"{run.folder.name},"):
        raise PublishError(
            f"{DISCRIMINATOR}.onnx in {models} was not made of {run.folder} but of {entry['training_run']}; "
            "name that run, whose validation pictures it did not learn from."
        )
    file = f"{DISCRIMINATOR}.onnx"
    reference = Artifact(file, Manifest.load(models).read(file), entry, [])
    reals, fakes = held_with(load_examples("validation", run.config(DetectorConfig), run))
    golden = np.concatenate([each[:GOLDEN_COUNT] for each in (*reals.values(), *fakes.values())])
    artifact = make_half(reference, engine.thresholds, reals, fakes, golden)
    shutil.copytree(models, folder)
    publish(folder, {artifact.file: artifact.content}, {artifact.file: artifact.entry})
    distance: Mapping[str, Any] = artifact.entry["distance"]
    return distance


def make_half(
    reference: Artifact,
    thresholds: Thresholds,
    reals: Mapping[str, NDArray[np.uint8]],
    fakes: Mapping[str, NDArray[np.uint8]],
    golden: NDArray[np.uint8],
) -> Artifact:
    """The reference's network in float16, `NAME_fp16.onnx`.

    reals, fakes: uint8 [n, 28, 28] by group, which it did not learn from, to hold it against the reference.
    golden: what every session replays at load.

    Raises:
        ParityError: it is farther from the reference than `TOLERANCE` or `LOGIT_ABSOLUTE`.
        ValueError: the network has fewer than two layers with weights.
    """
    artifact = derive(
        reference,
        SUFFIX,
        halved(reference.content),
        thresholds,
        reals,
        fakes,
        golden,
        TOLERANCE,
        GOLDEN_TOLERANCE,
    )
    farthest = max((row for row in artifact.report if row.output == LOGIT), key=lambda row: row.maximum)
    # Written so that NaN fails.
    if not farthest.maximum <= LOGIT_ABSOLUTE:
        raise ParityError(
            artifact.file.removesuffix(".onnx"),
            f"is too far from its reference: a logit differs by {farthest.maximum:.3g} ({farthest.inputs}); "
            f"{LOGIT_ABSOLUTE} is allowed. Nothing is published.",
            artifact.report,
        )
    return artifact
