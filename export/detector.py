"""Export a detector's run: `discriminator.onnx`, its int8 variant, the any-image files, the evaluation."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import (
    DIGIT_PROBABILITIES,
    DISCRIMINATOR,
    EVALUATION_PLOT,
    EVALUATION_RECORD,
    FAKE_PROBABILITY,
    IN_DOMAIN,
    LOGIT,
    PICTURE_SHAPE,
    PIXELS,
)
from demo.inference.answer import Thresholds
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from export.convert import ExportedModel, ExportSpec, blank_groups, export_model, publish_models
from export.errors import PublishError
from export.from_image import export_any_image
from export.int8.convolutions import quantize_convolutions
from export.int8.gate import CalibrationData, export_int8
from train.bundle import AUGMENTED, CALIBRATION, VALIDATION, Bundle
from train.data import mnist
from train.data.dataset import MNIST
from train.detector.model import Detector
from train.errors import RunError
from train.evaluation.report import EVALUATION, PLOTS

OUTPUTS: Final = (FAKE_PROBABILITY, LOGIT, DIGIT_PROBABILITIES, IN_DOMAIN)
GATE_COUNT: Final = 512
"""Pictures of each group that go through the gate."""
NOISE_COUNT: Final = 4096
NOISE_SEED: Final = 2_000_000
ANY_IMAGE_COUNT: Final = 64
"""Digits that pictures for the any-image files are made from, of all groups together."""
GOLDEN_COUNT: Final = 2
"""Pictures of each group that every session replays at load."""


class PixelDetector(nn.Module):
    """pixels uint8 [batch, 28, 28] → the four outputs of `discriminator.onnx`, in the contract's order.

    fake_probability, logit float32 [batch]: calibrated, logit = scale * fake_logit + bias.
    digit_probabilities float32 [batch, 10]: rows sum to 1.
    in_domain float32 [batch] in [0, 1]: 0 without ink.

    detector: pictures float32 [batch, 1, 28, 28] in [0, 1] → (fake_logit float32 [batch],
    digit_logits float32 [batch, 10], domain_logit float32 [batch]).
    """

    def __init__(self, detector: nn.Module, scale: float, bias: float) -> None:
        super().__init__()
        self.detector = detector
        self.scale = scale
        self.bias = bias

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        pictures = pixels.unsqueeze(1).float() / 255
        fake_logit, digit_logits, domain_logit = self.detector(pictures)
        logit = self.scale * fake_logit + self.bias
        ink = pictures.flatten(1).amax(1) > 0
        in_domain = torch.sigmoid(domain_logit) * ink.float()
        return torch.sigmoid(logit), logit, torch.softmax(digit_logits, 1), in_domain


def export_detector(bundle: Bundle, run: Path, models: Path) -> dict[str, Any]:
    """Publish a finished and evaluated run; return the figures that the manifest gets.

    run: the folder that gets the gate's report.

    Raises:
        ParityError, PublishError, RunError: nothing was published.
    """
    record = bundle.record
    try:
        evaluation = bundle.files[EVALUATION]
        plots = {EVALUATION_PLOT.format(name): bundle.files[f"evaluation-{name}.png"] for name in PLOTS}
    except KeyError as error:
        raise RunError(
            f"{run} is not evaluated (no {error.args[0]}); run `python -m train evaluate {run}` first."
        ) from error
    detector = Detector(record["widths"])
    detector.load_state_dict(bundle.weights)
    validation, augmented = bundle.group(VALIDATION), bundle.group(AUGMENTED)
    spec = detector_spec(
        PixelDetector(detector, **record["calibration"]),
        Thresholds(**record["thresholds"]),
        {name: pixels[:GATE_COUNT] for name, pixels in validation.items()},
        f"{record['run']}, {record['step']:,} steps, seed {record['config']['seed']}",
        record["licence"],
    )
    reals, fakes = (
        {
            f"{name}{suffix}": pictures[name]
            for name in names
            for suffix, pictures in (("", validation), (", augmented", augmented))
        }
        for names in ([MNIST], record["generators"])
    )
    metrics = headline_figures(json.loads(evaluation))
    publish_models(
        detector_models(spec, CalibrationData(bundle.pictures[CALIBRATION], reals, fakes)),
        run,
        models,
        {"dataset": record["config"]["dataset"], **metrics},
        {**plots, EVALUATION_RECORD: evaluation},
    )
    return metrics


def headline_figures(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the evaluation's figures on this very file; those on unseen generators are other detectors'."""
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


def detector_spec(
    module: PixelDetector,
    thresholds: Thresholds,
    groups: Mapping[str, NDArray[np.uint8]],
    training_run: str,
    licence: str,
) -> ExportSpec:
    """Return what `discriminator.onnx` is made from.

    groups: name → pixels uint8 [n, 28, 28], n at least 1, for the gate, such as real and generated digits.
    Black, white and noise are added.

    Raises:
        PublishError: the thresholds leave a verdict that no score reaches.
    """
    domain = thresholds.in_domain
    if domain is None or not (0 < thresholds.real <= thresholds.fake < 1 and 0 < domain < 1):
        raise PublishError(
            f"The thresholds {thresholds} are invalid: 0 < real <= fake < 1 and 0 < in_domain < 1 must hold. "
            "Nothing is published."
        )
    pixels = {**groups, **blank_groups(NOISE_COUNT, PICTURE_SHAPE, NOISE_SEED)}
    return ExportSpec(
        name=DISCRIMINATOR,
        kind="discriminator",
        module=module.eval(),
        output_names=OUTPUTS,
        groups={group: {PIXELS: each} for group, each in pixels.items()},
        golden={PIXELS: np.concatenate([each[:GOLDEN_COUNT] for each in pixels.values()])},
        training_run=training_run,
        licence=licence,
        thresholds=thresholds,
    )


def detector_models(spec: ExportSpec, calibration: CalibrationData | None) -> Iterator[ExportedModel]:
    """Yield the discriminator, the any-image files, and with calibration data the int8 variant."""
    assert spec.thresholds is not None
    discriminator = export_model(spec)
    yield discriminator
    digits = [group[PIXELS] for name, group in spec.groups.items() if name not in ("black", "white", "noise")]
    share = max(1, ANY_IMAGE_COUNT // len(digits))
    chosen = np.concatenate([each[:share] for each in digits])
    yield from export_any_image(discriminator, spec.module, spec.thresholds, chosen)
    if calibration is not None:
        yield export_int8(
            discriminator, spec.thresholds, calibration, spec.golden[PIXELS], quantize_convolutions
        )


def remeasure_detector(models: Path) -> dict[str, Any]:
    """Recompute verdicts on the test digits from the published files; return them beside the evaluation's.

    Each figure is a share of the digits: those with a verdict, and those that are read correctly.

    Raises:
        ModelError, DataError: the models or the data set cannot be read.
    """
    report = json.loads(Manifest.load(models).read(EVALUATION_RECORD))
    expected = {name: share for name, share in report["verdicts"][MNIST].items() if share}
    digits = mnist.load(report["options"]["dataset"], "test")
    engine = Engine.load(models, "cpu", DISCRIMINATOR)
    pixels = [engine.normalize(digit[..., np.newaxis]) for digit in digits.images.numpy()]
    scores = engine.score(np.stack(pixels))
    assert scores.digit_probabilities is not None
    verdicts = Counter(
        engine.thresholds.verdict(float(probability), float(in_domain))
        for probability, in_domain in zip(scores.fake_probability, scores.in_domain, strict=True)
    )
    read_right = float(np.mean(scores.digit_probabilities.argmax(1) == digits.labels.numpy()))
    return {
        "published": {**expected, "read right": report["digits_read"][MNIST]},
        "measured": {
            **{name: count / verdicts.total() for name, count in sorted(verdicts.items())},
            "read right": read_right,
        },
    }
