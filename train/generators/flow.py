"""Flow matching: a velocity that carries noise to digits in straight lines.

Lipman et al. 2023, https://arxiv.org/abs/2210.02747; Liu et al. 2023, https://arxiv.org/abs/2209.03003.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.generators.base import any_digits
from train.generators.learned import LearnedFamily, chunks, means, minimize, numbers
from train.generators.unet import UNet

PAPER: Final = -0.96
"""Below it is all black, as paper is in MNIST, and as no network quite gives it."""
TEMPERATURE: Final = 0.93
"""Of the noise that samples begin from: a little variety for more digits that are read as wanted (Kingma and
Dhariwal 2018, https://arxiv.org/abs/1807.03039, section 6)."""


class Flow(LearnedFamily):
    """Class-conditional; pictures in [-1, 1], time 0 is noise and 1 a digit."""

    kind = "flow"
    conditional = True
    steps = 8000
    learning_rate = 1e-3
    watched = ("loss",)
    width: ClassVar[int] = 48
    sampling_steps: ClassVar[int] = 12

    def build(self) -> Mapping[str, nn.Module]:
        return {"generator": UNet(self.width)}

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Learn the velocity of a point on the line from noise to a digit (eq. 23 of Lipman et al., sigma 0).

        Times are drawn logit-normal, denser in the middle, where the velocity is hardest: Esser et al.
        2024, https://arxiv.org/abs/2403.03206, section 3.1.
        """
        noise, digits = self.normal(*pictures.shape), pictures * 2 - 1
        times = torch.sigmoid(self.normal(len(labels)))
        points = torch.lerp(noise, digits, times[:, None, None, None])
        with self.precision():
            velocity = self.networks["generator"](points, times, labels)
        loss = (velocity - (digits - noise)).square().mean()
        minimize(loss, *self.optimizers.values())
        return means([loss])

    def make(self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None) -> torch.Tensor:
        points = TEMPERATURE * numbers(random, count, 1, 28, 28).to(self.device)
        chosen = torch.from_numpy(any_digits(random, count, digits)).to(self.device)
        return self.carried(points, 0, chosen)

    def carried(self, points: torch.Tensor, begin: float, digits: torch.Tensor) -> torch.Tensor:
        """Points [batch, 1, 28, 28] from one time on to the end: pictures in [0, 1].

        Heun's method, two evaluations of the network a step, `sampling_steps` of them however long the way;
        the last one is Euler's, with one evaluation. Close to time 1 next to nothing was learnt, and the
        velocity before it points at the digit's mean given what is there: straight to it leaves no noise on
        the paper.
        """
        step = (1 - begin) / self.sampling_steps
        for index in range(self.sampling_steps):
            velocity = self.velocity(points, begin + index * step, digits)
            if index < self.sampling_steps - 1:
                ahead = self.velocity(points + step * velocity, begin + (index + 1) * step, digits)
                velocity = (velocity + ahead) / 2
            points = points + step * velocity
        pictures: torch.Tensor = ((points - PAPER) / (1 - PAPER)).clamp(0, 1)
        return pictures

    @torch.no_grad()
    def reconstruct(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], begin: float, seed: int
    ) -> NDArray[np.uint8]:
        """Real digits gone back to a time, so partly to noise, and carried to the end again: hard fakes.

        After SDEdit (Meng et al. 2022, https://arxiv.org/abs/2108.01073). images: uint8 [n, 28, 28], ink
        bright on dark; returns the like. labels: int64 [n]. begin: 0, where nothing is left of the digit,
        to 1, where all is.
        """
        random = np.random.default_rng(seed)
        parts = []
        for part in chunks(len(images)):
            digits = torch.from_numpy(images[part]).to(self.device)[:, None].float() / 255 * 2 - 1
            points = torch.lerp(numbers(random, *digits.shape).to(self.device), digits, begin)
            pictures = self.carried(points, begin, torch.from_numpy(labels[part]).to(self.device))
            parts.append(torch.round(pictures * 255).squeeze(1).to(torch.uint8).cpu().numpy())
        return np.concatenate(parts)

    def velocity(self, points: torch.Tensor, time: float, digits: torch.Tensor) -> torch.Tensor:
        """The averaged network's velocity at one time for all points."""
        with self.precision():
            velocity: torch.Tensor = self.average(points, torch.full_like(points[:, 0, 0, 0], time), digits)
        return velocity
