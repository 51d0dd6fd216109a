"""Shared by the adversarial families: a convolutional pair with alternating updates. Each adds its losses."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.checkpoint import prefixed, unprefixed
from train.data.mnist import Digits
from train.generators.base import Generator, wanted_digits
from train.generators.learned import LearnedFamily, means, minimize, normal_noise
from train.generators.networks import ConvDiscriminator, ConvGenerator
from train.run import Run
from train.tutorial.losses import quantized

EARLY: Final = 4
"""The early stage is the averaged generator after one in so many of the steps."""


class AdversarialFamily(LearnedFamily):
    """Subclasses define the losses. A logit is the log-odds of fake, or a score that rises with them.

    early: the family at its early stage, which makes other errors than at the end; None if it was not kept.
    """

    kind = "adversarial"
    watched = ("discriminator_loss", "generator_loss", "penalty")
    learning_rate = 2e-4
    betas = (0.0, 0.99)
    latent: ClassVar[int] = 64
    width: ClassVar[int] = 32
    spectral: ClassVar[bool] = False
    discriminator_updates: ClassVar[int] = 1

    early: "AdversarialFamily | None" = None

    def build(self) -> Mapping[str, nn.Module]:
        return {
            "generator": ConvGenerator(self.latent, self.width, self.conditional),
            "discriminator": ConvDiscriminator(2 * self.width, self.conditional, self.spectral),
        }

    @abstractmethod
    def discriminator_loss(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's loss: float32 []."""

    def generator_loss(
        self,
        fake_logits: torch.Tensor,
        reals: torch.Tensor,  # noqa: ARG002
        labels: torch.Tensor,  # noqa: ARG002
    ) -> torch.Tensor:
        """Return the generator's loss, float32 []; by default the mean logit of its fakes."""
        return fake_logits.mean()

    def penalizes_gradients(self) -> bool:
        """Whether this update's penalty needs the logits' gradients at the reals and fakes themselves."""
        return False

    def penalty(
        self,
        reals: torch.Tensor,  # noqa: ARG002
        fakes: torch.Tensor,
        labels: torch.Tensor,  # noqa: ARG002
        real_logits: torch.Tensor,  # noqa: ARG002
        fake_logits: torch.Tensor,  # noqa: ARG002
    ) -> torch.Tensor:
        """Return the penalty added to the discriminator's loss: float32 []."""
        return torch.zeros((), device=fakes.device)

    def update(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        discriminator, generator = self.networks["discriminator"], self.networks["generator"]
        discriminator.requires_grad_(True)
        for _ in range(self.discriminator_updates):
            with self.autocast():
                with torch.no_grad():
                    fakes = quantized(generator(self.normal(len(labels), self.latent), labels))
                reals = pictures.detach().requires_grad_(self.penalizes_gradients())
                fakes.requires_grad_(self.penalizes_gradients())
                real_logits, fake_logits = discriminator(reals, labels), discriminator(fakes, labels)
                discriminator_loss = self.discriminator_loss(real_logits, fake_logits)
                penalty = self.penalty(reals, fakes, labels, real_logits, fake_logits)
            minimize(discriminator_loss + penalty, self.optimizers["discriminator"])

        discriminator.requires_grad_(False)
        with self.autocast():
            fakes = quantized(generator(self.normal(len(labels), self.latent), labels))
            generator_loss = self.generator_loss(discriminator(fakes, labels), pictures, labels)
        minimize(generator_loss, self.optimizers["generator"])
        return means([discriminator_loss, generator_loss, penalty])

    def kept_steps(self) -> list[int]:
        return sorted({max(1, self.total // EARLY), self.total})

    def fit(self, digits: Digits, run: Run) -> float:
        seconds = super().fit(digits, run)
        self.load(self.sampling_tensors(run), digits)
        return seconds

    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:
        tensors, first = super().sampling_tensors(run), self.kept_steps()[0]
        # Runs from before there were early stages lack it.
        if first in run.steps():
            tensors |= prefixed("early.average", unprefixed("average", run.load(first)[0]))
        return tensors

    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:
        super().load(tensors, digits)
        if early := unprefixed("early", tensors):
            stage = type(self)(self.config)
            stage.restore_average(early)
            self.early = stage

    def generators(self, name: str, seconds: float) -> list[Generator]:
        final = super().generators(name, seconds)
        return (
            final if self.early is None else self.early.generators(f"{name}_early", seconds / EARLY) + final
        )

    def generate(
        self, random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
    ) -> torch.Tensor:
        noise = normal_noise(random, count, self.latent)
        chosen = torch.from_numpy(wanted_digits(random, count, digits))
        pictures: torch.Tensor = self.average(noise.to(self.device), chosen.to(self.device))
        return pictures


def squared_gradient(logits: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Return the squared norm of each logit's gradient by its picture, float32 [batch], differentiable."""
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.float().square().flatten(1).sum(1)
