"""The detector's batches: who is in them, and that they depend on the seed and the step alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from train.config import DetectorConfig, from_preset
from train.data import mnist
from train.data.targets import fake_targets
from train.detector.feed import Batch, Pool, feed, pictures_per_step
from train.detector.learner import ClassWeights, DetectorLearner
from train.loop import Schedule, run_steps
from train.processes import Workers
from train.run import Run

OPTIONS = {"preset": "smoke", "device": "cpu", "threads": 1, "precision": "float32", "save_every": 2}
STEPS = 5


@pytest.fixture(scope="module")
def pool(dataset: str) -> Pool:
    """Real digits, half of them labelled as fakes; two and a half batches. None is there twice."""
    digits = mnist.load(dataset, "train").first(30)
    images = digits.images.numpy()
    codes = torch.where(torch.arange(30) < 15, digits.labels, fake_targets(digits.labels))
    return Pool(images, images, codes)


def schedule_of(seed: int = 0) -> Schedule:
    return Schedule(STEPS, 16, [STEPS], from_preset(DetectorConfig, {**OPTIONS, "seed": seed}))


def same(one: Batch, other: Batch) -> bool:
    return torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) and one[2] == other[2]


def test_half_of_a_batch_is_as_it_is_and_some_pictures_occur_both_ways(pool: Pool) -> None:
    images, codes, pairs = next(feed(pool, schedule_of(), Workers(1), 0))
    assert (len(images), pairs, pictures_per_step(16)) == (16, 4, 12)
    plain, changed = images[:8], images[8:]
    known = torch.from_numpy(pool.normalized).int()
    apart = [(known - image.int()).abs().amax((1, 2)) for image in images]
    # One level off, here and there.
    assert [int(pool.codes[each.argmin()]) for each in apart[:8]] == codes[:8].tolist()
    assert max(int(each.min()) for each in apart[:8]) == 1
    assert (plain.int() - known[[int(each.argmin()) for each in apart[:8]]]).ne(0).float().mean() < 0.05
    assert sum(int(each.min()) <= 1 for each in apart[8:]) < 4
    assert torch.equal(codes[:pairs], codes[-pairs:])
    like = [np.corrcoef(one.flatten(), two.flatten())[0, 1] for one, two in zip(plain, changed[-4:])]  # noqa: B905
    assert np.mean(like) > 0.5


def test_an_epoch_shows_each_picture_once_and_augments_it_anew(pool: Pool) -> None:
    made = list(feed(pool, schedule_of(), Workers(1), 0))
    # Batches of 12, 12 and 6 pictures.
    assert [pairs for *_, pairs in made] == [4, 4, 2, 4, 4]
    assert sum(len(images) - pairs for images, _, pairs in made[:3]) == len(pool.codes)
    augmented = [{image.numpy().tobytes() for image in images[len(images) // 2 :]} for images, *_ in made]
    unchanged = {image.tobytes() for image in pool.normalized}
    assert not (augmented[0] | augmented[1] | augmented[2]) & (augmented[3] | augmented[4]) - unchanged


def test_batches_depend_on_the_seed_and_the_step_alone(pool: Pool) -> None:
    made = list(feed(pool, schedule_of(), Workers(1), 0))
    with Workers(2) as workers:
        assert all(map(same, feed(pool, schedule_of(), workers, 0), made))
        later = list(feed(pool, schedule_of(), workers, 3))
    assert len(later) == 2
    assert all(map(same, later, made[3:]))
    assert not same(next(feed(pool, schedule_of(1), Workers(1), 0)), made[0])


def test_a_resumed_training_ends_with_the_same_weights(pool: Pool, tmp_path: Path) -> None:
    def trained(name: str, steps: int) -> dict[str, torch.Tensor]:
        learner = DetectorLearner(STEPS, 0, ClassWeights.of(pool.codes), torch.device("cpu"), (4, 8, 12))
        schedule = dataclasses.replace(schedule_of(), steps=steps)
        run_steps(
            learner,
            lambda start: (learner.step(*batch) for batch in feed(pool, schedule, Workers(1), start)),
            schedule,
            Run(tmp_path / name),
        )
        return learner.state()

    straight = trained("straight", STEPS)
    # Its last snapshot is that of step 2.
    trained("resumed", 3)
    assert Run(tmp_path / "resumed").steps() == [2]
    resumed = trained("resumed", STEPS)
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
