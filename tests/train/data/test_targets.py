"""The codes of what a picture is say again what went into them."""

import torch

from train.data.targets import NO_DIGIT, decoded, fake_targets, other_targets, real_targets


def test_codes_keep_kind_and_digit() -> None:
    digits = torch.arange(10)
    wished = torch.tensor([0, 9, NO_DIGIT])
    codes = torch.cat([real_targets(digits), fake_targets(wished), other_targets(2)])
    assert codes.dtype == torch.int64

    targets = decoded(codes)
    assert targets.real.tolist() == [True] * 10 + [False] * 5
    assert targets.fake.tolist() == [False] * 10 + [True] * 3 + [False] * 2
    assert targets.other.tolist() == [False] * 13 + [True] * 2
    assert targets.digit.tolist() == [*range(10), 0, 9, NO_DIGIT, NO_DIGIT, NO_DIGIT]
