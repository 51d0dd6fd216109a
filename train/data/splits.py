"""What is learnt from, what is tuned on, what is judged on: whatever is in one is in no other."""

import zlib
from typing import Final, Literal

import numpy as np

Split = Literal["train", "validation", "evaluation"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "evaluation")


def split_seed(seed: int, split: Split) -> int:
    """A seed for what is drawn for a split, 0 or more like the one given: no two pairs share one.

    Three times the seed, and 0 for training, 1 for validation, 2 for evaluation.
    """
    return len(SPLITS) * seed + SPLITS.index(split)


def own_seed(seed: int, name: str) -> int:
    """A seed of something's own, 0 to 2**32 - 1, where several would draw alike with the same one."""
    return int(np.random.SeedSequence((seed, zlib.crc32(name.encode()))).generate_state(1)[0])
