"""Relativistic pairing with gradient penalties on reals and fakes: R3GAN, Huang et al. 2024.

https://arxiv.org/abs/2501.05441: the objective alone, on this project's small networks.
"""

from typing import ClassVar, Final

import torch
from torch.nn.functional import softplus

from train.generators.adversarial import AdversarialFamily, squared_gradient

PERIOD: Final = 4


class R3Gan(AdversarialFamily):
    """Equations 2 to 4, with the sign reversed: the logit rises with fakeness."""

    steps = 3000
    batch_size = 64
    learning_rate = 8e-4
    weight: ClassVar[float] = 0.1

    def discriminator_loss(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        return softplus(real_logits - fake_logits).mean()

    def generator_loss(
        self, fake_logits: torch.Tensor, reals: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        real_logits = self.networks["discriminator"](reals, labels)
        return softplus(fake_logits - real_logits).mean()

    def penalizes_gradients(self) -> bool:
        return self.done.item() % PERIOD == 0

    def penalty(
        self,
        reals: torch.Tensor,
        fakes: torch.Tensor,
        labels: torch.Tensor,  # noqa: ARG002
        real_logits: torch.Tensor,
        fake_logits: torch.Tensor,
    ) -> torch.Tensor:
        """R1 and R2, zero-centred (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406).

        Applied lazily, in one of `PERIOD` updates at `PERIOD` times the weight: Karras et al. 2020,
        https://arxiv.org/abs/1912.04958, appendix B.
        """
        if not self.penalizes_gradients():
            return torch.zeros((), device=fakes.device)
        squares = squared_gradient(real_logits, reals) + squared_gradient(fake_logits, fakes)
        return PERIOD * self.weight / 2 * squares.mean()
