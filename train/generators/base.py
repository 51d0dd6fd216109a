"""What a family of generators is: something that fits real digits and then samples its own."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from train.config import GeneratorsConfig
from train.data.mnist import CLASSES, Digits
from train.generators.generator import Generator, Kind
from train.run import Run


class Family(ABC):
    """One way to make digits, fitted to 28x28 pictures.

    kind: adversarial, variational, flow, autoregressive or classical.
    conditional: whether it can be told which digit to make.
    """

    kind: ClassVar[Kind]
    conditional: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, config: GeneratorsConfig) -> None: ...

    @abstractmethod
    def fit(self, digits: Digits, run: Run) -> float:
        """Learn from digits, going on from the run's last snapshot; returns at once where it is finished.

        Returns the seconds spent on it in all.

        Raises:
            RunError: the run's folder cannot be written, or a snapshot in it cannot be read.
        """

    @abstractmethod
    def sample(self, count: int, seed: int, digits: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Make uint8 [count, 28, 28], ink bright on dark: the same arguments give the same digits.

        digits: int64 [count], 0 to 9, which to make; only where the family is conditional. None: any.
        """

    def generators(self, name: str, seconds: float) -> list[Generator]:
        """What the fitted family offers the judge and the detector: itself, unless it has several stages."""
        return [Generator(name, self.kind, self.conditional, seconds, self.sample)]


def any_digits(
    random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """The digits that were asked for, or as many drawn evenly from 0 to 9."""
    return random.integers(0, CLASSES, count) if digits is None else digits
