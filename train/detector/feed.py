"""The detector's batches: first normalized pictures as they are; later half are augmented, anew each time.

Workers augment the pictures of the next steps meanwhile. A batch depends on the seed and its step alone, so a
resumed run, on any number of workers, gets the same ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.data.augment import nudged
from train.data.dataset import MNIST, NON_DIGIT, NORMALIZED, PEN, RAW, STYLED, PictureSet
from train.data.splits import own_seed
from train.data.targets import decode
from train.data.treatments import NUDGED, augmented
from train.detector.learner import ClassWeights
from train.loop import Schedule
from train.processes import Workers

Batch = tuple[torch.Tensor, torch.Tensor, int]
"""The arguments of `DetectorLearner.step`: pictures, codes, and the number of pairs."""

SHARES: Final = {MNIST: 0.3, PEN: 0.12, STYLED: 0.03, NON_DIGIT: 0.06}
"""Shares of these groups in a batch; generators share the rest."""
WEIGHTS: Final = {
    "conditional_gan": 6.0,
    "flow": 6.0,
    "r3gan": 3.0,
    "pixel_cnn": 2.0,
    "decoders": 8.0,
    "decoders_adversarial": 8.0,
}
"""How much more often than others some generators are shown: the hardest, and those that are many in one."""
PLAIN: Final = 0.5
"""Share of the steps without augmented pictures: traces must be known before they can be found in noise."""


@dataclass(frozen=True)
class Pool:
    """All pictures to learn from, and how often those of each group are shown.

    raw, normalized: uint8 [n, 28, 28]; codes: int64 [n]. sizes, shares: of each group, int64 [groups] and
    float [groups], which sum to n and 1.
    """

    raw: NDArray[np.uint8]
    normalized: NDArray[np.uint8]
    codes: torch.Tensor
    sizes: NDArray[np.int64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, examples: PictureSet) -> "Pool":
        """Return the pool of a set."""
        normalized = examples.together(NORMALIZED)
        weights = {name: WEIGHTS.get(name, 1.0) for name in examples.kinds}
        left = 1 - sum(SHARES.values())
        shares = {name: left * weight / sum(weights.values()) for name, weight in weights.items()} | SHARES
        shown = np.array([shares[group] for group in examples.labels])
        return cls(
            examples.together(RAW).images.numpy(),
            normalized.images.numpy(),
            normalized.labels,
            np.array([len(codes) for codes in examples.labels.values()]),
            shown / shown.sum(),
        )

    @property
    def class_weights(self) -> ClassWeights:
        """The shares of reals, fakes and non-digits in what is shown."""
        targets = decode(self.codes[np.cumsum(self.sizes) - 1])
        kinds = (targets.real, targets.fake, targets.non_digit)
        return ClassWeights(*(float(self.shares[kind.numpy()].sum()) for kind in kinds))

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Draw the indices of pictures, int64 [count]."""
        groups = random.choice(len(self.shares), count, p=self.shares)
        ends = np.cumsum(self.sizes)[groups]
        return ends - 1 - random.integers(self.sizes[groups])


def feed(pool: Pool, schedule: Schedule, workers: Workers, start: int) -> Iterator[Batch]:
    """Yield the batches of the steps after `start`.

    After the first `PLAIN` of the steps, a quarter of a batch's pictures occur both ways: it begins and ends
    with them. Pictures as they are come first.
    """
    seed = own_seed(schedule.config.seed, "feed")

    def chosen() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], int]]:
        for step in range(start + 1, schedule.steps + 1):
            random = np.random.default_rng((seed, step, 0))
            if step <= PLAIN * schedule.steps:
                yield pool.draw(schedule.batch_size, random), np.zeros(0, np.int64), 0
            else:
                pairs = schedule.batch_size // 4
                both, plain, changed = pool.draw(3 * pairs, random).reshape(3, pairs)
                yield np.concatenate([both, plain]), np.concatenate([changed, both]), pairs

    def calls() -> Iterator[tuple[NDArray[np.uint8], ...]]:
        for step, (plain, changed, _) in enumerate(chosen(), start + 1):
            seeds = np.array((seed, step, 1))
            yield pool.normalized[plain], pool.raw[changed], pool.normalized[changed], seeds

    for (plain, changed, pairs), images in zip(chosen(), workers.imap(batch_images, calls()), strict=True):
        yield torch.from_numpy(images), pool.codes[np.concatenate([plain, changed])], pairs


def batch_images(
    plain: NDArray[np.uint8],
    raw: NDArray[np.uint8],
    normalized: NDArray[np.uint8],
    seeds: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Return a batch's pictures: `plain` nearly as they are, and the others augmented; see `augmented`."""
    random = np.random.default_rng(seeds)
    nearly = nudged(plain, random.uniform(0, NUDGED), random)
    return np.concatenate([nearly, augmented(raw, normalized, random)]) if len(raw) else nearly
