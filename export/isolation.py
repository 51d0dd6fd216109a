"""The networks of `train.isolation` as functions of standard ONNX operators, for the normalizer's graph."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from train.isolation.layers import LARGEST, WEIGHTS, Layer

DOMAIN: Final = "touchstone"
"""Of functions that are inlined."""


def network_function(name: str, layers: Sequence[Layer]) -> onnx.FunctionProto:
    """Return a network as a function: `image` → `output`, both float32 [1, channels, height, width].

    Its weights stay int8 in the file; onnxruntime converts them when it loads the graph.
    """
    tensors = {
        each.removeprefix(f"{name}."): tensor
        for each, tensor in load_file(WEIGHTS).items()
        if each.startswith(f"{name}.")
    }
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        output = f"value_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(value: NDArray[Any]) -> str:
        return add("Constant", [], value=numpy_helper.from_array(value))

    none, most = constant(np.array(0, np.float32)), constant(np.array(LARGEST, np.float32))
    twice = constant(np.array([1, 1, 2, 2], np.float32))
    outputs: list[str] = []
    for index, layer in enumerate(layers):
        source = index - 1 if layer.source is None else layer.source
        steps = np.exp2(tensors[f"{index}.exponent"].astype(np.float32))[:, None, None, None]
        weight = add("Cast", [constant(tensors[f"{index}.weight"])], to=TensorProto.FLOAT)
        weight = add("Mul", [weight, constant(steps)])
        hidden = add(
            "Conv",
            ["image" if source < 0 else outputs[source], weight, constant(tensors[f"{index}.bias"])],
            kernel_shape=[layer.kernel] * 2,
            strides=[layer.stride] * 2,
            pads=[layer.kernel // 2] * 4,
        )
        if index < len(layers) - 1:
            # Before rounding, because onnxruntime makes it a part of the convolution.
            hidden = add("Clip", [hidden, none, most])
        hidden = add("Floor", [hidden])
        if layer.plus is not None:
            hidden = add(
                "Resize",
                [hidden, "", twice],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
            hidden = add("Add", [hidden, outputs[layer.plus]])
        outputs.append(hidden)
    nodes.append(helper.make_node("Identity", [outputs[-1]], ["output"]))
    return helper.make_function(DOMAIN, name, ["image"], ["output"], nodes, [helper.make_opsetid("", 20)])
