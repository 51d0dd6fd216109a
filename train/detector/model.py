"""The detector: one small network that separates fakes from reals, reads the digit, and rejects non-digits.

At this size, generators differ from handwriting in fine detail: the profile of a stroke's edge, the grey
levels beside it, faint pixels around it. So nothing is discarded early: the first three convolutions run at
the full 28x28, and the network gets three versions of the picture (`views`).
"""

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import avg_pool2d, relu

from train.data.mnist import CLASSES

FAINT: Final = 16
"""Factor that amplifies faint ink: levels 0 to 15 of 255 are spread over the whole range."""
VIEWS: Final = 3
CHUNK: Final = 500


class Detector(nn.Module):
    """28x28 → 14x14 → 7x7, a residual block at each; mean and maximum over the last; three linear heads.

    Takes float32 [batch, 1, 28, 28] in [0, 1]. Returns the log-odds of fake, given that it is a digit,
    float32 [batch]; the digits' logits, float32 [batch, 10]; the log-odds of being a digit, float32 [batch].

    widths: channels at 28x28, 14x14 and 7x7.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.trunk = nn.Sequential(
            convolution(VIEWS, fine),
            Residual(fine),
            convolution(fine, middle, stride=2),
            Residual(middle),
            convolution(middle, coarse, stride=2),
            Residual(coarse),
        )
        self.heads = nn.Linear(2 * coarse, CLASSES + 2)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = self.trunk(views(pictures))
        # A texture shows in the mean, a single artifact in the maximum.
        outputs = self.heads(torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], 1)).float()
        return outputs[:, 0], outputs[:, 2:], outputs[:, 1]


class Residual(nn.Module):
    """Two convolutions added to their input: He et al. 2016, https://arxiv.org/abs/1512.03385."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return relu(hidden + cast(torch.Tensor, self.second(self.first(hidden))))


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """A 3x3 convolution with BatchNorm, which the exporter folds into it."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def views(pictures: torch.Tensor) -> torch.Tensor:
    """Return pictures, their fine detail and their faint ink as channels: float32 [batch, 3, 28, 28].

    Detail is the difference from the mean of 3x3 pixels, the simplest of the residual filters used in
    forensics (Fridrich and Kodovský 2012, https://doi.org/10.1109/TIFS.2012.2190402).
    """
    detail = pictures - avg_pool2d(pictures, 3, stride=1, padding=1)
    return torch.cat([pictures, detail, (pictures * FAINT).clamp(max=1)], 1)


def in_domain_of(pictures: torch.Tensor, domain_logit: torch.Tensor) -> torch.Tensor:
    """Return the probability of being one handwritten digit, float32 [batch]; 0 without ink."""
    return torch.sigmoid(domain_logit) * (pictures.amax((1, 2, 3)) > 0)


@torch.no_grad()
def scores_of(
    detector: Detector, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Score uint8 [n, 28, 28], in float32.

    Returns the raw log-odds of fake [n]; the digits' probabilities [n, 10], whose rows sum to 1; the
    probability of being a digit at all [n]; all float32.
    """
    detector.eval()
    device = detector.heads.weight.device
    logits, digits, domains = [], [], []
    for part in torch.from_numpy(images).split(CHUNK):
        pictures = part[:, None].to(device).float() / 255
        fake_logit, digit_logits, domain_logit = detector(
            pictures.contiguous(memory_format=torch.channels_last)
        )
        logits.append(fake_logit.cpu())
        digits.append(digit_logits.softmax(1).cpu())
        domains.append(in_domain_of(pictures, domain_logit).cpu())
    return torch.cat(logits).numpy(), torch.cat(digits).numpy(), torch.cat(domains).numpy()
