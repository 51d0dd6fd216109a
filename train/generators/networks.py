"""The convolutional networks of the adversarial families, for 28x28 pictures, conditional or not."""

from itertools import pairwise
from typing import Final, cast

import torch
from torch import nn
from torch.nn.functional import leaky_relu, pixel_shuffle
from torch.nn.utils.parametrizations import spectral_norm

from train.data.mnist import CLASSES

SLOPE: Final = 0.2


class ConvGenerator(nn.Module):
    """7x7 → 14x14 → 28x28 by sub-pixel convolutions (Shi et al. 2016, https://arxiv.org/abs/1609.05158).

    Takes noise float32 [batch, latent], standard normal, and digits int64 [batch], 0 to 9, which an
    unconditional network ignores; returns float32 [batch, 1, 28, 28] in (0, 1).
    """

    def __init__(self, latent: int, width: int, conditional: bool) -> None:
        super().__init__()
        self.conditional = conditional
        self.width = width
        # A table, so that the exported file rejects digits above 9.
        self.register_buffer("choices", torch.eye(CLASSES), persistent=False)
        self.start = nn.Linear(latent + CLASSES * conditional, 49 * width)
        self.blocks = nn.ModuleList(
            [
                Upsampling(width, 2 * width, conditional),
                Refining(2 * width, conditional),
                Upsampling(2 * width, width, conditional),
                Refining(width, conditional),
            ]
        )
        self.end = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, noise: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        choice = self.get_buffer("choices")[digits]
        hidden = self.start(torch.cat([noise, choice], 1) if self.conditional else noise)
        hidden = hidden.reshape(-1, self.width, 7, 7).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            hidden = block(hidden, choice)
        return torch.sigmoid(self.end(leaky_relu(hidden, SLOPE)).float())


class Norm(nn.Module):
    """BatchNorm, then a scale and shift chosen by the digit: Dumoulin et al. 2017, https://arxiv.org/abs/1610.07629.

    Samples are generated with the running statistics, like those of the exported file.
    """

    def __init__(self, channels: int, conditional: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.choose = nn.Linear(CLASSES, 2 * channels, bias=False) if conditional else None
        if self.choose is not None:
            nn.init.zeros_(self.choose.weight)

    def forward(self, hidden: torch.Tensor, choice: torch.Tensor) -> torch.Tensor:
        hidden = cast(torch.Tensor, self.norm(hidden))
        if self.choose is None:
            return hidden
        scale, shift = self.choose(choice)[:, :, None, None].chunk(2, 1)
        chosen: torch.Tensor = hidden * (1 + scale) + shift
        return chosen


class Upsampling(nn.Module):
    """Doubles the side: a convolution to four times the channels, which become 2x2 pixels."""

    def __init__(self, inputs: int, outputs: int, conditional: bool) -> None:
        super().__init__()
        self.norm = Norm(inputs, conditional)
        self.convolution = nn.Conv2d(inputs, 4 * outputs, 3, padding=1)

    def forward(self, hidden: torch.Tensor, choice: torch.Tensor) -> torch.Tensor:
        return pixel_shuffle(self.convolution(leaky_relu(self.norm(hidden, choice), SLOPE)), 2)


class Refining(nn.Module):
    """A residual convolution."""

    def __init__(self, channels: int, conditional: bool) -> None:
        super().__init__()
        self.norm = Norm(channels, conditional)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, hidden: torch.Tensor, choice: torch.Tensor) -> torch.Tensor:
        change: torch.Tensor = self.convolution(leaky_relu(self.norm(hidden, choice), SLOPE))
        return hidden + change


class ConvDiscriminator(nn.Module):
    """28x28 → 14x14 → 7x7 → 4x4 without normalization of activations.

    Takes pictures float32 [batch, 1, 28, 28] in [0, 1] and digits int64 [batch]; returns float32 [batch], the
    log-odds of fake (only up to scale if the objective is not a likelihood). conditional: with a projection,
    Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637; spectral: every layer's largest singular value
    is 1, Miyato et al. 2018, https://arxiv.org/abs/1802.05957.
    """

    def __init__(self, width: int, conditional: bool, spectral: bool = False) -> None:
        super().__init__()
        normalized = spectral_norm if spectral else nn.Identity()
        widths = (1, width, 2 * width, 4 * width)
        self.convolutions = nn.ModuleList(
            normalized(nn.Conv2d(one, other, 4 if one == 1 else 3, stride=2, padding=1))
            for one, other in pairwise(widths)
        )
        self.end = normalized(nn.Linear(16 * 4 * width, 1))
        self.projection = normalized(nn.Embedding(CLASSES, 16 * 4 * width)) if conditional else None

    def forward(self, pictures: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        hidden = pictures * 2 - 1
        for convolution in self.convolutions:
            hidden = leaky_relu(convolution(hidden), SLOPE)
        features = hidden.flatten(1)
        logits: torch.Tensor = self.end(features).squeeze(1)
        if self.projection is not None:
            logits = logits + (self.projection(digits) * features).sum(1) / features.shape[1] ** 0.5
        return logits.float()
