"""What a picture in the detector's training set is, as one int64: whose hand, and which digit."""

from dataclasses import dataclass
from typing import Final

import torch

from train.data.mnist import CLASSES

FAKE: Final = CLASSES
"""Added to the digit that a fake was meant to show."""
UNKNOWN_FAKE: Final = 2 * CLASSES
"""A fake of whichever digit."""
OTHER: Final = 2 * CLASSES + 1
"""No digit: a letter, a symbol, texture, several digits, nothing."""
NO_DIGIT: Final = -100
"""In place of a digit that is not known; what cross-entropy leaves out."""


def real_targets(digits: torch.Tensor) -> torch.Tensor:
    """Codes int64 [n] of real handwriting: the digits, int64 [n], 0 to 9."""
    return digits.clone()


def fake_targets(digits: torch.Tensor) -> torch.Tensor:
    """Codes int64 [n] of fakes; digits: int64 [n], 0 to 9, or `NO_DIGIT` where it is not known."""
    return torch.where(digits == NO_DIGIT, UNKNOWN_FAKE, digits + FAKE)


def other_targets(count: int) -> torch.Tensor:
    """Codes int64 [count] of what is no digit."""
    return torch.full((count,), OTHER)


@dataclass(frozen=True)
class Targets:
    """What codes say.

    real, fake, other: bool [n], one of them true. digit: int64 [n], 0 to 9 or `NO_DIGIT`.
    """

    real: torch.Tensor
    fake: torch.Tensor
    other: torch.Tensor
    digit: torch.Tensor


def decoded(codes: torch.Tensor) -> Targets:
    """The targets of codes int64 [n]."""
    return Targets(
        real=codes < FAKE,
        fake=(codes >= FAKE) & (codes <= UNKNOWN_FAKE),
        other=codes == OTHER,
        digit=torch.where(codes < UNKNOWN_FAKE, codes % CLASSES, NO_DIGIT),
    )
