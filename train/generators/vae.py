"""Variational autoencoder: Kingma and Welling 2014, https://arxiv.org/abs/1312.6114, appendix C."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from train.generators.learned import LearnedFamily, means, minimize, normal_noise


class Vae(LearnedFamily):
    """Perceptrons with one hidden layer and a Bernoulli decoder, whose means are the samples."""

    kind = "variational"
    steps = 6000
    learning_rate = 1e-3
    watched = ("reconstruction", "divergence")
    latent: ClassVar[int] = 16
    hidden: ClassVar[int] = 512

    def build(self) -> Mapping[str, nn.Module]:
        return {
            "generator": nn.Sequential(
                nn.Linear(self.latent, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 28 * 28)
            ),
            "encoder": nn.Sequential(
                nn.Flatten(),
                nn.Linear(28 * 28, self.hidden),
                nn.ReLU(),
                nn.Linear(self.hidden, 2 * self.latent),
            ),
        }

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Minimise the negative evidence lower bound, in nats per picture (eq. 10)."""
        center, log_variance = self.networks["encoder"](pictures).chunk(2, 1)
        codes = center + torch.exp(log_variance / 2) * self.normal(*center.shape)
        logits = self.networks["generator"](codes)
        count = len(pictures)
        reconstruction = (
            binary_cross_entropy_with_logits(logits, pictures.flatten(1), reduction="sum") / count
        )
        divergence = kl_from_normal(center, log_variance).mean()
        minimize(reconstruction + divergence, *self.optimizers.values())
        return means([reconstruction, divergence])

    def generate(
        self,
        random: np.random.Generator,
        count: int,
        digits: NDArray[np.int64] | None,  # noqa: ARG002
    ) -> torch.Tensor:
        codes = normal_noise(random, count, self.latent).to(self.device)
        return torch.sigmoid(self.average(codes)).reshape(count, 1, 28, 28)


def kl_from_normal(center: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of diagonal Gaussians [batch, d] from the standard one: nats [batch]."""
    return (center.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
