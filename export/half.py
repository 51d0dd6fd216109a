"""The same network in float16: half the bytes, and products that a GPU has units for.

What leads from the picture to the first layer with weights stays in float32, and so does the last such layer
with all that follows: a logit of 12 has steps of 1/128 in float16, and what tells a fake is in the fine
detail of a picture, which is small beside its brightness.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTED: Final = ("Conv", "Gemm", "MatMul")


def halved(content: bytes) -> bytes:
    """A discriminator's .onnx bytes in float16 between its layers; inputs, outputs, metadata as they were.

    Raises:
        ValueError: it has fewer than two layers with weights.
    """
    model = onnx.load_from_string(content)
    graph = model.graph
    inside = between_layers(graph.node)
    if not inside:
        raise ValueError("The graph has fewer than two layers with weights, so nothing is between them.")
    floats = float_values(model)
    made_inside = {name for node in inside for name in node.output}
    weights = {each.name: each for each in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    renamed: set[str] = set()
    for node in graph.node:
        half = node in inside
        for index, name in enumerate(node.input):
            if name not in floats or half == (name in made_inside):
                continue
            node.input[index] = f"{name}_{'half' if half else 'single'}"
            if node.input[index] in renamed:
                continue
            renamed.add(node.input[index])
            if name in weights:
                # One too large becomes infinite, and the gate says what comes of it.
                with np.errstate(over="ignore"):
                    values = numpy_helper.to_array(weights[name]).astype(np.float16)
                graph.initializer.append(numpy_helper.from_array(values, node.input[index]))
            else:
                to = TensorProto.FLOAT16 if half else TensorProto.FLOAT
                nodes.append(helper.make_node("Cast", [name], [node.input[index]], to=to))
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    converted: bytes = model.SerializeToString(deterministic=True)
    return converted


def between_layers(nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The layers with weights but for the last, and every node on a way from one of them to another."""
    after: set[str] = set()
    for node in nodes:
        if node.op_type in WEIGHTED or after.intersection(node.input):
            after.update(node.output)
    before: set[str] = set()
    for node in reversed(nodes):
        if node.op_type in WEIGHTED or before.intersection(node.output):
            before.update(node.input)
    return [node for node in nodes if after.issuperset(node.output) and before.intersection(node.output)]


def float_values(model: onnx.ModelProto) -> set[str]:
    """The names of all float32 values and weights of a graph."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    return {each.name for each in values if each.type.tensor_type.elem_type == TensorProto.FLOAT} | {
        each.name for each in graph.initializer if each.data_type == TensorProto.FLOAT
    }
