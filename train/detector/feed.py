"""The detector's batches: normalized pictures, as they are and augmented, new at every step.

Workers augment the pictures of the next steps meanwhile. A batch depends on the seed and its step alone, so a
resumed run, on any number of workers, gets the same ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from train.data.augment import nudged
from train.data.splits import own_seed
from train.data.treatments import NUDGED, augmented
from train.loop import Schedule, batches
from train.processes import Workers

Batch = tuple[torch.Tensor, torch.Tensor, int]
"""The arguments of `DetectorLearner.step`: pictures, codes, and the number of pairs."""


@dataclass(frozen=True)
class Pool:
    """All pictures to learn from: raw and normalized, uint8 [n, 28, 28] each, and their codes int64 [n]."""

    raw: NDArray[np.uint8]
    normalized: NDArray[np.uint8]
    codes: torch.Tensor


def pictures_per_step(batch_size: int) -> int:
    """Return how many pictures a batch shows: thirds of them as they are, augmented, and both ways."""
    return batch_size * 3 // 4


def feed(pool: Pool, schedule: Schedule, workers: Workers, start: int) -> Iterator[Batch]:
    """Yield the batches of the steps after `start`; in an epoch, each picture occurs once, or both ways once.

    Pictures as they are come first, and a batch begins and ends with those that occur both ways.
    """
    shown = replace(schedule, batch_size=pictures_per_step(schedule.batch_size))
    seed = own_seed(schedule.config.seed, "feed")

    def chosen() -> Iterator[NDArray[np.int64]]:
        for indices in batches(shown, len(pool.codes), start):
            yield indices.numpy()

    def calls() -> Iterator[tuple[NDArray[np.uint8], ...]]:
        for step, indices in enumerate(chosen(), start + 1):
            plain, changed = parts(indices)
            yield pool.normalized[plain], pool.raw[changed], pool.normalized[changed], np.array((seed, step))

    for indices, images in zip(chosen(), workers.imap(batch_images, calls()), strict=True):
        yield torch.from_numpy(images), pool.codes[np.concatenate(parts(indices))], len(indices) // 3


def parts(indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which pictures a batch shows as they are, and which augmented."""
    both, plain, changed = np.split(indices, [len(indices) // 3, 2 * (len(indices) // 3)])
    return np.concatenate([both, plain]), np.concatenate([changed, both])


def batch_images(
    plain: NDArray[np.uint8],
    raw: NDArray[np.uint8],
    normalized: NDArray[np.uint8],
    seeds: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Return a batch's pictures: `plain` nearly as they are, and the others augmented; see `augmented`."""
    random = np.random.default_rng(seeds)
    nearly = nudged(plain, random.uniform(0, NUDGED), random)
    return np.concatenate([nearly, augmented(raw, normalized, random)])
