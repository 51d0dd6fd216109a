"""A published discriminator in 8-bit integers, compared with the float32 file that it stands for.

Such a file need not give its reference's numbers: how far it may be from them is stated, measured, and
enforced.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray

from demo.contract import DIGIT_PROBABILITIES, FAKE_PROBABILITY, IN_DOMAIN, LOGIT, PIXELS
from demo.inference.answer import Thresholds
from demo.inference.sessions import CPU, CUDA, open_session
from export.convert import ExportedModel, entry_for
from export.errors import ParityError
from export.parity import compare
from train.evaluation.metrics import auroc

SUFFIX: Final = "_int8"
GATE_BATCH: Final = 256
# Between machines: if a sum falls on the edge of a level, the rounding of the first layers decides.
GOLDEN_TOLERANCE: Final = {
    LOGIT: {"absolute": 0.5, "share": 1.0},
    FAKE_PROBABILITY: {"absolute": 0.05, "share": 1.0},
    DIGIT_PROBABILITIES: {"absolute": 0.05, "share": 1.0},
    IN_DOMAIN: {"absolute": 0.05, "share": 1.0},
}

Outputs: TypeAlias = Mapping[str, NDArray[np.float32]]
"""Output → values [n, …]."""


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """Pixels uint8 [n, height, width] to quantize with, and to compare the result on.

    calibration: pictures that the network learnt from, to read the range of activations from.
    reals, fakes: group → pictures that it did not learn from.
    """

    calibration: NDArray[np.uint8]
    reals: Mapping[str, NDArray[np.uint8]]
    fakes: Mapping[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class Tolerance:
    """How far a variant may be from its reference.

    probability_mean, probability_percentile_99: of the absolute difference of `fake_probability`, over all
    pictures. verdicts: share of pictures whose verdict may differ. auroc: loss of AUROC, mean over all groups
    of fakes against the real digits. auroc_worst: the same for the worst group.
    """

    probability_mean: float
    probability_percentile_99: float
    verdicts: float
    auroc: float
    auroc_worst: float


TOLERANCE: Final = Tolerance(
    probability_mean=0.02, probability_percentile_99=0.1, verdicts=0.03, auroc=0.0005, auroc_worst=0.002
)


@dataclass(frozen=True)
class Distance(Tolerance):
    """How far a variant is from its reference, in the same terms; worst: the group that loses most."""

    worst: str


def export_int8(
    reference: ExportedModel,
    thresholds: Thresholds,
    data: CalibrationData,
    golden: NDArray[np.uint8],
    quantize: Callable[[bytes, NDArray[np.uint8]], bytes],
) -> ExportedModel:
    """Return the reference's network in 8-bit integers, `NAME_int8.onnx`.

    golden: pixels uint8 [n, height, width] that every session replays at load.
    quantize: (the reference's bytes, calibration pictures) → .onnx bytes.

    Raises:
        ParityError: the result is farther from the reference than `TOLERANCE`.
    """
    original = reference.file.removesuffix(".onnx")
    name = original + SUFFIX
    model = onnx.load_from_string(quantize(reference.content, data.calibration))
    metadata = {each.key: each.value for each in model.metadata_props}
    metadata |= {"name": name, "variant_of": json.dumps(original)}
    onnx.helper.set_model_props(model, metadata)
    content = model.SerializeToString()
    session = open_session(name, content, [CPU])
    whole = open_session(original, reference.content, [CPU])
    refuse_interface(name, session, whole)
    groups = {**data.reals, **data.fakes}
    own, expected = (
        {group: run_batches(each, pixels) for group, pixels in groups.items()} for each in (session, whole)
    )
    distance = distance_between(own, expected, list(data.reals), list(data.fakes), thresholds)
    refuse_distance(name, distance, TOLERANCE)
    report = [
        compare(group, output, own[group][output], values, thresholds)
        for group, outputs in expected.items()
        for output, values in outputs.items()
    ]
    outputs = run_batches(session, golden)
    entry = entry_for("discriminator", metadata, report, {PIXELS: golden}, outputs)
    allowed = {output: GOLDEN_TOLERANCE[output] for output in outputs}
    entry["golden"]["tolerance"] = dict.fromkeys((CPU, CUDA), allowed)
    details = {"variant_of": original, "distance": asdict(distance), "tolerance": asdict(TOLERANCE)}
    return ExportedModel(f"{name}.onnx", content, {**entry, **details}, report)


def refuse_interface(name: str, session: Any, reference: Any) -> None:
    """Raise ParityError if a variant's inputs and outputs are not its reference's."""
    if interface(session) != interface(reference):
        raise ParityError(name, "has other inputs or outputs than its reference. Nothing is published.", [])


def interface(session: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Return names, types and shapes of a session's inputs and outputs, without the batch dimension."""
    return [
        (each.name, each.type, tuple(each.shape[1:]))
        for each in (*session.get_inputs(), *session.get_outputs())
    ]


def refuse_distance(name: str, distance: Distance, tolerance: Tolerance) -> None:
    """Raise ParityError, which names what is beyond the tolerance; NaN is beyond any."""
    refused = [each for each, most in asdict(tolerance).items() if not getattr(distance, each) <= most]
    if refused:
        figures = ", ".join(f"{each} {getattr(distance, each):.3g}" for each in refused)
        raise ParityError(
            name, f"is too far from its reference: {figures} ({distance.worst}). Nothing is published.", []
        )


def run_batches(session: Any, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Return every output of a discriminator on pixels uint8 [n, height, width]."""
    outputs = [each.name for each in session.get_outputs()]
    parts = [
        session.run(outputs, {PIXELS: pixels[start : start + GATE_BATCH]})
        for start in range(0, len(pixels), GATE_BATCH)
    ]
    return {output: np.concatenate([part[index] for part in parts]) for index, output in enumerate(outputs)}


def distance_between(
    own: Mapping[str, Outputs],
    expected: Mapping[str, Outputs],
    reals: Sequence[str],
    fakes: Sequence[str],
    thresholds: Thresholds,
) -> Distance:
    """Return how far a variant's outputs are from the reference's, each group → outputs.

    reals, fakes: names of the groups. A group of fakes is compared with the reals that have the same suffix
    after the comma (`flow, augmented` with `mnist, augmented`), else with the first.
    """
    differences = np.concatenate(
        [np.abs(own[group][FAKE_PROBABILITY] - expected[group][FAKE_PROBABILITY]) for group in expected]
    )
    flips = np.concatenate(
        [verdicts(own[group], thresholds) != verdicts(expected[group], thresholds) for group in expected]
    )

    def loss(fake: str) -> float:
        suffix = fake.partition(", ")[2]
        real = next((each for each in reals if each.partition(", ")[2] == suffix), reals[0])
        before, after = (auroc(each[real][LOGIT], each[fake][LOGIT]) for each in (expected, own))
        return float(before - after)

    losses = {fake: loss(fake) for fake in fakes}
    worst = max(losses, key=lambda group: losses[group])
    return Distance(
        probability_mean=float(differences.mean()),
        probability_percentile_99=float(np.percentile(differences, 99)),
        verdicts=float(flips.mean()),
        auroc=float(np.mean(list(losses.values()))),
        auroc_worst=losses[worst],
        worst=worst,
    )


def verdicts(outputs: Outputs, thresholds: Thresholds) -> NDArray[np.str_]:
    """Return the verdict of each picture [n]; a network without `in_domain` takes each for a digit."""
    probabilities = outputs[FAKE_PROBABILITY]
    in_domain = outputs.get(IN_DOMAIN, np.ones_like(probabilities))
    return np.array(
        [
            thresholds.verdict(float(probability), float(domain))
            for probability, domain in zip(probabilities, in_domain, strict=True)
        ]
    )
