"""Training, validation and evaluation data, and the seeds that keep them apart."""

import zlib
from typing import Final, Literal

import numpy as np

Split = Literal["train", "validation", "evaluation"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "evaluation")


def split_seed(seed: int, split: Split) -> int:
    """Return a seed for a split: three times the seed, plus the split's index. No two pairs share one."""
    return len(SPLITS) * seed + SPLITS.index(split)


def own_seed(seed: int, name: str) -> int:
    """Return a seed for one of several named users of the same seed, 0 to 2**32 - 1."""
    return int(np.random.SeedSequence((seed, zlib.crc32(name.encode()))).generate_state(1)[0])
