"""The two networks as lists of layers, and their exact arithmetic in NumPy.

All runtimes must compute the same pixels, so inputs, weights and activations are integers: activations count
`UNIT`ths, and each output channel's weights are int8 times a power of two. Every sum is then exact in float32
in any order, and rounding is the only step that loses anything.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

WEIGHTS: Final = Path(__file__).with_name("weights.safetensors")
UNIT: Final = 32
"""An activation of 1 is stored as this integer."""
LARGEST: Final = 255
"""Of a hidden activation."""

Result = TypeVar("Result")
Name = Literal["locator", "segmenter"]
Steps = Generator[tuple[Name, NDArray[np.float32]], NDArray[np.float32], Result]
"""A computation that yields a network's name and input wherever it needs the output, which is sent back; so
the networks can look at the pictures of many computations together (`train.isolation.together`)."""
Weights = Mapping[str, NDArray[np.float32]]
"""By layer: `N.weight` float32 [outputs, inputs, k, k] and `N.bias` float32 [outputs]."""


@dataclass(frozen=True)
class Layer:
    """A convolution with zero padding; ReLU and rounding follow, except in the last layer.

    source: the layer it takes, counted from 0; None: the one before it, or the input. plus: a layer of half
    the stride that is added to the output, which is doubled by repetition first.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    source: int | None = None
    plus: int | None = None


INPUTS: Final = 4
"""Channels: red, green and blue, and whether the pixel lies inside the picture."""
LOCATOR: Final = (
    Layer(12, stride=2),
    Layer(24, stride=2),
    Layer(48, stride=2),
    Layer(48),
    Layer(64, stride=2),
    Layer(64),
    Layer(64, stride=2),
    Layer(64, plus=5),
    Layer(64),
    Layer(48, kernel=1, plus=3),
    Layer(24, kernel=1, plus=1),
    Layer(24),
    Layer(6, kernel=1),
)
"""128x128 to 32x32 cells: the log-odds of a digit's centre; the distances to the box's top, left, bottom and
right in `DISTANCE` pixels; the log-odds that the digit is cut off."""
DISTANCE: Final = 8
SEGMENTER: Final = (
    Layer(16),
    Layer(24, stride=2),
    Layer(48, stride=2),
    Layer(48),
    Layer(64, stride=2),
    Layer(64),
    Layer(48, kernel=1, plus=3),
    Layer(24, kernel=1, plus=1),
    Layer(24),
    Layer(16, kernel=1, plus=0),
    Layer(1),
)
"""48x48 to 48x48: the log-odds of ink of the digit in the middle."""


NETWORKS: Final[Mapping[Name, Sequence[Layer]]] = {"locator": LOCATOR, "segmenter": SEGMENTER}


def inputs_of(layers: Sequence[Layer], index: int) -> int:
    """Return the number of a layer's input channels."""
    source = layers[index].source
    before = index - 1 if source is None else source
    return INPUTS if before < 0 else layers[before].channels


def result_of(steps: Steps[Result]) -> Result:
    """Return the result of a computation, with each of its pictures alone in NumPy."""
    try:
        name, image = next(steps)
        while True:
            name, image = steps.send(run(NETWORKS[name], published_weights()[name], image))
    except StopIteration as end:
        result: Result = end.value
        return result


def run(layers: Sequence[Layer], weights: Weights, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a network's output, integers in `UNIT`ths as float32 [channels, height, width].

    image: integers as float32 [INPUTS, height, width], of magnitude up to 127.
    """
    outputs: list[NDArray[np.float32]] = []
    for index, layer in enumerate(layers):
        source = layer.source if layer.source is not None else index - 1
        hidden = image if source < 0 else outputs[source]
        # The bias contains the half of rounding.
        hidden = np.floor(
            convolution(hidden, weights[f"{index}.weight"], layer.stride)
            + weights[f"{index}.bias"][:, None, None]
        )
        if index < len(layers) - 1:
            hidden = np.clip(hidden, 0, LARGEST)
        if layer.plus is not None:
            hidden = hidden.repeat(2, 1).repeat(2, 2) + outputs[layer.plus]
        outputs.append(hidden)
    return outputs[-1]


def convolution(image: NDArray[np.float32], weight: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    kernel = weight.shape[2]
    padded = np.pad(image, ((0, 0), (kernel // 2,) * 2, (kernel // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))[
        :, ::stride, ::stride
    ]
    columns = windows.transpose(0, 3, 4, 1, 2).reshape(-1, windows.shape[1] * windows.shape[2])
    product = weight.reshape(len(weight), -1) @ columns
    return product.reshape(len(weight), *windows.shape[1:3])


@cache
def published_weights() -> Mapping[str, Weights]:
    """Return the weights that `python -m train isolation` chose, by network: `locator` and `segmenter`."""
    tensors = load_file(WEIGHTS)
    found: dict[str, dict[str, NDArray[np.float32]]] = {}
    for name, tensor in tensors.items():
        network, layer, kind = name.split(".")
        if kind == "weight":
            exponents = tensors[f"{network}.{layer}.exponent"].astype(np.float32)
            found.setdefault(network, {})[f"{layer}.weight"] = (
                tensor * np.exp2(exponents)[:, None, None, None]
            )
        elif kind == "bias":
            found.setdefault(network, {})[f"{layer}.bias"] = tensor
    return found
