"""Hinge loss with a spectrally normalized discriminator: Miyato et al. 2018, https://arxiv.org/abs/1802.05957."""

import torch
from torch.nn.functional import relu

from train.generators.adversarial import AdversarialFamily


class HingeGan(AdversarialFamily):
    """Equations 16 and 17, with the sign reversed: the score rises with fakeness."""

    steps = 1500
    batch_size = 64
    learning_rate = 4e-4
    spectral = True

    def discriminator_loss(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        return relu(1 + real_logits).mean() + relu(1 - fake_logits).mean()
