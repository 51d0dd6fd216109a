"""The networks in PyTorch: the layers of `train.isolation.layers`, trained to live with their rounding."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate

from train.isolation.layers import LARGEST, UNIT, Layer, inputs_of

WEIGHT_LIMIT = 127


class Rounded(torch.autograd.Function):
    """Round to a grid; the gradient passes unchanged (Bengio et al. 2013, https://arxiv.org/abs/1308.3432)."""

    @staticmethod
    def forward(_: Any, values: torch.Tensor, grid: torch.Tensor | float) -> torch.Tensor:
        return torch.round(values / grid) * grid

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient, None


def rounded(values: torch.Tensor, grid: torch.Tensor | float) -> torch.Tensor:
    return cast(torch.Tensor, Rounded.apply(values, grid))  # type: ignore[no-untyped-call]


def weight_grid(weight: torch.Tensor) -> torch.Tensor:
    """Return the power of two by which an output channel's weights fit int8: float32 [outputs, 1, 1, 1]."""
    largest = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=2**-20)
    return torch.exp2(torch.ceil(torch.log2(largest / WEIGHT_LIMIT)))


class Network(nn.Module):
    """A list of layers: float32 [batch, INPUTS, height, width] → float32 [batch, channels, ...]."""

    def __init__(self, layers: Sequence[Layer], rarity: float) -> None:
        """rarity: minus the first output's bias at the start, where what it looks for is rare."""
        super().__init__()
        self.layers = layers
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs_of(layers, index), layer.channels, layer.kernel, layer.stride, layer.kernel // 2)
            for index, layer in enumerate(layers)
        )
        for convolution in self.convolutions:
            nn.init.kaiming_normal_(cast(nn.Conv2d, convolution).weight, nonlinearity="relu")
            nn.init.zeros_(cast(torch.Tensor, cast(nn.Conv2d, convolution).bias))
        with torch.no_grad():
            cast(nn.Conv2d, self.convolutions[-1]).weight.mul_(0.1)
            cast(torch.Tensor, cast(nn.Conv2d, self.convolutions[-1]).bias)[0] = -rarity

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        outputs: list[torch.Tensor] = []
        for index, (layer, module) in enumerate(zip(self.layers, self.convolutions, strict=True)):
            convolution = cast(nn.Conv2d, module)
            source = index - 1 if layer.source is None else layer.source
            hidden = pictures if source < 0 else outputs[source]
            weight = rounded(convolution.weight, weight_grid(convolution.weight))
            hidden = conv2d(hidden, weight, convolution.bias, layer.stride, layer.kernel // 2)
            if index < len(self.layers) - 1:
                hidden = rounded(hidden.clamp(0, LARGEST / UNIT), 1 / UNIT)
            if layer.plus is not None:
                hidden = interpolate(hidden, scale_factor=2.0) + outputs[layer.plus]
            outputs.append(hidden)
        return outputs[-1]

    @torch.no_grad()
    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the integers to publish: per layer `weight` int8, its `exponent` int8 and `bias` float32."""
        found = {}
        for index, module in enumerate(self.convolutions):
            convolution = cast(nn.Conv2d, module)
            grid = weight_grid(convolution.weight)
            exponent = torch.log2(grid).round()
            found[f"{index}.weight"] = torch.round(convolution.weight / grid).to(torch.int8)
            found[f"{index}.exponent"] = exponent.flatten().to(torch.int8)
            # A half, and half a step of the sums more, so that rounding never depends on the last bit.
            step = grid.flatten()
            bias = cast(torch.Tensor, convolution.bias) * UNIT
            found[f"{index}.bias"] = torch.round(bias / step) * step + 0.5 + step / 2
        return found
