"""What is learnt from, what is tuned on, what is judged on: whatever is in one is in no other."""

from typing import Final, Literal

Split = Literal["train", "validation", "evaluation"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "evaluation")


def split_seed(seed: int, split: Split) -> int:
    """A seed for what is drawn for a split, 0 or more like the one given: no two pairs share one.

    Three times the seed, and 0 for training, 1 for validation, 2 for evaluation.
    """
    return len(SPLITS) * seed + SPLITS.index(split)
