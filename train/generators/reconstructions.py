"""Real digits that a generator drew again: the hardest fakes, since only the drawing is the generator's.

A detector that is shown them cannot go by what a digit looks like as a whole, which every generator gets
wrong in a way of its own, and has to find what their drawing has in common.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.config import GeneratorsConfig
from train.data.mnist import Digits
from train.data.splits import own_seed
from train.generators.flow import Flow
from train.generators.generator import Generator
from train.generators.reals import real_digits
from train.generators.sharp_vae import SharpVae
from train.run import Run

Drawer = Callable[[NDArray[np.uint8], NDArray[np.int64], int], NDArray[np.uint8]]
"""Draws uint8 [n, 28, 28] of digits int64 [n] again, with a seed: returns the like."""

BEGINNINGS: Final = (0.3, 0.5, 0.7)
"""How much of a digit is left where the flow goes on from, in turn."""


def redrawers(config: GeneratorsConfig, run: Run, digits: Digits) -> list[Generator]:
    """What a zoo's flow and variational autoencoder make of real digits, each as a generator of its kind.

    digits: those that the zoo learnt from, and that are drawn again.

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

    return [
        redrawing(f"{name}_redrawn", family, family.fit(digits, Run(run.folder / name)), digits, drawer)
        for name, family, drawer in (("flow", flow, by_flow), ("sharp_vae", vae, by_vae))
    ]


def redrawing(name: str, family: Flow | SharpVae, seconds: float, known: Digits, drawer: Drawer) -> Generator:
    """A generator that draws the digits that `real_digits` deals out."""
    images, labels = known.images.cpu().numpy(), known.labels.cpu().numpy()
    originals = real_digits(name, images, labels)

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        if digits is None:
            digits = labels[np.random.default_rng(seed).integers(len(labels), size=count)]
        own = own_seed(seed, name)
        return drawer(originals.sample(count, own, digits), digits, own)

    return Generator(name, family.kind, True, seconds, sample)
