"""Small convolutional autoencoders of random structure: nearly lossless, each with faults of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from train.data.splits import own_seed

CHOICES: Final[Mapping[str, Sequence[Any]]] = {
    # A choice that is there twice is drawn twice as often.
    # Side and channels.
    "code": ((7, 6), (7, 8), (7, 10), (14, 2), (14, 3), (7, 8), (14, 2), (1, 80)),
    # Width and kernel.
    "size": ((12, 3), (16, 3), (20, 3), (24, 3), (12, 5)),
    "upsampling": ("transposed 2", "transposed 3", "transposed 4", "nearest", "bilinear", "sub-pixel"),
    "refining": ("none", "coarse", "fine"),
    "norm": ("none", "batch", "group", "instance", "layer", "batch"),
    "activation": ("relu", "leaky_relu", "silu", "gelu", "elu"),
    "end_kernel": (1, 3, 5),
    "output": ("sigmoid", "tanh", "clamp"),
    "loss": ("l1", "l2", "bce", "charbonnier", "ssim", "edges"),
    "black": (False, True),
    "adversary": (False, False, False, True),
}
ACTIVATIONS: Final[Mapping[str, Callable[[], nn.Module]]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
}
FLAT_CHANNELS: Final = 3
"""Channels at 7x7 on both sides of a code that is a vector: few, because the layers between are dense."""
NARROWEST: Final = 8
"""Fewer channels would save no time."""
DARK: Final[Mapping[str, float]] = {"sigmoid": -2.0, "tanh": -1.0, "clamp": 0.1}
"""The output's first bias: dark, as most pixels are."""
MARGIN: Final = 0.03
"""How far below 0 the outputs of decoders with exactly black paper reach before they are clipped."""


@dataclass(frozen=True)
class Structure:
    """What distinguishes an autoencoder from others; `CHOICES` has the values.

    side: of the code, in places; 1: the code is a vector. channels: of the code at each place.
    width: channels at 7x7 and 14x14; half as many at 28x28, but at least `NARROWEST`.
    kernel: of the first convolution, and of those after nearest or bilinear upsampling.
    refining: a residual convolution before or after all upsampling, or none.
    end_kernel: of the last convolution. black: whether paper is to be exactly black.
    adversary: whether a `PatchAdversary` takes part in the training.
    """

    side: int
    channels: int
    width: int
    kernel: int
    upsampling: str
    refining: str
    norm: str
    activation: str
    end_kernel: int
    output: str
    loss: str
    black: bool
    adversary: bool


def draw_structure(seed: int, index: int, count: int) -> Structure:
    """Return the structure of the autoencoder `index` of `count`; each choice occurs equally often."""
    drawn = {}
    for name, choices in CHOICES.items():
        random = np.random.default_rng(own_seed(seed, name))
        drawn[name] = choices[random.permutation(np.resize(np.arange(len(choices)), count))[index]]
    (side, channels), (width, kernel) = drawn.pop("code"), drawn.pop("size")
    # Bounds the number of parameters.
    if side == 1:
        width = min(width, 12)
    elif drawn["upsampling"] in ("sub-pixel", "transposed 4"):
        width = min(width, 16)
    if drawn["norm"] == "none" and drawn["loss"] not in ("l2", "bce"):
        # Losses that resemble L1 then often end in black pictures.
        drawn["loss"] = "l2"
    return Structure(side, channels, width, kernel, **drawn)


class Autoencoder(nn.Module):
    """Encodes pictures float32 [batch, 1, 28, 28], k/255 in [0, 1], into codes [batch, *code_shape].

    spread: float32, standard deviations of the code's channels, or of a vector's values.
    """

    spread: torch.Tensor

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        self.structure = structure
        width, side = structure.width, structure.side
        half = max(width // 2, NARROWEST)
        grid = max(side, 7)
        channels = FLAT_CHANNELS if side == 1 else structure.channels
        activation = ACTIVATIONS[structure.activation]
        encoder: list[nn.Module] = [nn.Conv2d(1, half, 4, 2, 1), activation()]
        second = nn.Conv2d(half, width, 4, 2, 1) if grid == 7 else nn.Conv2d(half, width, 3, 1, 1)
        encoder += [second, activation(), nn.Conv2d(width, channels, 3, 1, 1)]
        decoder: list[nn.Module] = []
        if side == 1:
            encoder += [nn.Flatten(), nn.Linear(49 * channels, structure.channels)]
            decoder += [nn.Linear(structure.channels, 49 * channels), nn.Unflatten(1, (channels, 7, 7))]
        decoder += [nn.Conv2d(channels, width, structure.kernel, padding="same"), activation()]
        if structure.refining == "coarse":
            decoder += [Refining(width, structure)]
        if grid == 7:
            decoder += [*upsampling(width, width, structure), normalization(width, structure), activation()]
        decoder += [*upsampling(width, half, structure), normalization(half, structure), activation()]
        if structure.refining == "fine":
            decoder += [Refining(half, structure)]
        end = nn.Conv2d(half, 1, structure.end_kernel, padding="same")
        nn.init.constant_(cast(torch.Tensor, end.bias), DARK[structure.output])
        decoder += [end]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.code_shape = (structure.channels, side, side) if side > 1 else (structure.channels,)
        self.register_buffer("spread", torch.ones(self.code_shape[0], *(1 for _ in self.code_shape[1:])))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the decoded pictures before they are clipped to [0, 1]."""
        return self.decode(self.encoder(pictures))

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Return pictures of codes before they are clipped to [0, 1]."""
        values: torch.Tensor = self.decoder(codes)
        if self.structure.output == "clamp":
            return values
        if self.structure.output == "tanh":
            # Reaches both ends of the range.
            return 0.5 + 0.6 * torch.tanh(values)
        margin = MARGIN if self.structure.black else 0.0
        return torch.sigmoid(values) * (1 + 2 * margin) - margin


class Refining(nn.Module):
    """A residual convolution."""

    def __init__(self, channels: int, structure: Structure) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            normalization(channels, structure),
            ACTIVATIONS[structure.activation](),
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = hidden + self.change(hidden)
        return changed


def upsampling(inputs: int, outputs: int, structure: Structure) -> list[nn.Module]:
    """Return layers that double the side."""
    kind, kernel = structure.upsampling, structure.kernel
    if kind == "transposed 2":
        return [nn.ConvTranspose2d(inputs, outputs, 2, 2), nn.Conv2d(outputs, outputs, 3, padding=1)]
    if kind == "transposed 3":
        return [nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)]
    if kind == "transposed 4":
        return [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
    if kind == "sub-pixel":
        return [nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.PixelShuffle(2)]
    return [nn.Upsample(scale_factor=2, mode=kind), nn.Conv2d(inputs, outputs, kernel, padding="same")]


def normalization(channels: int, structure: Structure) -> nn.Module:
    """Return the structure's layer for a number of channels."""
    if structure.norm == "none":
        return nn.Identity()
    if structure.norm == "batch":
        return nn.BatchNorm2d(channels)
    groups = {"group": 2, "instance": channels, "layer": 1}[structure.norm]
    return nn.GroupNorm(groups, channels)


class PatchAdversary(nn.Module):
    """Judges patches of 10x10 pixels.

    Takes pictures float32 [batch, 1, 28, 28], k/255 in [0, 1]; returns log-odds of real [batch, 1, 7, 7].
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 16, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 1, 1),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(pictures)
        return logits


def clipped(values: torch.Tensor) -> torch.Tensor:
    """Clip to [0, 1]; gradients pass as if it were not, so that no pixel is stuck at black or white."""
    return values.clamp(0, 1).detach() + (values - values.detach())


def reconstruction_loss(structure: Structure, values: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Return the loss, float32 [], of `values`: decoded pictures before they are clipped."""
    decoded = clipped(values)
    difference = decoded - pictures
    match structure.loss:
        case "l1":
            loss = difference.abs().mean()
        case "l2":
            loss = 10 * difference.square().mean()
        case "bce":
            # Both away from 0 and 1: the logarithms are finite, and pixels that are right have no gradient.
            share, wanted = 0.01 + 0.98 * decoded, 0.01 + 0.98 * pictures
            loss = -(wanted * share.log() + (1 - wanted) * (1 - share).log()).mean()
        case "charbonnier":
            loss = (difference.square() + 1e-4).sqrt().mean()
        case "ssim":
            loss = difference.abs().mean() + 0.1 * (1 - similarity(decoded, pictures))
        case _:
            slopes = difference.diff(dim=2).square().mean() + difference.diff(dim=3).square().mean()
            loss = 10 * difference.square().mean() + 10 * slopes
    if structure.black:
        # Paper is to stay black whatever the picture, so its outputs lie some way below 0.
        loss = loss + 0.5 * ((values + MARGIN / 2).relu() * (pictures == 0)).mean()
    return loss


def similarity(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the mean structural similarity in windows of 7x7 pixels (Wang et al. 2004), float32 []."""
    means = [avg_pool2d(each, 7, 1) for each in (one, other, one * one, other * other, one * other)]
    first, second, first_square, second_square, product = means
    variances = first_square - first.square() + second_square - second.square()
    ratio = (2 * first * second + 1e-4) * (2 * (product - first * second) + 9e-4)
    return (ratio / ((first.square() + second.square() + 1e-4) * (variances + 9e-4))).mean()
