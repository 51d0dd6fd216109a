"""The detector's batches: who is in them, and that they depend on the seed and the step alone."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from train.config import DetectorConfig, from_preset
from train.data import mnist
from train.data.dataset import MNIST, NORMALIZED, PictureSet
from train.data.targets import fake_targets
from train.detector.feed import SHARES, WEIGHTS, Batch, Pool, feed
from train.detector.learner import DetectorLearner
from train.loop import Schedule, run_steps
from train.processes import Workers
from train.run import Run

OPTIONS = {"preset": "smoke", "device": "cpu", "threads": 1, "precision": "float32", "save_every": 2}
STEPS = 5


@pytest.fixture(scope="module")
def pool(dataset: str) -> Pool:
    """Real digits, two thirds of them labelled as the fakes of two generators. None is there twice."""
    digits = mnist.load(dataset, "train").first(30)
    images, fake = digits.images.numpy(), fake_targets(digits.labels).numpy()
    codes = {MNIST: digits.labels.numpy()[:10], "flow": fake[10:20], "vae": fake[20:]}
    parts = {group: images[10 * index :][:10] for index, group in enumerate(codes)}
    return Pool.of(
        PictureSet(
            {(group, NORMALIZED): part for group, part in parts.items()}, codes, {"flow": "flow", "vae": "v"}
        )
    )


def schedule_of(seed: int = 0) -> Schedule:
    return Schedule(STEPS, 16, [STEPS], from_preset(DetectorConfig, {**OPTIONS, "seed": seed}))


def same(one: Batch, other: Batch) -> bool:
    return torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) and one[2] == other[2]


def test_first_all_pictures_are_as_they_are_then_half_and_some_occur_both_ways(pool: Pool) -> None:
    made = list(feed(pool, schedule_of(), Workers(1), 0))
    assert [(len(images), pairs) for images, _, pairs in made] == [(16, 0)] * 2 + [(16, 4)] * 3
    known = torch.from_numpy(pool.normalized).int()
    for (images, codes, pairs), plain in ((made[0], 16), (made[-1], 8)):
        apart = [(known - image.int()).abs().amax((1, 2)) for image in images]
        # One level off, here and there.
        assert [int(pool.codes[each.argmin()]) for each in apart[:plain]] == codes[:plain].tolist()
        assert max(int(each.min()) for each in apart[:plain]) <= 1
        originals = known[[int(each.argmin()) for each in apart[:plain]]]
        assert (images[:plain].int() - originals).ne(0).float().mean() < 0.05
        assert sum(int(each.min()) <= 1 for each in apart[plain:]) < 4
        assert torch.equal(codes[:pairs], codes[len(codes) - pairs :])
    images, codes, pairs = made[-1]
    like = [
        np.corrcoef(one.flatten(), two.flatten())[0, 1]
        for one, two in zip(images[:pairs], images[-pairs:], strict=True)
    ]
    assert np.mean(like) > 0.5


def test_groups_are_shown_by_their_shares_and_all_of_their_pictures(pool: Pool) -> None:
    weights = pool.class_weights
    assert weights.real + weights.fake == pytest.approx(1)
    assert weights.real / weights.fake == pytest.approx(SHARES[MNIST] / (1 - sum(SHARES.values())))
    drawn = pool.draw(20_000, np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=30).reshape(3, 10)
    assert counts.sum(1) / len(drawn) == pytest.approx(pool.shares, abs=0.02)
    assert pool.shares[1] / pool.shares[2] == pytest.approx(WEIGHTS["flow"])
    # Each of a group as often as the others.
    assert (counts.std(1) < 0.2 * counts.mean(1)).all()


def test_batches_depend_on_the_seed_and_the_step_alone(pool: Pool) -> None:
    made = list(feed(pool, schedule_of(), Workers(1), 0))
    with Workers(2) as workers:
        assert all(map(same, feed(pool, schedule_of(), workers, 0), made))
        later = list(feed(pool, schedule_of(), workers, 3))
    assert len(later) == 2
    assert all(map(same, later, made[3:]))
    assert not same(next(feed(pool, schedule_of(1), Workers(1), 0)), made[0])


def test_a_resumed_training_ends_with_the_same_weights(pool: Pool, tmp_path: Path) -> None:
    def trained(name: str, steps: int = STEPS) -> dict[str, torch.Tensor]:
        learner = DetectorLearner(STEPS, 0, pool.class_weights, torch.device("cpu"), (4, 8, 12))

        def learn(start: int) -> Iterator[torch.Tensor]:
            for batch in islice(feed(pool, schedule_of(), Workers(1), start), steps):
                yield learner.step(*batch)

        run_steps(learner, learn, schedule_of(), Run(tmp_path / name))
        return learner.state()

    straight = trained("straight")
    # Its last snapshot is that of step 2.
    trained("resumed", 3)
    assert Run(tmp_path / "resumed").steps() == [2]
    resumed = trained("resumed")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
