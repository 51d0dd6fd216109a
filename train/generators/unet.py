"""A small U-Net that predicts a velocity at a time: 28x28 as 14x14 of four channels, and 7x7 below."""

import math
from typing import Final

import torch
from torch import nn
from torch.nn.functional import interpolate, one_hot, pixel_shuffle, pixel_unshuffle, silu

from train.data.mnist import CLASSES

FREQUENCIES: Final = 32


class UNet(nn.Module):
    """Ronneberger et al. 2015 (https://arxiv.org/abs/1505.04597), told the time and the digit in every block.

    Takes pictures float32 [batch, 1, 28, 28], times float32 [batch] in [0, 1] and digits int64 [batch];
    returns float32 [batch, 1, 28, 28].
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width
        self.told = nn.Sequential(
            nn.Linear(2 * FREQUENCIES + CLASSES, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
        )
        self.start = nn.Conv2d(4, width, 3, padding=1)
        self.down = nn.ModuleList([Block(width, width, hidden), Block(width, width, hidden)])
        self.smaller = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(2 * width, 2 * width, hidden) for _ in range(3)])
        self.larger = nn.Conv2d(2 * width, width, 3, padding=1)
        self.up = nn.ModuleList([Block(2 * width, width, hidden), Block(2 * width, width, hidden)])
        self.end = nn.Conv2d(width, 4, 3, padding=1)
        nn.init.zeros_(self.end.weight)

    def forward(self, pictures: torch.Tensor, times: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
        told = self.told(torch.cat([waves(times), one_hot(digits, CLASSES).float()], 1))
        hidden = self.start(pixel_unshuffle(pictures, 2))
        kept = []
        for block in self.down:
            hidden = block(hidden, told)
            kept.append(hidden)
        hidden = self.smaller(hidden)
        for block in self.middle:
            hidden = block(hidden, told)
        hidden = self.larger(interpolate(hidden, scale_factor=2.0))
        for block in self.up:
            hidden = block(torch.cat([hidden, kept.pop()], 1), told)
        return pixel_shuffle(self.end(silu(hidden)).float(), 2)


class Block(nn.Module):
    """Two convolutions beside a shortcut; what the network is told scales and shifts between them."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(1, outputs)
        self.choose = nn.Linear(told, 2 * outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, hidden: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        scale, shift = self.choose(told)[:, :, None, None].chunk(2, 1)
        change = self.norm(self.first(silu(hidden))) * (1 + scale) + shift
        result: torch.Tensor = self.shortcut(hidden) + self.second(silu(change))
        return result


def waves(times: torch.Tensor) -> torch.Tensor:
    """Times in [0, 1] as sines and cosines of many frequencies: float32 [batch, 2 * FREQUENCIES]."""
    steps = torch.arange(FREQUENCIES, device=times.device) / (FREQUENCIES - 1)
    angles = times[:, None] * torch.exp(steps * math.log(1000.0))
    return torch.cat([torch.sin(angles), torch.cos(angles)], 1)
