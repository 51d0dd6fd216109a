"""The target of a training picture as one int64 code: real, fake or no digit, and which digit.

A real digit's code is the digit itself.
"""

from dataclasses import dataclass
from typing import Final

import torch

from train.data.mnist import CLASSES

FAKE: Final = CLASSES
"""Added to the digit that a fake was meant to show."""
UNKNOWN_FAKE: Final = 2 * CLASSES
"""A fake of an unknown digit."""
NON_DIGIT: Final = 2 * CLASSES + 1
"""A letter, a symbol, texture, several digits, nothing."""
UNKNOWN_DIGIT: Final = -100
"""In place of an unknown digit; cross-entropy ignores it."""


def fake_targets(digits: torch.Tensor) -> torch.Tensor:
    """Return codes int64 [n] of fakes; digits: int64 [n], 0 to 9 or `UNKNOWN_DIGIT`."""
    return torch.where(digits == UNKNOWN_DIGIT, UNKNOWN_FAKE, digits + FAKE)


def non_digit_targets(count: int) -> torch.Tensor:
    """Return codes int64 [count] of non-digits."""
    return torch.full((count,), NON_DIGIT)


@dataclass(frozen=True)
class Targets:
    """Decoded codes.

    real, fake, non_digit: bool [n], exactly one of them true. digit: int64 [n], 0 to 9 or `UNKNOWN_DIGIT`.
    """

    real: torch.Tensor
    fake: torch.Tensor
    non_digit: torch.Tensor
    digit: torch.Tensor


def decode(codes: torch.Tensor) -> Targets:
    """Return the targets of codes int64 [n]."""
    return Targets(
        real=codes < FAKE,
        fake=(codes >= FAKE) & (codes <= UNKNOWN_FAKE),
        non_digit=codes == NON_DIGIT,
        digit=torch.where(codes < UNKNOWN_FAKE, codes % CLASSES, UNKNOWN_DIGIT),
    )
