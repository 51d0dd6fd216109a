"""What a trained generator is to whoever samples it."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["real", "adversarial", "variational", "flow", "autoregressive", "classical", "flawed"]


class Sampler(Protocol):
    """Makes pictures: a function of its arguments alone."""

    def __call__(self, count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        """uint8 [count, 28, 28], 0 to 255, ink bright on dark 0.

        digits: int64 [count], what each picture shall show; None, and for a generator that is not
        conditional, what comes.
        """


@dataclass(frozen=True)
class Generator:
    """A trained generator as the judge and the detector use it.

    name: unique, and fit for a file's name, such as conditional_gan.
    kind: the family it belongs to; `real` for pictures that nobody generated, `flawed` for real ones that
        were damaged by hand.
    conditional: whether `digits` choose what it makes.
    seconds: what its training took.
    """

    name: str
    kind: Kind
    conditional: bool
    seconds: float
    sample: Sampler
