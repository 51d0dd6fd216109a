"""The tutorial's networks: two perceptrons.

They follow the notebook *Train Basic GAN* of https://github.com/jinglescode/generative-adversarial-networks,
whose hidden width is 128. The view of a discriminator as a classifier of real and fake follows the same
author's article on the intuition behind a GAN's discriminator (Towards Data Science, part 2 of 4) and the
video *Discriminator* of DeepLearning.AI's GAN course.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import nn

HIDDEN = 128


class MlpDiscriminator(nn.Module):
    """Four linear layers with LeakyReLU(0.2) between them; for 28x28 pictures 784-512-256-128-1.

    Takes float32 [batch, pixels] in [0, 1]; returns the log-odds of fake, float32 [batch].
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
    """Five linear layers with BatchNorm and ReLU between them, then a sigmoid.

    For latent 64 and 28x28 pictures 64-128-256-512-1024-784. Takes float32 [batch, latent], standard
    normal; returns float32 [batch, pixels] in (0, 1).
    """

    def __init__(self, latent: int, pixels: int) -> None:
        super().__init__()
        widths = (latent, HIDDEN, HIDDEN * 2, HIDDEN * 4, HIDDEN * 8)
        self.layers = nn.Sequential(
            *(generator_block(*pair) for pair in pairwise(widths)),
            nn.Linear(HIDDEN * 8, pixels),
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        # In float32: bfloat16 has steps of 1/256 here, too coarse to round to k/255.
        return torch.sigmoid(cast(torch.Tensor, self.layers(noise)).float())

    def both_modes(self, train_noise: torch.Tensor, eval_noise: torch.Tensor) -> torch.Tensor:
        """Return pictures of noise [n, latent] in training mode, then of [m, latent] in evaluation mode.

        Equivalent to a pass in each mode, but every layer reads its weights only once. Returns float32
        [n + m, pixels]; updates the running statistics and leaves the mode undefined.
        """
        features = torch.cat([train_noise, eval_noise])
        *blocks, last = self.layers
        for block in blocks:
            linear, norm, activation = cast(nn.Sequential, block)
            train_part, eval_part = linear(features).split([len(train_noise), len(eval_noise)])
            features = activation(torch.cat([norm.train()(train_part), norm.eval()(eval_part)]))
        return torch.sigmoid(cast(torch.Tensor, last(features)).float())


def discriminator_block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(0.2))


def generator_block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU())
