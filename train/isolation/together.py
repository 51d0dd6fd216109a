"""Many computations of `train.isolation` at once: the networks look at their pictures in batches, in PyTorch.

The results equal those of each picture alone, since the networks compute in integers.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import conv2d

from train.isolation.layers import LARGEST, NETWORKS, Name, Result, Steps, published_weights

MOST: Final = 32
"""Pictures of a batch; more would not fit the processor's cache."""


def results_of(computations: Sequence[Steps[Result]]) -> list[Result]:
    """Return the computations' results, in order."""
    results: dict[int, Result] = {}
    waiting: dict[Name, list[tuple[int, NDArray[np.float32]]]] = {name: [] for name in NETWORKS}

    def go_on(index: int, output: NDArray[np.float32] | None) -> None:
        steps = computations[index]
        try:
            name, image = next(steps) if output is None else steps.send(output)
            waiting[name].append((index, image))
        except StopIteration as end:
            results[index] = end.value

    for index in range(len(computations)):
        go_on(index, None)
    while len(results) < len(computations):
        name = max(waiting, key=lambda each: len(waiting[each]))
        asked, waiting[name] = waiting[name], []
        for start in range(0, len(asked), MOST):
            part = asked[start : start + MOST]
            outputs = run_together(name, np.stack([image for _, image in part]))
            for (index, _), output in zip(part, outputs, strict=True):
                go_on(index, output)
    return [results[index] for index in range(len(computations))]


@torch.inference_mode()
def run_together(name: Name, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a network's outputs for pictures float32 [n, INPUTS, side, side]; see `layers.run`."""
    layers, weights = NETWORKS[name], torch_weights(name)
    outputs: list[torch.Tensor] = []
    pictures = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    for index, layer in enumerate(layers):
        source = layer.source if layer.source is not None else index - 1
        weight, bias = weights[index]
        hidden = conv2d(
            pictures if source < 0 else outputs[source], weight, bias, layer.stride, layer.kernel // 2
        ).floor_()
        if index < len(layers) - 1:
            hidden = hidden.clamp_(0, LARGEST)
        if layer.plus is not None:
            # As `repeat` twice, which is much slower with the channels last.
            height, width = hidden.shape[2:]
            hidden = (
                outputs[layer.plus].unflatten(3, (width, 2)).unflatten(2, (height, 2))
                + hidden[:, :, :, None, :, None]
            )
            hidden = hidden.flatten(4, 5).flatten(2, 3)
        outputs.append(hidden)
    return outputs[-1].numpy()


@cache
def torch_weights(name: Name) -> Sequence[tuple[torch.Tensor, torch.Tensor]]:
    """Return a network's weights float32 [outputs, inputs, k, k] and biases float32 [outputs], by layer."""
    weights = published_weights()[name]
    return [
        (
            torch.from_numpy(weights[f"{index}.weight"]).contiguous(memory_format=torch.channels_last),
            torch.from_numpy(weights[f"{index}.bias"]),
        )
        for index in range(len(NETWORKS[name]))
    ]
