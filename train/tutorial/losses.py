"""The tutorial's objective: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, with logits.

Label y is 1 for fake and 0 for real, so a discriminator's logit is the log-odds of fake. The
notebook labels the other way round; binary cross-entropy is symmetric, so both learn the same.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def discriminator_loss(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    """Mean of the two classes' costs: -log(1 - p) over reals, -log p over fakes, in nats (eq. 1 there)."""
    real = binary_cross_entropy_with_logits(real_logits, torch.zeros_like(real_logits))
    fake = binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    return (real + fake) / 2


def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """The non-saturating form, -log(1 - p) over fakes (section 3 there): be labelled real. In nats."""
    return softplus(fake_logits).mean()


def rounded(pictures: torch.Tensor) -> torch.Tensor:
    """Round pictures in [0, 1] to k/255, as a file would hold them; gradients pass straight through.

    A generator's sigmoid is never exactly 0 and never exactly k/255, a real picture always is: seen
    unrounded, that alone tells the classes apart. Straight-through estimator: Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432.
    """
    return pictures + (torch.round(pictures * 255) / 255 - pictures).detach()
