"""One file on its way to publication: converted, held against PyTorch, described."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import (
    BOX,
    DIGIT_PROBABILITIES,
    FAKE_PROBABILITY,
    IN_DOMAIN,
    INVERTED,
    LOGIT,
    METADATA_KEYS,
    OPSET,
    PIXELS,
    POLARITY,
    THRESHOLDS,
    VERSION,
)
from demo.inference.answer import Thresholds
from demo.inference.manifest import pack
from demo.inference.sessions import CPU, CUDA, open_session
from export.convert import to_onnx
from export.parity import Difference, check_parity, run_torch, summary

# What a session may differ by at load, on any machine. Wider than the gate, which runs on one.
GOLDEN_TOLERANCE: dict[str, dict[str, dict[str, float]]] = {
    CPU: {
        LOGIT: {"absolute": 1e-3, "share": 1.0},
        FAKE_PROBABILITY: {"absolute": 1e-3, "share": 1.0},
        PIXELS: {"absolute": 1, "share": 0.01},
        # Another box would be other pixels by more than a level.
        BOX: {"absolute": 0, "share": 0},
        INVERTED: {"absolute": 0, "share": 0},
        DIGIT_PROBABILITIES: {"absolute": 1e-3, "share": 1.0},
        IN_DOMAIN: {"absolute": 1e-3, "share": 1.0},
    },
    CUDA: {
        LOGIT: {"absolute": 2e-3, "share": 1.0},
        FAKE_PROBABILITY: {"absolute": 1e-3, "share": 1.0},
        PIXELS: {"absolute": 1, "share": 0.01},
        BOX: {"absolute": 0, "share": 0},
        INVERTED: {"absolute": 0, "share": 0},
        DIGIT_PROBABILITIES: {"absolute": 1e-3, "share": 1.0},
        IN_DOMAIN: {"absolute": 1e-3, "share": 1.0},
    },
}


@dataclass(frozen=True)
class Plan:
    """What to export and what to hold it against.

    kind: `discriminator`, `generator` or `history`.
    examples, golden and each of the groups: input name → value, in the order of the module's arguments.
    examples: to trace with. groups: for the parity gate. golden: what every session replays at load.
    details: what else the manifest says of the file.
    """

    name: str
    kind: str
    module: nn.Module
    examples: Mapping[str, torch.Tensor]
    output_names: Sequence[str]
    groups: Mapping[str, Mapping[str, NDArray[Any]]]
    golden: Mapping[str, NDArray[Any]]
    training_run: str
    licence: str
    thresholds: Thresholds | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """A file that passed the gate: its bytes, its entry in the manifest, and the gate's full report."""

    file: str
    content: bytes
    entry: Mapping[str, Any]
    report: Sequence[Difference]


def make(plan: Plan) -> Artifact:
    """Convert, compare with PyTorch, describe.

    Raises:
        ParityError: the file's numbers differ from PyTorch's.
    """
    metadata = metadata_for(plan.name, plan.training_run, plan.licence, plan.thresholds, plan.details)
    content = to_onnx(plan.module, plan.examples, plan.output_names, metadata)
    session = open_session(plan.name, content, [CPU])
    report = check_parity(
        plan.name,
        plan.module,
        session,
        list(plan.examples),
        plan.output_names,
        plan.groups,
        plan.thresholds,
    )
    outputs = dict(zip(plan.output_names, run_torch(plan.module, plan.golden), strict=True))
    entry = entry_for(plan.kind, metadata, report, plan.golden, outputs)
    return Artifact(f"{plan.name}.onnx", content, entry | dict(plan.details), report)


def metadata_for(
    name: str,
    training_run: str,
    licence: str,
    thresholds: Thresholds | None,
    details: Mapping[str, Any],
) -> dict[str, str]:
    """The contract's `metadata_props`, and the details as JSON."""
    values = (thresholds.fake, thresholds.real, thresholds.in_domain) if thresholds else (None, None, None)
    metadata = {
        "name": name,
        "version": VERSION,
        "polarity": POLARITY,
        **{key: json.dumps(value) for key, value in zip(THRESHOLDS, values, strict=True)},
        "training_run": training_run,
        "licence": licence,
        **{key: json.dumps(value) for key, value in details.items()},
    }
    if missing := set(METADATA_KEYS) - set(metadata):
        raise AssertionError(f"the contract asks for {missing}")
    return metadata


def entry_for(
    kind: str,
    metadata: Mapping[str, str],
    report: Sequence[Difference],
    inputs: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, NDArray[Any]],
) -> dict[str, Any]:
    """A file's entry in the manifest: what it is, how it compared, and its golden numbers."""
    return {
        "kind": kind,
        "opset": OPSET,
        "licence": metadata["licence"],
        "training_run": metadata["training_run"],
        **{key: json.loads(metadata[key]) for key in THRESHOLDS},
        "parity": summary(report),
        "golden": {
            "inputs": {name: pack(value) for name, value in inputs.items()},
            "outputs": {name: pack(value) for name, value in outputs.items()},
            "tolerance": {
                provider: {name: limits[name] for name in outputs}
                for provider, limits in GOLDEN_TOLERANCE.items()
            },
        },
    }


def noise_pictures(count: int, shape: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """uint8 [count, height, width], every value as likely: what no digit looks like."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def blank_groups(count: int, shape: tuple[int, int], seed: int) -> dict[str, NDArray[np.uint8]]:
    """Pixels for the gate that no training saw: all black, all white, and noise, uint8 [n, height, width]."""
    return {
        "black": np.zeros((1, *shape), np.uint8),
        "white": np.full((1, *shape), 255, np.uint8),
        "noise": noise_pictures(count, shape, seed),
    }
