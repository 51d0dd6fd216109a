"""The tutorial's perceptron in 8-bit integers: a quarter of the bytes, which a single picture waits for.

Pixels are integers already and are multiplied as such. The inputs of later layers are rounded to 8 bits over
the range that they have on calibration pictures, so a picture's number does not depend on its batch. Weights
use 7 of their 8 bits, as in `quantize_convolutions`, with one step per layer. The last layer, a few hundred
numbers, stays in float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from demo.contract import PIXELS
from demo.inference.sessions import CPU, open_session
from export.errors import ExportError
from export.int8.convolutions import PERCENTILE

LARGEST_WEIGHT: Final = 63
LARGEST_BYTE: Final = 255
LAYER: Final = "Gemm"
SCALING: Final = ("Cast", "Div")
"""Nodes before the first layer, which scale pixels to 0 to 1."""
LARGEST_SCALE: Final = 8.0
"""Times the median of a layer's units: one that is almost always 0 would outgrow the others."""
DAMPING: Final = 0.01
"""Share of the mean squared input that is added to each: pixels at the edge are always 0."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer. weight: float32 [outputs, inputs]. bias: float32 [outputs]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def quantize_mlp(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """Return a perceptron's .onnx bytes with all layers but the last in integers, as standard operators.

    pixels: uint8 [n, height, width], pictures that the network learnt from: they give the range of each
    layer's inputs, and rounding errors are made up for on them.

    Raises:
        ExportError: the file is no perceptron of at least two layers, or a weight is not finite.
    """
    model = onnx.load_from_string(content)
    nodes = [node for node in model.graph.node if node.op_type == LAYER]
    if len(nodes) < 2 or any(node.op_type in ("Conv", "MatMul") for node in model.graph.node):
        raise ExportError("The file is no perceptron of at least two layers, so it has no int8 variant.")
    inputs = values_in(model, [node.input[0] for node in nodes[:-1]], pixels)
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    layers = [Layer(*(constants[name] for name in node.input[1:])) for node in nodes[:-1]]
    replace_layers(model, *equalize(layers, inputs))
    onnx.checker.check_model(model, full_check=True)
    quantized: bytes = model.SerializeToString(deterministic=True)
    return quantized


def values_in(
    model: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]
) -> list[NDArray[np.float32]]:
    """Return the named values inside a graph that it computes on pixels."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(map(helper.make_empty_tensor_value_info, names))
    session = open_session("perceptron", watched.SerializeToString(), [CPU])
    found: list[NDArray[np.float32]] = session.run(list(names), {PIXELS: pixels})
    return found


def replace_layers(
    model: onnx.ModelProto, layers: Sequence[Layer], inputs: Sequence[NDArray[np.float32]]
) -> None:
    """Replace a graph's first layers with these, rounded to integers.

    inputs: float32 [n, inputs] of each layer.
    """
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    nodes = [node for node in graph.node if node.op_type not in SCALING]
    constants: dict[str, NDArray[Any]] = {}
    first = [node for node in nodes if node.op_type == LAYER][: len(layers)]
    for node, layer, given in zip(first, layers, inputs, strict=True):
        source = node.input[0]
        while made_by[source].op_type in SCALING:
            source = made_by[source].input[0]
        own, values = integer_layer(node, source, layer, given, is_pixels=source != node.input[0])
        place = nodes.index(node)
        nodes[place : place + 1] = own
        constants |= values
    used = {name for node in nodes for name in node.input}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.node[:], graph.value_info[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *map(numpy_helper.from_array, constants.values(), constants)])


def integer_layer(
    node: onnx.NodeProto, source: str, layer: Layer, given: NDArray[np.float32], is_pixels: bool
) -> tuple[list[onnx.NodeProto], dict[str, NDArray[Any]]]:
    """Return a layer's nodes in integers, and their constants by name.

    source: the name of the layer's input. given: its values, float32 [n, inputs].
    """
    step, zero = (1 / LARGEST_BYTE, 0) if is_pixels else byte_range(given)
    weight, weight_step = round_weights(layer.weight, given)
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
        if part == "input" and not is_pixels:
            nodes.append(helper.make_node("QuantizeLinear", [source, *steps], [name]))
        integers = source if part == "input" and is_pixels else name
        nodes.append(helper.make_node("DequantizeLinear", [integers, *steps], [f"{name}.real"]))
    real = [f"{node.name}.{part}.real" for part in ("input", "weight", "bias")]
    nodes.append(helper.make_node(LAYER, real, list(node.output), name=node.name, transB=1))
    return nodes, constants


def byte_range(values: NDArray[np.float32]) -> tuple[float, int]:
    """Return the value of one step and the level of 0, for bytes over the range of all but a few values."""
    ends = np.percentile(values, [100 - PERCENTILE, PERCENTILE])
    lowest, highest = min(0.0, float(ends[0])), max(0.0, float(ends[1]))
    step = (highest - lowest) / LARGEST_BYTE or 1.0
    return step, round(-lowest / step)


def equalize(
    layers: Sequence[Layer], inputs: Sequence[NDArray[np.float32]]
) -> tuple[list[Layer], list[NDArray[np.float32]]]:
    """Rescale units so that one step suits all of a layer; return the layers and their new inputs.

    The network computes the same. Between two layers there is only a LeakyReLU, so a unit's output may be
    divided by any positive number if the next layer multiplies by it (Nagel et al., 2019,
    https://arxiv.org/abs/1906.04721). The number is the root of the unit's largest output over the largest
    weight that reads it.

    inputs: float32 [n, inputs] of each layer.
    """
    even, given = list(layers), list(inputs)
    for index in range(len(layers) - 1):
        first, second = even[index : index + 2]
        largest_output, largest_weight = (np.abs(each).max(0) for each in (given[index + 1], second.weight))
        alive = (largest_output > 0) & (largest_weight > 0)
        scale = np.sqrt(
            np.divide(largest_output, largest_weight, out=np.ones_like(largest_output), where=alive)
        )
        middle = np.median(scale[alive]) if alive.any() else 1
        scale = np.where(alive, np.clip(scale / middle, 1 / LARGEST_SCALE, LARGEST_SCALE), 1)
        scale = scale.astype(np.float32)
        even[index] = Layer(first.weight / scale[:, np.newaxis], first.bias / scale)
        even[index + 1] = Layer(second.weight * scale, second.bias)
        given[index + 1] = given[index + 1] / scale
    return even, given


def round_weights(
    weight: NDArray[np.float32], inputs: NDArray[np.float32]
) -> tuple[NDArray[np.int8], np.float32]:
    """Return levels int8 [outputs, inputs] up to `LARGEST_WEIGHT`, and the value of one step.

    Weights are rounded input by input; those still to be rounded make up for the error so far in the layer's
    sums on `inputs`, float32 [n, inputs] (GPTQ, Frantar et al., 2023, https://arxiv.org/abs/2210.17323).

    Raises:
        ExportError: all weights are 0, or one is not finite.
    """
    step = np.abs(weight).max() / LARGEST_WEIGHT
    # Written so that NaN fails.
    if not 0 < step < np.inf:
        raise ExportError("A layer's weights are all 0 or not finite; train the network again.")
    left = weight.astype(np.float64)
    covariance = (inputs.T @ inputs).astype(np.float64)
    covariance += DAMPING * max(np.diag(covariance).mean(), 1e-12) * np.eye(len(covariance))
    factor = np.linalg.cholesky(np.linalg.inv(covariance)).T
    levels = np.empty(weight.shape, np.int8)
    for column, row in enumerate(factor):
        levels[:, column] = np.clip(np.round(left[:, column] / step), -LARGEST_WEIGHT, LARGEST_WEIGHT)
        error = (left[:, column] - levels[:, column] * step) / row[column]
        left[:, column + 1 :] -= np.outer(error, row[column + 1 :])
    return levels, np.float32(step)
