"""The tutorial's network in 8-bit integers: a quarter of the bytes, which is what one picture waits for.

The pixels are integers as they come, and are multiplied as they are. What later layers get is rounded to 8
bits over the range that it had on pictures, so that a picture's number does not depend on what else is in
its batch. Weights take 7 of their 8 bits, as in `export/quantize.py`, and one step for a whole layer; the
last layer, of a few hundred numbers, stays in float32 and makes up for what the others lose.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from demo.contract import LOGIT, PIXELS
from demo.inference.sessions import CPU, open_session
from export.errors import ExportError
from export.quantize import PERCENTILE
from export.rounding import Layer, equalized, fitted, rounded

LARGEST_WEIGHT: Final = 63
LARGEST_BYTE: Final = 255
LEAST: Final = 0.003
"""What a picture counts of whose verdict there is no doubt; one of probability 0.5 counts 0.25 more."""
LAYER: Final = "Gemm"
SCALING: Final = ("Cast", "Div")
"""What makes numbers from 0 to 1 of pixels, before the first layer."""


def quantized_perceptron(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """A perceptron's .onnx bytes with all layers but the last in integers, of ONNX's own operators.

    pixels: uint8 [n, height, width], pictures that it learnt from: on them rounding is made up for, and the
    range of what goes into a layer on them is what 8 bits are spread over.

    Raises:
        ExportError: the file is no perceptron of at least two layers, or its weights are no numbers.
    """
    model = onnx.load_from_string(content)
    nodes = [node for node in model.graph.node if node.op_type == LAYER]
    if len(nodes) < 2 or any(node.op_type in ("Conv", "MatMul") for node in model.graph.node):
        raise ExportError("The file is no perceptron of at least two layers, so no integers are made of it.")
    *inputs, wanted = values_in(model, [*(node.input[0] for node in nodes), LOGIT], pixels)
    layers = [layer_of(model, node) for node in nodes]
    put_integers(model, *equalized(layers[:-1], inputs[:-1]))
    (given,) = values_in(model, [nodes[-1].input[0]], pixels)
    probability = 1 / (1 + np.exp(-np.abs(wanted)))
    last = fitted(layers[-1], given, wanted[:, np.newaxis], probability * (1 - probability) + LEAST)
    _, weight, bias = nodes[-1].input
    put_constants(model, {weight: last.weight, bias: last.bias})
    onnx.checker.check_model(model, full_check=True)
    quantised: bytes = model.SerializeToString(deterministic=True)
    return quantised


def values_in(
    model: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]
) -> list[NDArray[np.float32]]:
    """What a graph computes under some names on pixels."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    known = {each.name for each in model.graph.output}
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in {*names} - known)
    session = open_session("perceptron", watched.SerializeToString(), [CPU])
    found: list[NDArray[np.float32]] = session.run(list(names), {PIXELS: pixels})
    return found


def layer_of(model: onnx.ModelProto, node: onnx.NodeProto) -> Layer:
    """The weights of a graph's layer."""
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    _, weight, bias = node.input
    return Layer(constants[weight], constants[bias])


def put_constants(model: onnx.ModelProto, values: Mapping[str, Any]) -> None:
    """Give a graph constants, in the place of those of the same name, and drop what no node asks for."""
    asked = {name for node in model.graph.node for name in node.input}
    kept = [each for each in model.graph.initializer if each.name in asked and each.name not in values]
    new = [numpy_helper.from_array(np.asarray(each), name) for name, each in values.items()]
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *new])


def put_integers(
    model: onnx.ModelProto, layers: Sequence[Layer], inputs: Sequence[NDArray[np.float32]]
) -> None:
    """Put integers in the place of a graph's first layers.

    layers: what to round. inputs: of each, float32 [n, inputs].
    """
    graph = model.graph
    made = {name: node for node in graph.node for name in node.output}
    nodes = [node for node in graph.node if node.op_type not in SCALING]
    constants: dict[str, Any] = {}
    first = [node for node in nodes if node.op_type == LAYER][: len(layers)]
    for node, layer, given in zip(first, layers, inputs, strict=True):
        source = node.input[0]
        while made[source].op_type in SCALING:
            source = made[source].input[0]
        as_they_come = source != node.input[0]
        own, values = integer_layer(node, source, layer, given, as_they_come)
        place = nodes.index(node)
        nodes[place : place + 1] = own
        constants |= values
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    put_constants(model, constants)


def integer_layer(
    node: onnx.NodeProto, source: str, layer: Layer, given: NDArray[np.float32], as_they_come: bool
) -> tuple[list[onnx.NodeProto], dict[str, NDArray[Any]]]:
    """A layer's nodes in integers, and their constants by name.

    source: the name of what goes in. given: its values, float32 [n, inputs]. as_they_come: it is pixels.
    """
    step, zero = (1 / LARGEST_BYTE, 0) if as_they_come else steps_over(given)
    weight, weight_step = rounded(layer.weight, given, LARGEST_WEIGHT)
    bias_step = step * weight_step
    bias = np.round(layer.bias / bias_step).astype(np.int32)
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, NDArray[Any]] = {f"{node.name}.weight": weight, f"{node.name}.bias": bias}
    for part, scale, middle in (
        ("input", step, np.uint8(zero)),
        ("weight", weight_step, np.int8(0)),
        ("bias", bias_step, np.int32(0)),
    ):
        name = f"{node.name}.{part}"
        constants |= {f"{name}.step": np.array(scale, np.float32), f"{name}.zero": np.array(middle)}
        steps = [f"{name}.step", f"{name}.zero"]
        if part == "input" and not as_they_come:
            nodes.append(helper.make_node("QuantizeLinear", [source, *steps], [name]))
        integers = source if part == "input" and as_they_come else name
        nodes.append(helper.make_node("DequantizeLinear", [integers, *steps], [f"{name}.real"]))
    real = [f"{node.name}.{part}.real" for part in ("input", "weight", "bias")]
    nodes.append(helper.make_node(LAYER, real, list(node.output), name=node.name, transB=1))
    return nodes, constants


def steps_over(values: NDArray[np.float32]) -> tuple[float, int]:
    """The value of one step, and the level of 0, of bytes over the range of all values but the farthest."""
    ends = np.percentile(values, [100 - PERCENTILE, PERCENTILE])
    lowest, highest = min(0.0, float(ends[0])), max(0.0, float(ends[1]))
    step = (highest - lowest) / LARGEST_BYTE or 1.0
    return step, round(-lowest / step)
