"""What the adversarial families share: a convolutional pair, updated in turn. Each adds its objective."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.generators.base import any_digits
from train.generators.learned import LearnedFamily, means, minimize, numbers
from train.generators.networks import ConvDiscriminator, ConvGenerator
from train.tutorial.losses import rounded


class AdversarialFamily(LearnedFamily):
    """Subclasses give the costs; a logit is the log-odds of fake, or a score that rises with it."""

    kind = "adversarial"
    watched = ("discriminator_loss", "generator_loss", "penalty")
    learning_rate = 2e-4
    betas = (0.0, 0.99)
    latent: ClassVar[int] = 64
    width: ClassVar[int] = 32
    spectral: ClassVar[bool] = False
    discriminator_updates: ClassVar[int] = 1

    def build(self) -> Mapping[str, nn.Module]:
        return {
            "generator": ConvGenerator(self.latent, self.width, self.conditional),
            "discriminator": ConvDiscriminator(2 * self.width, self.conditional, self.spectral),
        }

    @abstractmethod
    def discriminator_cost(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """What the discriminator lowers: float32 []."""

    def generator_cost(
        self,
        fake_logits: torch.Tensor,
        reals: torch.Tensor,  # noqa: ARG002
        labels: torch.Tensor,  # noqa: ARG002
    ) -> torch.Tensor:
        """What the generator lowers: float32 []. Its fakes' mean score, where an objective says no other."""
        return fake_logits.mean()

    def penalizes_slopes(self) -> bool:
        """Whether this update's penalty is one on the logits' slopes at the reals and fakes themselves."""
        return False

    def penalty(
        self,
        reals: torch.Tensor,  # noqa: ARG002
        fakes: torch.Tensor,
        labels: torch.Tensor,  # noqa: ARG002
        real_logits: torch.Tensor,  # noqa: ARG002
        fake_logits: torch.Tensor,  # noqa: ARG002
    ) -> torch.Tensor:
        """What else the discriminator lowers: float32 []."""
        return torch.zeros((), device=fakes.device)

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        discriminator, generator = self.networks["discriminator"], self.networks["generator"]
        discriminator.requires_grad_(True)
        for _ in range(self.discriminator_updates):
            with self.precision():
                with torch.no_grad():
                    fakes = rounded(generator(self.normal(len(labels), self.latent), labels))
                reals = pictures.detach().requires_grad_(self.penalizes_slopes())
                fakes.requires_grad_(self.penalizes_slopes())
                real_logits, fake_logits = discriminator(reals, labels), discriminator(fakes, labels)
                discriminator_loss = self.discriminator_cost(real_logits, fake_logits)
                penalty = self.penalty(reals, fakes, labels, real_logits, fake_logits)
            minimize(discriminator_loss + penalty, self.optimizers["discriminator"])

        discriminator.requires_grad_(False)
        with self.precision():
            fakes = rounded(generator(self.normal(len(labels), self.latent), labels))
            generator_loss = self.generator_cost(discriminator(fakes, labels), pictures, labels)
        minimize(generator_loss, self.optimizers["generator"])
        return means([discriminator_loss, generator_loss, penalty])

    def make(self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None) -> torch.Tensor:
        noise = numbers(random, count, self.latent)
        chosen = torch.from_numpy(any_digits(random, count, digits))
        pictures: torch.Tensor = self.average(noise.to(self.device), chosen.to(self.device))
        return pictures


def squared_slope(logits: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Squared norm of the logit's gradient by the picture, float32 [batch], itself differentiable."""
    (slope,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return slope.float().square().flatten(1).sum(1)
