"""The tutorial's losses: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, computed from logits.

Label y is 1 for fake and 0 for real, so a discriminator's logit is the log-odds of fake. The notebook uses
the opposite labels; binary cross-entropy is symmetric, so both learn the same.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def discriminator_loss(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    """Return the mean over both classes of -log(1 - p) for reals and -log p for fakes, in nats (eq. 1)."""
    real = binary_cross_entropy_with_logits(real_logits, torch.zeros_like(real_logits))
    fake = binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    return (real + fake) / 2


def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """Return the non-saturating loss, -log(1 - p) for fakes, in nats (section 3)."""
    return softplus(fake_logits).mean()


def quantized(pictures: torch.Tensor) -> torch.Tensor:
    """Round pictures in [0, 1] to k/255, like an 8-bit file; gradients pass straight through.

    A sigmoid never returns exactly 0 or k/255, while every real pixel is k/255: without rounding, that alone
    would tell the classes apart. Straight-through estimator: Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432.
    """
    return pictures + (torch.round(pictures * 255) / 255 - pictures).detach()
