"""Interfaces of a trained generator and of a family of generators."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from train.config import GeneratorsConfig
from train.data.mnist import CLASSES, Digits
from train.run import Run

Kind = Literal["real", "adversarial", "variational", "flow", "autoregressive", "classical", "artifact"]


Sampler = Callable[[int, int, NDArray[np.int64] | None], NDArray[np.uint8]]
"""Generates `count` pictures, uint8 [count, 28, 28], bright ink on 0, from `seed` and `digits` alone.

digits: int64 [count], the digit each picture is to show; None for random ones, and always for an
unconditional generator.
"""


@dataclass(frozen=True)
class Generator:
    """A trained generator.

    name: unique, and valid as a file name, such as conditional_gan.
    kind: of its family; `real` for real digits in place of generated ones, `artifact` for real digits with
        synthetic artifacts.
    conditional: whether `digits` determine what it generates.
    seconds: training time.
    """

    name: str
    kind: Kind
    conditional: bool
    seconds: float
    sample: Sampler


class Family(ABC):
    """A method of generating digits of 28x28 pixels.

    untrimmed: prefixes of the sampling tensors that would make a trimmed run too large.
    """

    kind: ClassVar[Kind]
    conditional: ClassVar[bool] = False
    untrimmed: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __init__(self, config: GeneratorsConfig) -> None: ...

    @abstractmethod
    def fit(self, digits: Digits, run: Run) -> float:
        """Learn from digits, resuming from the run's last snapshot; a finished run returns at once.

        Returns the total seconds spent.

        Raises:
            RunError: the run's folder cannot be written, or a snapshot in it cannot be read.
        """

    @abstractmethod
    def sampling_tensors(self, run: Run) -> dict[str, torch.Tensor]:
        """Return all that sampling needs of a finished run.

        Raises:
            RunError: the run is not finished, or cannot be read.
        """

    @abstractmethod
    def load(self, tensors: Mapping[str, torch.Tensor], digits: Digits) -> None:
        """Get ready to sample, as after `fit` on `digits`, from `sampling_tensors` in any precision."""

    @abstractmethod
    def sample(self, count: int, seed: int, digits: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Generate digits; see `Sampler`."""

    def generators(self, name: str, seconds: float) -> list[Generator]:
        """Return the fitted family's generators: one, unless it keeps several stages of training."""
        return [Generator(name, self.kind, self.conditional, seconds, self.sample)]


def wanted_digits(
    random: np.random.Generator, count: int, digits: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Return the given digits, or `count` uniformly random ones."""
    return random.integers(0, CLASSES, count) if digits is None else digits


def real_digits(name: str, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Generator:
    """Return a conditional generator that samples real pictures uint8 [n, 28, 28] of digits int64 [n].

    No picture repeats within one call, unless more of a digit are wanted than exist. `sample` raises
    ValueError for a digit without pictures.
    """

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        order = np.random.default_rng(seed).permutation(len(images))
        if digits is None:
            return images[np.resize(order, count)]
        chosen = np.empty(count, np.int64)
        for digit in np.unique(digits):
            places = np.flatnonzero(digits == digit)
            candidates = order[labels[order] == digit]
            if len(candidates) == 0:
                raise ValueError(f"There is no real {digit} among the {len(images)} pictures.")
            chosen[places] = np.resize(candidates, len(places))
        return images[chosen]

    return Generator(name, "real", True, 0.0, sample)


Alteration = Callable[[Sampler, int, NDArray[np.int64]], NDArray[np.uint8]]
"""Alters real digits, given the sampler of `real_digits`, a seed, and the digits int64 [n] to show."""


def altered_digits(
    name: str,
    kind: Kind,
    seconds: float,
    known: Digits,
    alter: Alteration,
) -> Generator:
    """Return a conditional generator that alters real digits."""
    images, labels = known.images.cpu().numpy(), known.labels.cpu().numpy()
    originals = real_digits(name, images, labels).sample

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        if digits is None:
            digits = labels[np.random.default_rng(seed).integers(len(labels), size=count)]
        return alter(originals, seed, digits)

    return Generator(name, kind, True, seconds, sample)
