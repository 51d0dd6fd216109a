"""Real digits reconstructed by a generator: hard fakes, because only their details are generated.

They keep a detector from relying on a digit's overall shape, whose errors differ between generators, and
make it learn what all generated details have in common.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.config import GeneratorsConfig
from train.data.mnist import Digits
from train.data.splits import own_seed
from train.generators.base import Generator, Sampler, altered_digits
from train.generators.flow import Flow
from train.generators.sharp_vae import SharpVae
from train.run import Run

BEGINNINGS: Final = (0.3, 0.5, 0.7)
"""Times that the flow starts from, each for a third of the digits: the share of a digit that is kept."""


def reconstruction_generators(config: GeneratorsConfig, run: Run, digits: Digits) -> list[Generator]:
    """Return generators that reconstruct real digits with a run's flow and variational autoencoder.

    digits: what the run learnt from, and what is reconstructed.

    Raises:
        RunError: a run cannot be read or written.
    """
    flow, vae = Flow(config), SharpVae(config)
    # The names are part of the seeds: renaming a generator changes its pictures.
    flow_name, vae_name = "flow_redrawn", "sharp_vae_redrawn"

    def by_flow(originals: Sampler, seed: int, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        own = own_seed(seed, flow_name)
        images = originals(len(labels), own, labels)
        parts = np.array_split(np.arange(len(images)), len(BEGINNINGS))
        return np.concatenate(
            [
                flow.reconstruct(images[part], labels[part], begin, own_seed(own, f"from {begin}"))
                for begin, part in zip(BEGINNINGS, parts, strict=True)
            ]
        )

    def by_vae(originals: Sampler, seed: int, labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        return vae.reconstruct(originals(len(labels), own_seed(seed, vae_name), labels), labels)

    return [
        altered_digits(flow_name, flow.kind, flow.fit(digits, Run(run.folder / "flow")), digits, by_flow),
        altered_digits(vae_name, vae.kind, vae.fit(digits, Run(run.folder / "sharp_vae")), digits, by_vae),
    ]
