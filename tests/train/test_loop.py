"""The order of the pictures, and the spacing of snapshots. Resuming is tested with the tutorial's GAN."""

import torch

from train.config import TutorialConfig
from train.loop import Schedule, batches, snapshot_steps, steps_per_epoch


def test_snapshots_are_spaced_logarithmically() -> None:
    assert snapshot_steps(46_900, 8) == [0, 46, 146, 463, 1469, 4660, 14783, 46900]
    assert snapshot_steps(1, 8) == [0, 1]
    assert snapshot_steps(100, 2) == [0, 100]


def test_batches_can_start_anywhere() -> None:
    schedule = Schedule(15, 10, [15], TutorialConfig())
    whole = list(batches(schedule, 47, 0))
    assert len(whole) == 3 * steps_per_epoch(10, 47) == 15
    assert sorted(torch.cat(whole[:5]).tolist()) == list(range(47))
    for start in (0, 1, 5, 14, 15):
        rest = list(batches(schedule, 47, start))
        assert len(rest) == 15 - start
        assert all(torch.equal(one, other) for one, other in zip(rest, whole[start:], strict=True))


def test_a_last_batch_too_small_for_batchnorm_is_dropped() -> None:
    assert steps_per_epoch(10, 43) == 4
    assert steps_per_epoch(10, 44) == 5
