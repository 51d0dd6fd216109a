"""Real digits redrawn by a generator: hard fakes, because only their details are generated.

Given these, a detector cannot rely on a digit's overall shape, which each generator gets wrong in its own
way, and has to find what all generated details have in common.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.config import GeneratorsConfig
from train.data.mnist import Digits
from train.data.splits import own_seed
from train.generators.base import Generator, real_digits
from train.generators.flow import Flow
from train.generators.sharp_vae import SharpVae
from train.run import Run

Reconstruct = Callable[[NDArray[np.uint8], NDArray[np.int64], int], NDArray[np.uint8]]
"""Redraws uint8 [n, 28, 28] of digits int64 [n] under a seed."""

BEGINNINGS: Final = (0.3, 0.5, 0.7)
"""Times that the flow starts from, each for a third of the digits: the share of a digit that is kept."""


def reconstruction_generators(config: GeneratorsConfig, run: Run, digits: Digits) -> list[Generator]:
    """Return generators that redraw real digits with a run's flow and variational autoencoder.

    digits: what the run learnt from, and what is redrawn.

    Raises:
        RunError: a run cannot be read or written.
    """
    flow, vae = Flow(config), SharpVae(config)

    def by_flow(images: NDArray[np.uint8], labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
        parts = np.array_split(np.arange(len(images)), len(BEGINNINGS))
        return np.concatenate(
            [
                flow.reconstruct(images[part], labels[part], begin, own_seed(seed, f"from {begin}"))
                for begin, part in zip(BEGINNINGS, parts, strict=True)
            ]
        )

    def by_vae(images: NDArray[np.uint8], labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:  # noqa: ARG001
        return vae.reconstruct(images, labels)

    # The names are part of the seeds: renaming a generator changes its pictures.
    return [
        reconstruction_generator(
            f"{name}_redrawn", family, family.fit(digits, Run(run.folder / name)), digits, reconstruct
        )
        for name, family, reconstruct in (("flow", flow, by_flow), ("sharp_vae", vae, by_vae))
    ]


def reconstruction_generator(
    name: str, family: Flow | SharpVae, seconds: float, known: Digits, reconstruct: Reconstruct
) -> Generator:
    """Return a generator that redraws samples of `real_digits`."""
    images, labels = known.images.cpu().numpy(), known.labels.cpu().numpy()
    originals = real_digits(name, images, labels)

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        if digits is None:
            digits = labels[np.random.default_rng(seed).integers(len(labels), size=count)]
        own = own_seed(seed, name)
        return reconstruct(originals.sample(count, own, digits), digits, own)

    return Generator(name, family.kind, True, seconds, sample)
