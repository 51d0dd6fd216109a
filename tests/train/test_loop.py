"""The order of the pictures, the spacing of snapshots, and that a restored learner goes on exactly."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from train.checkpoint import load_snapshot, save_snapshot
from train.config import GeneratorsConfig, TutorialConfig, from_preset
from train.data.mnist import load
from train.detector.learner import ClassWeights, DetectorLearner
from train.generators.build import FAMILIES
from train.generators.classifier import ClassifierLearner
from train.generators.learned import LearnedFamily
from train.loop import Learner, Schedule, batches, snapshot_steps, steps_per_epoch

CPU = torch.device("cpu")
STEPS = 4


def family(kind: type[LearnedFamily], seed: int) -> LearnedFamily:
    options = {"preset": "smoke", "precision": "float32", "threads": 1, "device": "cpu", "seed": seed}
    learner = kind(from_preset(GeneratorsConfig, options))
    learner.total = STEPS
    return learner


LEARNERS: dict[str, Callable[[int], Learner]] = {
    "classifier": lambda seed: ClassifierLearner(STEPS, seed, CPU),
    "detector": lambda seed: DetectorLearner(STEPS, seed, ClassWeights(0.5, 0.3, 0.2), CPU, (8, 16, 24)),
    **{
        name: lambda seed, kind=kind: family(kind, seed)  # type: ignore[misc]
        for name, kind in FAMILIES.items()
        if issubclass(kind, LearnedFamily)
    },
}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.usefixtures("narrow")
def test_a_restored_learner_goes_on_exactly(name: str, few_digits: str, tmp_path: Path) -> None:
    digits = load(few_digits, "train")
    straight, resumed = LEARNERS[name](0), LEARNERS[name](1)

    def learn(learner: Learner, steps: range) -> None:
        for step in steps:
            part = slice(8 * step, 8 * step + 8)
            values = learner.step(digits.images[part], digits.labels[part])
            assert values.shape == (len(learner.watched),)
            assert torch.isfinite(values).all()

    learn(straight, range(2))
    save_snapshot(tmp_path / "snapshot", straight.state(), {})
    resumed.restore(load_snapshot(tmp_path / "snapshot")[0])
    for learner in (straight, resumed):
        learn(learner, range(2, STEPS))
    expected, found = straight.state(), resumed.state()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)


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
    # A last batch too small for BatchNorm is dropped.
    assert (steps_per_epoch(10, 43), steps_per_epoch(10, 44)) == (4, 5)
