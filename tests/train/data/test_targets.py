"""Codes keep what was put into them, and seeds of different splits never coincide."""

import torch

from train.data.splits import SPLITS, own_seed, split_seed
from train.data.targets import UNKNOWN_DIGIT, decode, fake_targets, non_digit_targets


def test_codes_keep_kind_and_digit() -> None:
    digits = torch.arange(10)
    wanted = torch.tensor([0, 9, UNKNOWN_DIGIT])
    codes = torch.cat([digits, fake_targets(wanted), non_digit_targets(2)])
    assert codes.dtype == torch.int64

    targets = decode(codes)
    assert targets.real.tolist() == [True] * 10 + [False] * 5
    assert targets.fake.tolist() == [False] * 10 + [True] * 3 + [False] * 2
    assert targets.non_digit.tolist() == [False] * 13 + [True] * 2
    assert targets.digit.tolist() == [*range(10), 0, 9, UNKNOWN_DIGIT, UNKNOWN_DIGIT, UNKNOWN_DIGIT]


def test_no_two_splits_share_a_seed() -> None:
    seeds = [split_seed(seed, split) for seed in range(100) for split in SPLITS]
    own = [own_seed(seed, name) for seed in seeds for name in ("rough", "mixed", "from 0.3")]
    assert len(set(seeds)) == len(seeds)
    assert len(set(own)) == len(own)
    assert not set(own) & set(seeds)
