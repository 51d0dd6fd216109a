"""Autoregressive: pixel by pixel, each one of 256 levels given the pixels above and to the left.

Van den Oord et al. 2016, https://arxiv.org/abs/1606.05328, with dilated two-row convolutions instead of
two stacks, so that a pixel's activations depend only on cached ones of earlier pixels (Ramachandran et al.
2017, https://arxiv.org/abs/1704.06001).
"""

from collections.abc import Mapping
from typing import ClassVar, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import conv2d, cross_entropy, one_hot, pad, relu

from train.data.mnist import CLASSES
from train.generators.base import wanted_digits
from train.generators.learned import LearnedFamily, means, minimize

SIDE: Final = 28
LEVELS: Final = 256
TEMPERATURES: Final = (0.85, 1.0)
"""Range of each sample's temperature; below 1, unlikely levels are rarer than the network expects."""
REACH: Final = 2
"""Columns to either side that a convolution sees, in units of its dilation."""


class PixelCnn(LearnedFamily):
    """Class-conditional, trained on the likelihood of the 8-bit levels."""

    kind = "autoregressive"
    conditional = True
    steps = 1800
    batch_size = 64
    learning_rate = 2e-3
    watched = ("nats_per_pixel",)
    width: ClassVar[int] = 64

    def build(self) -> Mapping[str, nn.Module]:
        return {"generator": PixelNetwork(self.width)}

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with self.autocast():
            logits = self.networks["generator"](pictures, labels)
        loss = cross_entropy(logits.float(), torch.round(pictures[:, 0] * (LEVELS - 1)).long())
        minimize(loss, *self.optimizers.values())
        return means([loss])

    def generate(
        self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
    ) -> torch.Tensor:
        draws = torch.from_numpy(random.random((count, SIDE, SIDE), np.float32)).to(self.device)
        chosen = torch.from_numpy(wanted_digits(random, count, digits)).to(self.device)
        network = cast(PixelNetwork, self.average.module)
        temperatures = torch.from_numpy(random.uniform(*TEMPERATURES, count)).float().to(self.device)
        with self.autocast():
            return network.sample(draws, chosen, temperatures)[:, None]


class CausalConvolution(nn.Module):
    """Sees the row one dilation above, and its own row up to itself (the first layer: up to just before)."""

    def __init__(self, inputs: int, outputs: int, dilation: int, first: bool = False) -> None:
        super().__init__()
        taps = 2 * REACH + 1
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 2, taps))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        mask = torch.ones(2, taps)
        mask[1, REACH + (not first) :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def masked(self) -> torch.Tensor:
        """Return the weights, 0 where masked: float32 [outputs, inputs, 2, taps]."""
        return self.weight * self.get_buffer("mask")

    def margins(self) -> tuple[int, int, int, int]:
        """Return the padding of a map: left, right, above, below."""
        return REACH * self.dilation, REACH * self.dilation, self.dilation, 0

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return conv2d(pad(hidden, self.margins()), self.masked(), dilation=self.dilation)

    def taps(self) -> torch.Tensor:
        """Return the masked weights as a matrix for `at`: [rows x columns x inputs, outputs]."""
        return self.masked().permute(0, 2, 3, 1).flatten(1).T

    def at(self, taps: torch.Tensor, padded: torch.Tensor, row: int, column: int) -> torch.Tensor:
        """Return the output at one pixel, [batch, outputs], of a padded [batch, rows, columns, inputs]."""
        reach = (2 * REACH + 1) * self.dilation
        patch = padded[
            :, row : row + self.dilation + 1 : self.dilation, column : column + reach : self.dilation
        ]
        return patch.flatten(1) @ taps


class PixelNetwork(nn.Module):
    """Residual causal convolutions, each shifted by the digit.

    Takes pictures float32 [batch, 1, 28, 28] in [0, 1] and digits int64 [batch]; returns the levels' logits
    [batch, 256, 28, 28], which depend on the digit and on the pixels before, in reading order.
    """

    dilations = (1, 2, 4, 1, 2, 4, 1)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.first = CausalConvolution(2, width, 1, first=True)
        self.chosen = nn.Linear(CLASSES, width * len(self.dilations))
        self.causal = nn.ModuleList(CausalConvolution(width, width, each) for each in self.dilations)
        self.mixing = nn.ModuleList(nn.Linear(width, width) for _ in self.dilations)
        self.end = nn.Linear(width, LEVELS)

    def forward(self, pictures: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        # A second channel of ones distinguishes black paper from padding.
        hidden = self.first(torch.cat([pictures, torch.ones_like(pictures)], 1))
        for causal, mixing, shift in self.layers(digits):
            change = relu(causal(relu(hidden)) + shift[:, :, None, None])
            hidden = hidden + mixing(change.movedim(1, -1)).movedim(-1, 1)
        logits: torch.Tensor = self.end(relu(hidden).movedim(1, -1)).movedim(-1, 1)
        return logits

    def layers(self, digits: torch.Tensor) -> list[tuple[CausalConvolution, nn.Module, torch.Tensor]]:
        """Return each layer's two parts and its shift for these digits, [batch, width]."""
        shifts = self.chosen(one_hot(digits, CLASSES).float()).chunk(len(self.dilations), 1)
        return list(zip(self.causal, self.mixing, shifts, strict=True))  # type: ignore[arg-type]

    def sample(self, draws: torch.Tensor, digits: torch.Tensor, temperatures: torch.Tensor) -> torch.Tensor:
        """Return pictures float32 [batch, 28, 28], k/255, from uniform draws of the same shape.

        temperatures: float32 [batch], which divide the levels' logits.
        """
        count = len(draws)
        layers = self.layers(digits)

        def empty(convolution: CausalConvolution, channels: int) -> torch.Tensor:
            left, right, above, _ = convolution.margins()
            return draws.new_zeros(count, SIDE + above, SIDE + left + right, channels)

        paper = empty(self.first, 2)
        paper[:, 1:, REACH : REACH + SIDE, 1] = 1
        cached = [empty(causal, self.width) for causal, _, _ in layers]
        first, taps = self.first.taps(), [causal.taps() for causal, _, _ in layers]
        for row in range(SIDE):
            for column in range(SIDE):
                hidden = self.first.at(first, paper, row, column)
                for (causal, mixing, shift), weights, known in zip(layers, taps, cached, strict=True):
                    known[:, row + causal.dilation, column + REACH * causal.dilation] = relu(hidden)
                    hidden = hidden + mixing(relu(causal.at(weights, known, row, column) + shift))
                logits = self.end(relu(hidden)).float() / temperatures[:, None]
                shares = torch.softmax(logits, 1).cumsum(1)
                level = (shares < draws[:, row, column, None]).sum(1).clamp(max=LEVELS - 1)
                paper[:, row + 1, column + REACH, 0] = level / (LEVELS - 1)
        return paper[:, 1:, REACH : REACH + SIDE, 0]
