"""What a family of generators is: something that fits real digits and then samples its own."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from train.data import Digits
from train.run import Run

CLASSES: Final = 10
"""The digits 0 to 9."""


class Family(ABC):
    """One way to make digits, fitted to 28x28 pictures.

    kind: adversarial, variational, flow, autoregressive or classical.
    conditional: whether it can be told which digit to make.
    """

    kind: ClassVar[str]
    conditional: ClassVar[bool] = False

    @abstractmethod
    def fit(self, digits: Digits, run: Run) -> None:
        """Learn from digits, going on from the run's last snapshot; returns at once where it is finished.

        Raises:
            RunError: the run's folder cannot be written, or a snapshot in it cannot be read.
        """

    @abstractmethod
    def sample(self, count: int, seed: int, digits: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Make uint8 [count, 28, 28], ink bright on dark: the same arguments give the same digits.

        digits: int64 [count], 0 to 9, which to make; only where the family is conditional. None: any.
        """


def any_digits(
    random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """The digits that were asked for, or as many drawn evenly from 0 to 9."""
    return random.integers(0, CLASSES, count) if digits is None else digits
