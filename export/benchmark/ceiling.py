"""The least time that a network's work takes at the rates a device reaches: its roofline.

Williams et al. 2009, https://doi.org/10.1145/1498765.1498785. The rates are measured, not read off a data
sheet: a large matrix product in the network's precision, and a copy from memory to memory.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from export.benchmark.resident import synchronize


@dataclass(frozen=True)
class Work:
    """What a picture takes. operations: multiplications and additions. values: read and written by the layers
    with weights, each once; all between them is thought of as done on the way."""

    operations: float
    values: float


@dataclass(frozen=True)
class Ceiling:
    """A device's rates in one precision, measured anew with every call.

    side: of the square matrices. size: bytes to copy. Both large enough that starting them is nothing.
    """

    work: Work
    device: torch.device
    precision: torch.dtype
    side: int
    size: int

    def __call__(self) -> float:
        """The least time a picture takes, in µs."""
        return max(self.arithmetic(), self.memory())

    def arithmetic(self) -> float:
        """By the matrix rate, in µs a picture."""
        left, right = (
            torch.ones(self.side, self.side, dtype=self.precision, device=self.device) for _ in range(2)
        )
        product = torch.empty_like(left)
        seconds = fastest_of(lambda: torch.matmul(left, right, out=product), self.device)
        return self.work.operations / (2 * self.side**3 / seconds) * 1e6

    def memory(self) -> float:
        """By the memory's bandwidth, in µs a picture."""
        source = torch.zeros(self.size, dtype=torch.uint8, device=self.device)
        target = torch.empty_like(source)
        seconds = fastest_of(lambda: target.copy_(source), self.device)
        return self.work.values * self.precision.itemsize / (2 * self.size / seconds) * 1e6


def fastest_of(call: Callable[[], Any], device: torch.device, times: int = 3) -> float:
    """The least time that a call took of several, in seconds; one before them is not counted."""
    seconds = []
    for _ in range(times + 1):
        synchronize(device)
        began = time.perf_counter()
        call()
        synchronize(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def work_of(module: nn.Module, pixels: torch.Tensor) -> Work:
    """What a network does, a picture. pixels: uint8 [n, 28, 28] on its device, n at least 1."""
    operations = values = 0

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal operations, values
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        # Every value is the sum of as many products as it has weights.
        operations += 2 * output.numel() * layer.weight[0].numel()
        weights = sum(weight.numel() for weight in layer.parameters())
        values += inputs[0].numel() + output.numel() + weights

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            module(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return Work(operations / len(pixels), values / len(pixels))
