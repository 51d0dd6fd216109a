"""A discriminator in other arithmetic on its way to publication: compared, described."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import onnx
from numpy.typing import NDArray

from demo.contract import PIXELS
from demo.inference.answer import Thresholds
from demo.inference.sessions import CPU, CUDA, open_session
from export.artifact import Artifact, entry_for
from export.parity import compare
from export.variant import (
    Tolerance,
    answers,
    distance_between,
    refuse_distance,
    refuse_interface,
    run,
)


def derive(
    reference: Artifact,
    suffix: str,
    converted: bytes,
    thresholds: Thresholds,
    reals: Mapping[str, NDArray[np.uint8]],
    fakes: Mapping[str, NDArray[np.uint8]],
    golden: NDArray[np.uint8],
    tolerance: Tolerance,
    golden_tolerance: Mapping[str, Mapping[str, float]],
) -> Artifact:
    """The reference's network in other arithmetic, under the reference's name and a suffix.

    converted: its .onnx bytes. reals, fakes: uint8 [n, 28, 28] by group, which it did not learn from, to hold
    it against the reference. golden: what every session replays at load, on any device, to within
    golden_tolerance, by output.

    Raises:
        ParityError: it is farther from the reference than the tolerance.
    """
    original = reference.file.removesuffix(".onnx")
    name = original + suffix
    model = onnx.load_from_string(converted)
    metadata = {each.key: each.value for each in model.metadata_props} | {
        "name": name,
        "variant_of": json.dumps(original),
    }
    onnx.helper.set_model_props(model, metadata)
    content = model.SerializeToString()
    session = open_session(name, content, [CPU])
    whole = open_session(original, reference.content, [CPU])
    refuse_interface(name, session, whole)
    groups = {**reals, **fakes}
    own, held = answers(session, groups), answers(whole, groups)
    distance = distance_between(own, held, list(reals), list(fakes), thresholds)
    refuse_distance(name, distance, tolerance)
    rows = [
        compare(group, output, own[group][output], held[group][output], thresholds)
        for group in groups
        for output in held[group]
    ]
    outputs = run(session, golden)
    entry = entry_for("discriminator", metadata, rows, {PIXELS: golden}, outputs)
    allowed = {output: golden_tolerance[output] for output in outputs}
    entry["golden"]["tolerance"] = dict.fromkeys((CPU, CUDA), allowed)
    details = {"variant_of": original, "distance": asdict(distance), "tolerance": asdict(tolerance)}
    return Artifact(f"{name}.onnx", content, entry | details, rows)
