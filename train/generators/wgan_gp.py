"""Wasserstein distance with a gradient penalty: Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028."""

import torch

from train.generators.adversarial import AdversarialFamily, squared_slope


class WganGp(AdversarialFamily):
    """Equation 3 there, with the sign turned: the critic's score rises with fakeness, and is no log-odds.

    Cheaper than algorithm 1 there: three updates of the critic, not five, and all on the same reals.
    """

    steps = 1500
    learning_rate = 4e-4
    batch_size = 64
    discriminator_updates = 3
    weight = 10.0

    def discriminator_cost(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        return real_logits.mean() - fake_logits.mean()

    def penalty(
        self,
        reals: torch.Tensor,
        fakes: torch.Tensor,
        labels: torch.Tensor,
        real_logits: torch.Tensor,  # noqa: ARG002
        fake_logits: torch.Tensor,  # noqa: ARG002
    ) -> torch.Tensor:
        """Slope 1 on the lines between reals and fakes."""
        share = self.uniform(len(labels), 1, 1, 1)
        between = torch.lerp(reals.detach(), fakes.detach(), share).requires_grad_(True)
        logits = self.networks["discriminator"](between, labels)
        slopes = torch.sqrt(squared_slope(logits, between) + 1e-12)
        return self.weight * (slopes - 1).square().mean()
