"""torch → ONNX: one self-contained file with metadata, compared with PyTorch and described."""

import json
import logging
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import LOGIT, OPSET, PIXELS, POLARITY, THRESHOLDS, VERSION
from demo.inference.answer import Thresholds
from demo.inference.manifest import pack
from demo.inference.sessions import CPU, CUDA, open_session
from export.errors import ParityError
from export.parity import EXACT, PROBABILITIES, Difference, check_parity, run_torch, save_report, summary
from export.publish import publish, published

ANY_DEVICE: Final[Mapping[str, Mapping[str, float]]] = {
    PIXELS: {"absolute": 1, "share": 0.01},
    **{name: {"absolute": 1e-3, "share": 1.0} for name in PROBABILITIES},
    # A different box would change pixels by more than one level.
    **{name: {"absolute": 0, "share": 0} for name in EXACT},
}
GOLDEN_TOLERANCE: Final[Mapping[str, Mapping[str, Mapping[str, float]]]] = {
    CPU: {LOGIT: {"absolute": 1e-3, "share": 1.0}, **ANY_DEVICE},
    CUDA: {LOGIT: {"absolute": 2e-3, "share": 1.0}, **ANY_DEVICE},
}
"""How far a session may be from the golden outputs at load. The gate is stricter: it runs on one machine."""


@dataclass(frozen=True)
class ExportSpec:
    """A module to export, and what to compare the file with.

    kind: `discriminator`, `generator` or `history`.
    golden and each of the groups: input name → value, in the order of the module's arguments. The first
    dimension of each value is the batch.
    groups: inputs for the parity gate. golden: inputs that every session replays at load, 2 or more.
    details: further metadata, also written to the manifest.
    """

    name: str
    kind: str
    module: nn.Module
    output_names: Sequence[str]
    groups: Mapping[str, Mapping[str, NDArray[Any]]]
    golden: Mapping[str, NDArray[Any]]
    training_run: str
    licence: str
    thresholds: Thresholds | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportedModel:
    """A file that passed the gate: its bytes, its entry in the manifest, and the gate's full report."""

    file: str
    content: bytes
    entry: Mapping[str, Any]
    report: Sequence[Difference]


def export_model(spec: ExportSpec) -> ExportedModel:
    """Convert a module, compare the file with PyTorch, describe it.

    Raises:
        ParityError: the file's numbers differ from PyTorch's.
    """
    metadata = metadata_for(spec.name, spec.training_run, spec.licence, spec.thresholds, spec.details)
    # The exporter takes a batch of 1 for a constant.
    examples = {name: torch.from_numpy(value[:2]) for name, value in spec.golden.items()}
    content = to_onnx(spec.module, examples, spec.output_names, metadata)
    session = open_session(spec.name, content, [CPU])
    report = check_parity(
        spec.name, spec.module, session, list(spec.golden), spec.output_names, spec.groups, spec.thresholds
    )
    outputs = dict(zip(spec.output_names, run_torch(spec.module, spec.golden), strict=True))
    entry = entry_for(spec.kind, metadata, report, spec.golden, outputs)
    return ExportedModel(f"{spec.name}.onnx", content, {**entry, **spec.details}, report)


def publish_models(
    models: Iterable[ExportedModel],
    run: Path,
    folder: Path,
    metrics: Mapping[str, Any],
    files: Mapping[str, bytes],
    without: Collection[str] = (),
) -> None:
    """Publish all models of a run, with further files, if all of them pass the gate; other files stay.

    int8 variants that are not among the models are removed if their network is replaced.

    run: the folder that gets the gate's report as `parity.json`, even if a model is refused while the
    iterable makes it.
    metrics: for the first model's entry in the manifest. files: name → content. without: files to remove.

    Raises:
        ParityError: a model was refused. PublishError: a file is too large, or the folder cannot be written.
        RunError: the report cannot be written. In each case nothing was published.
    """
    exported: list[ExportedModel] = []
    report: dict[str, Sequence[Difference]] = {}
    try:
        for model in models:
            exported.append(model)
            report[model.file] = model.report
    except ParityError as error:
        report[error.file] = error.report
        raise
    finally:
        save_report(run, report)
    entries = {model.file: model.entry for model in exported}
    first = exported[0].file
    entries[first] = {**entries[first], "metrics": metrics}
    stale = [
        file for file, entry in published(folder).items() if f"{entry.get('variant_of')}.onnx" in entries
    ]
    contents = {model.file: model.content for model in exported}
    publish(folder, {**files, **contents}, entries, without=[*without, *stale])


def to_onnx(
    module: nn.Module,
    examples: Mapping[str, torch.Tensor],
    output_names: Sequence[str],
    metadata: Mapping[str, str],
) -> bytes:
    """Return a module as the bytes of an .onnx file.

    examples: input name → a value to trace with, in the order of the module's arguments. The first
    dimension of each is the batch, the same for all.

    The exporter folds BatchNorm into the convolutions. Its notes on nodes (class names, stack traces with
    paths) are removed.
    """
    # The exporter warns about each torchvision operator that is not installed; we use none.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # torch.export warns about its own use of pytree.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        # Raised if two inputs share the batch dimension; the name is used all the same.
        warnings.filterwarnings("ignore", message=".*The axis name: batch will not be used.*")
        program = torch.onnx.export(
            module.eval(),
            tuple(examples.values()),
            dynamo=True,
            input_names=list(examples),
            output_names=list(output_names),
            dynamic_shapes=({0: torch.export.Dim("batch")},) * len(examples),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    graph = model.graph
    for part in ([graph], graph.node, graph.input, graph.output, graph.value_info, graph.initializer):
        for item in part:
            item.ClearField("metadata_props")
            item.ClearField("doc_string")
    return finished(model, metadata)


def finished(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Give a model its metadata, check it, and return the bytes of its file."""
    onnx.helper.set_model_props(model, dict(metadata))
    model.graph.name = metadata["name"]
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def metadata_for(
    name: str, training_run: str, licence: str, thresholds: Thresholds | None, details: Mapping[str, Any]
) -> dict[str, str]:
    """Return the contract's `metadata_props`, with the details as JSON."""
    values = (thresholds.fake, thresholds.real, thresholds.in_domain) if thresholds else (None, None, None)
    return {
        "name": name,
        "version": VERSION,
        "polarity": POLARITY,
        **{key: json.dumps(value) for key, value in zip(THRESHOLDS, values, strict=True)},
        "training_run": training_run,
        "licence": licence,
        **{key: json.dumps(value) for key, value in details.items()},
    }


def entry_for(
    kind: str,
    metadata: Mapping[str, str],
    report: Sequence[Difference],
    inputs: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, NDArray[Any]],
) -> dict[str, Any]:
    """Return a file's entry in the manifest: what it is, parity summary, golden inputs and outputs."""
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


def blank_groups(count: int, shape: tuple[int, int], seed: int) -> dict[str, NDArray[np.uint8]]:
    """Return pictures for the gate that are no digits: one black, one white, `count` of noise.

    Each group is uint8 [n, height, width].
    """
    return {
        "black": np.zeros((1, *shape), np.uint8),
        "white": np.full((1, *shape), 255, np.uint8),
        "noise": np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8),
    }
