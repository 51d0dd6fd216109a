"""Real digits reconstructed by a generator: hard fakes, because only their details are generated.

They keep a detector from relying on a digit's overall shape, whose errors differ between generators, and
make it learn what all generated details have in common.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.mnist import Digits
from train.data.splits import own_seed
from train.generators.base import Alteration, Family, Generator, Sampler, altered_digits
from train.generators.flow import Flow
from train.generators.sharp_vae import SharpVae

BEGINNINGS: Final = (0.3, 0.5, 0.7)
"""Times that the flow starts from, each for a third of the digits: the share of a digit that is kept."""
# The names are part of the seeds: renaming a generator changes its pictures.
FLOW_NAME: Final = "flow_redrawn"
VAE_NAME: Final = "sharp_vae_redrawn"


def reconstruction_generators(families: Mapping[str, Family], digits: Digits) -> list[Generator]:
    """Return generators that reconstruct real digits with the flow and the autoencoder, where trained.

    families: trained ones by name. digits: what they learnt from, and what is reconstructed.
    """
    reconstructions = []
    for family in families.values():
        if isinstance(family, Flow):
            reconstructions.append(altered_digits(FLOW_NAME, family.kind, 0.0, digits, by_flow(family)))
        elif isinstance(family, SharpVae):
            reconstructions.append(altered_digits(VAE_NAME, family.kind, 0.0, digits, by_vae(family)))
    return reconstructions


def by_flow(flow: Flow) -> Alteration:
    def reconstruct(originals: Sampler, seed: int, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        own = own_seed(seed, FLOW_NAME)
        images = originals(len(labels), own, labels)
        parts = np.array_split(np.arange(len(images)), len(BEGINNINGS))
        return np.concatenate(
            [
                flow.reconstruct(images[part], labels[part], begin, own_seed(own, f"from {begin}"))
                for begin, part in zip(BEGINNINGS, parts, strict=True)
            ]
        )

    return reconstruct


def by_vae(vae: SharpVae) -> Alteration:
    def reconstruct(originals: Sampler, seed: int, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        return vae.reconstruct(originals(len(labels), own_seed(seed, VAE_NAME), labels), labels)

    return reconstruct
