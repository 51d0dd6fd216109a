"""The tutorial's networks: two perceptrons.

From the notebook "Your First GAN" (DeepLearning.AI, Generative Adversarial Networks Specialization,
course 1, week 1), whose hidden width is 128.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import nn

HIDDEN = 128


class MlpDiscriminator(nn.Module):
    """Four layers, for 28x28 pictures 784-512-256-128-1, LeakyReLU(0.2) between them.

    Takes float32 [batch, pixels] in [0, 1]; returns float32 [batch], the log-odds of fake.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        widths = (pixels, HIDDEN * 4, HIDDEN * 2, HIDDEN)
        self.layers = nn.Sequential(
            *(discriminator_block(*pair) for pair in pairwise(widths)),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.layers(pictures)).squeeze(1)


class MlpGenerator(nn.Module):
    """For latent 64 and 28x28 pictures 64-128-256-512-1024-784: BatchNorm and ReLU, a sigmoid last.

    Takes float32 [batch, latent], standard normal; returns float32 [batch, pixels] in (0, 1).
    """

    def __init__(self, latent: int, pixels: int) -> None:
        super().__init__()
        widths = (latent, HIDDEN, HIDDEN * 2, HIDDEN * 4, HIDDEN * 8)
        self.layers = nn.Sequential(
            *(generator_block(*pair) for pair in pairwise(widths)),
            nn.Linear(HIDDEN * 8, pixels),
            nn.Sigmoid(),
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.layers(noise))


def discriminator_block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(0.2))


def generator_block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU())
