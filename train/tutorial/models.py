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
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        # In bfloat16, whose steps are 1/256 here, a pixel could not be rounded to k/255.
        return torch.sigmoid(cast(torch.Tensor, self.layers(noise)).float())

    def both_ways(self, fresh: torch.Tensor, deployed: torch.Tensor) -> torch.Tensor:
        """Pictures of noise [n, latent] as made in training, then of [m, latent] as made when deployed.

        The same as by `train()` and then by `eval()`, but each layer reads its weights once for both.
        Returns float32 [n + m, pixels]; leaves the statistics moved and the mode undefined.
        """
        features = torch.cat([fresh, deployed])
        *blocks, last = self.layers
        for block in blocks:
            linear, norm, activation = cast(nn.Sequential, block)
            own, others = linear(features).split([len(fresh), len(deployed)])
            features = activation(torch.cat([norm.train()(own), norm.eval()(others)]))
        return torch.sigmoid(cast(torch.Tensor, last(features)).float())


def discriminator_block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(0.2))


def generator_block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU())
