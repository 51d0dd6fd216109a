"""One file on its way to publication: converted, held against PyTorch, described."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.answer import Thresholds
from demo.contract import (
    FAKE_PROBABILITY,
    LOGIT,
    METADATA_KEYS,
    OPSET,
    PIXELS,
    POLARITY,
    THRESHOLDS,
    VERSION,
)
from demo.golden import pack
from demo.sessions import CPU, CUDA, open_session
from export.convert import to_onnx
from export.parity import Difference, check_parity, run_torch, summary

# What a session may differ by at load, on any machine. Wider than the gate, which runs on one.
GOLDEN_TOLERANCE: dict[str, dict[str, dict[str, float]]] = {
    CPU: {
        LOGIT: {"absolute": 1e-3, "share": 1.0},
        FAKE_PROBABILITY: {"absolute": 1e-3, "share": 1.0},
        PIXELS: {"absolute": 1, "share": 0.01},
    },
    CUDA: {
        LOGIT: {"absolute": 2e-3, "share": 1.0},
        FAKE_PROBABILITY: {"absolute": 1e-3, "share": 1.0},
        PIXELS: {"absolute": 1, "share": 0.01},
    },
}


@dataclass(frozen=True)
class Plan:
    """What to export and what to hold it against.

    kind: `discriminator`, `generator` or `history`.
    groups: name → inputs for the parity gate. golden: inputs that every session replays at load.
    details: what else the manifest says of the file.
    """

    name: str
    kind: str
    module: nn.Module
    example: torch.Tensor
    input_name: str
    output_names: Sequence[str]
    groups: Mapping[str, NDArray[Any]]
    golden: NDArray[Any]
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
    thresholds = dict.fromkeys(THRESHOLDS, None) | (
        dict(
            zip(
                THRESHOLDS,
                (plan.thresholds.fake, plan.thresholds.real, plan.thresholds.in_domain),
                strict=True,
            )
        )
        if plan.thresholds
        else {}
    )
    metadata = {
        "name": plan.name,
        "version": VERSION,
        "polarity": POLARITY,
        **{key: json.dumps(value) for key, value in thresholds.items()},
        "training_run": plan.training_run,
        "licence": plan.licence,
        **{key: json.dumps(value) for key, value in plan.details.items()},
    }
    if missing := set(METADATA_KEYS) - set(metadata):
        raise AssertionError(f"the contract asks for {missing}")
    content = to_onnx(plan.module, plan.example, plan.input_name, plan.output_names, metadata)
    session = open_session(plan.name, content, [CPU])
    report = check_parity(
        plan.name,
        plan.module,
        session,
        plan.input_name,
        plan.output_names,
        plan.groups,
        plan.thresholds,
    )
    golden_outputs = dict(zip(plan.output_names, run_torch(plan.module, plan.golden), strict=True))
    entry = {
        "kind": plan.kind,
        "opset": OPSET,
        "licence": plan.licence,
        "training_run": plan.training_run,
        **thresholds,
        **plan.details,
        "parity": summary(report),
        "golden": {
            "inputs": {plan.input_name: pack(plan.golden)},
            "outputs": {output: pack(value) for output, value in golden_outputs.items()},
            "tolerance": {
                provider: {output: limits[output] for output in plan.output_names}
                for provider, limits in GOLDEN_TOLERANCE.items()
            },
        },
    }
    return Artifact(f"{plan.name}.onnx", content, entry, report)


def noise_pictures(count: int, shape: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """uint8 [count, height, width], every value as likely: what no digit looks like."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
