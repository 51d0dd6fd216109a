"""torch → ONNX: one self-contained file, dynamic batch, named inputs and outputs, metadata."""

import logging
import warnings
from collections.abc import Mapping, Sequence

import onnx
import torch
from torch import nn

from demo.contract import OPSET


def to_onnx(
    module: nn.Module,
    examples: Mapping[str, torch.Tensor],
    output_names: Sequence[str],
    metadata: Mapping[str, str],
) -> bytes:
    """Export a module as the bytes of an .onnx file.

    examples: input name → a value to trace with, in the order of the module's arguments. The first
    dimension of each is the batch, the same for all.

    The exporter folds BatchNorm into the linear layers and leaves notes on every node (class names,
    stack traces with paths); the notes are dropped.
    """
    # The exporter says once per missing torchvision operator that it skips it; we use none.
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Raised by torch.export about its own use of its own pytree module.
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            # Raised where inputs share the batch, which is what we say: the name stands all the same.
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
    finally:
        registration.setLevel(level)
    if program is None:
        raise AssertionError("torch.onnx.export(dynamo=True) returns a program")
    model = program.model_proto
    strip_notes(model)
    onnx.helper.set_model_props(model, dict(metadata))
    model.graph.name = metadata["name"]
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def strip_notes(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes on nodes, values and weights."""
    graph = model.graph
    for part in (graph.node, graph.input, graph.output, graph.value_info, graph.initializer):
        for item in part:
            item.ClearField("metadata_props")
            item.ClearField("doc_string")
    graph.ClearField("metadata_props")
    graph.ClearField("doc_string")
