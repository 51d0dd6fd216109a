"""Weights in few levels, and what makes up for the rounding: computed from inputs, nothing is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError

LARGEST_SHARE: Final = 8.0
"""Of the median of a layer's units: one that hardly ever gives anything would outgrow the others."""
DAMPING: Final = 0.01
"""Of the mean of all inputs' squares, added to each: pixels at the edge are always paper."""
CHANCE: Final = 1e-4
"""Inputs that vary together by less than this share of the most."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer. weight: float32 [outputs, inputs]. bias: float32 [outputs]."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def equalized(
    layers: Sequence[Layer], inputs: Sequence[NDArray[np.float32]]
) -> tuple[list[Layer], list[NDArray[np.float32]]]:
    """Layers that give the same, their units of like size, so that one step for all of them suits each; and
    what then goes into them.

    Between two of them is nothing but a LeakyReLU: what a unit gives may be divided by any positive number
    if the next layer multiplies by it (Nagel et al., 2019, https://arxiv.org/abs/1906.04721). Here by the
    root of the most that the unit gives over the largest weight that it meets.

    inputs: of each layer, float32 [n, inputs].
    """
    even, given = list(layers), list(inputs)
    for index in range(len(layers) - 1):
        first, second = even[index : index + 2]
        most, met = (np.abs(each).max(0) for each in (given[index + 1], second.weight))
        alive = (most > 0) & (met > 0)
        share = np.sqrt(np.divide(most, met, out=np.ones_like(most), where=alive))
        middle = np.median(share[alive]) if alive.any() else 1
        share = np.where(alive, np.clip(share / middle, 1 / LARGEST_SHARE, LARGEST_SHARE), 1)
        share = share.astype(np.float32)
        even[index] = Layer(first.weight / share[:, np.newaxis], first.bias / share)
        even[index + 1] = Layer(second.weight * share, second.bias)
        given[index + 1] = given[index + 1] / share
    return even, given


def rounded(
    weight: NDArray[np.float32], inputs: NDArray[np.float32], largest: int
) -> tuple[NDArray[np.int8], np.float32]:
    """Levels int8 [outputs, inputs] from -largest to largest, and the value of one step.

    Input by input: what rounding has changed so far in the layer's sums on these inputs, float32
    [n, inputs], the weights that are still to be rounded make up for (GPTQ, Frantar et al., 2023,
    https://arxiv.org/abs/2210.17323).

    Raises:
        ExportError: the weights are all 0, or no numbers.
    """
    step = np.abs(weight).max() / largest
    # Written so that NaN fails.
    if not 0 < step < np.inf:
        raise ExportError("A layer's weights are all 0, or no numbers; train the network again.")
    left = weight.astype(np.float64)
    together = (inputs.T @ inputs).astype(np.float64)
    together += DAMPING * max(np.diag(together).mean(), 1e-12) * np.eye(len(together))
    factor = np.linalg.cholesky(np.linalg.inv(together)).T
    levels = np.empty(weight.shape, np.int8)
    for column, row in enumerate(factor):
        levels[:, column] = np.clip(np.round(left[:, column] / step), -largest, largest)
        error = (left[:, column] - levels[:, column] * step) / row[column]
        left[:, column + 1 :] -= np.outer(error, row[column + 1 :])
    return levels, np.float32(step)


def fitted(
    layer: Layer, inputs: NDArray[np.float32], wanted: NDArray[np.float32], weight: NDArray[np.floating]
) -> Layer:
    """The layer that gives what is nearest to float32 [n, outputs] on inputs float32 [n, inputs].

    weight: how much each of the n counts, positive. Where inputs hardly vary the layer stays as it was.
    """
    root = np.sqrt(weight.astype(np.float64))[:, np.newaxis]
    whole = np.concatenate([inputs, np.ones((len(inputs), 1), np.float32)], 1)
    missing = wanted - inputs @ layer.weight.T - layer.bias
    change = np.linalg.lstsq(whole * root, missing * root, rcond=CHANCE)[0].T.astype(np.float32)
    return Layer(layer.weight + change[:, :-1], layer.bias + change[:, -1])
