"""Flow matching: a velocity field that carries noise to digits in straight lines.

Lipman et al. 2023, https://arxiv.org/abs/2210.02747; Liu et al. 2023, https://arxiv.org/abs/2209.03003.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import interpolate, one_hot, pixel_shuffle, pixel_unshuffle, silu

from train.data.mnist import CLASSES, to_pixels
from train.generators.base import wanted_digits
from train.generators.learned import LearnedFamily, chunks, means, minimize, normal_noise

PAPER: Final = -0.96
"""Levels below it become exactly black, like MNIST's paper; the network does not quite reach -1."""
TEMPERATURES: Final = (0.86, 1.0)
"""Range of the initial noise's standard deviation, random for each sample. Lower ones give less variety, but
more samples with the wanted digit (Kingma and Dhariwal 2018, https://arxiv.org/abs/1807.03039, section 6).
"""
SAMPLING_STEPS: Final = (8, 12, 16)
"""Steps from noise to digit, random for each chunk of samples: how many there are shows in the details."""
FREQUENCIES: Final = 32


class Flow(LearnedFamily):
    """Class-conditional. Pictures are in [-1, 1]; time 0 is noise, time 1 a digit."""

    kind = "flow"
    conditional = True
    steps = 8000
    learning_rate = 1e-3
    watched = ("loss",)
    width: ClassVar[int] = 48

    def build(self) -> Mapping[str, nn.Module]:
        return {"generator": UNet(self.width)}

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Learn the velocity at a point on the line from noise to a digit (eq. 23 of Lipman et al., sigma 0).

        Times are logit-normal, denser in the middle, where the velocity is hardest to learn: Esser et al.
        2024, https://arxiv.org/abs/2403.03206, section 3.1.
        """
        noise, digits = self.normal(*pictures.shape), pictures * 2 - 1
        times = torch.sigmoid(self.normal(len(labels)))
        points = torch.lerp(noise, digits, times[:, None, None, None])
        with self.autocast():
            velocity = self.networks["generator"](points, times, labels)
        loss = (velocity - (digits - noise)).square().mean()
        minimize(loss, *self.optimizers.values())
        return means([loss])

    def generate(
        self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
    ) -> torch.Tensor:
        noise = normal_noise(random, count, 1, 28, 28)
        chosen = torch.from_numpy(wanted_digits(random, count, digits)).to(self.device)
        temperatures = torch.from_numpy(random.uniform(*TEMPERATURES, (count, 1, 1, 1))).float()
        return self.integrate((temperatures * noise).to(self.device), 0, chosen, random)

    def integrate(
        self, points: torch.Tensor, begin: float, digits: torch.Tensor, random: np.random.Generator
    ) -> torch.Tensor:
        """Carry points [batch, 1, 28, 28] from time `begin` to 1; return pictures in [0, 1].

        Heun's method in one of `SAMPLING_STEPS`, with two evaluations of the network each. The last step is
        Euler's, with one evaluation: near time 1 the network has learnt little, and the velocity just before
        points straight at the expected digit, which leaves no noise on the paper.
        """
        steps = int(random.choice(SAMPLING_STEPS))
        step = (1 - begin) / steps
        for index in range(steps):
            velocity = self.velocity(points, begin + index * step, digits)
            if index < steps - 1:
                ahead = self.velocity(points + step * velocity, begin + (index + 1) * step, digits)
                velocity = (velocity + ahead) / 2
            points = points + step * velocity
        pictures: torch.Tensor = ((points - PAPER) / (1 - PAPER)).clamp(0, 1)
        return pictures

    @torch.no_grad()
    def reconstruct(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], begin: float, seed: int
    ) -> NDArray[np.uint8]:
        """Take real digits back to a time, so partly to noise, and carry them to the end again.

        After SDEdit (Meng et al. 2022, https://arxiv.org/abs/2108.01073). images: uint8 [n, 28, 28], bright
        ink on dark; the result likewise. labels: int64 [n]. begin: from 0 (nothing of the digit is left) to
        1 (all of it).
        """
        random = np.random.default_rng(seed)
        parts = []
        for part in chunks(len(images)):
            digits = torch.from_numpy(images[part]).to(self.device)[:, None].float() / 255 * 2 - 1
            points = torch.lerp(normal_noise(random, *digits.shape).to(self.device), digits, begin)
            pictures = self.integrate(points, begin, torch.from_numpy(labels[part]).to(self.device), random)
            parts.append(to_pixels(pictures[:, 0]))
        return np.concatenate(parts)

    def velocity(self, points: torch.Tensor, time: float, digits: torch.Tensor) -> torch.Tensor:
        """Return the averaged network's velocity, at one time for all points."""
        with self.autocast():
            velocity: torch.Tensor = self.average(points, torch.full_like(points[:, 0, 0, 0], time), digits)
        return velocity


class UNet(nn.Module):
    """A small U-Net: 28x28 as 14x14 of four channels, and 7x7 below.

    Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, conditioned on time and digit in every block.
    Takes pictures float32 [batch, 1, 28, 28], times float32 [batch] in [0, 1] and digits int64 [batch];
    returns float32 [batch, 1, 28, 28].
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width
        # The embedding of time and digit; attributes name the weights of saved runs.
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
        embedding = self.told(torch.cat([time_features(times), one_hot(digits, CLASSES).float()], 1))
        hidden = self.start(pixel_unshuffle(pictures, 2))
        skipped = []
        for block in self.down:
            hidden = block(hidden, embedding)
            skipped.append(hidden)
        hidden = self.smaller(hidden)
        for block in self.middle:
            hidden = block(hidden, embedding)
        hidden = self.larger(interpolate(hidden, scale_factor=2.0))
        for block in self.up:
            hidden = block(torch.cat([hidden, skipped.pop()], 1), embedding)
        return pixel_shuffle(self.end(silu(hidden)).float(), 2)


class Block(nn.Module):
    """Two convolutions and a shortcut; the embedding sets a scale and shift between them."""

    def __init__(self, inputs: int, outputs: int, embedded: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(1, outputs)
        self.choose = nn.Linear(embedded, 2 * outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, hidden: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        scale, shift = self.choose(embedding)[:, :, None, None].chunk(2, 1)
        change = self.norm(self.first(silu(hidden))) * (1 + scale) + shift
        result: torch.Tensor = self.shortcut(hidden) + self.second(silu(change))
        return result


def time_features(times: torch.Tensor) -> torch.Tensor:
    """Return sines and cosines of times in [0, 1]: float32 [batch, 2 * FREQUENCIES]."""
    steps = torch.arange(FREQUENCIES, device=times.device) / (FREQUENCIES - 1)
    angles = times[:, None] * torch.exp(steps * math.log(1000.0))
    return torch.cat([torch.sin(angles), torch.cos(angles)], 1)
