"""The judge: it learns, its learner resumes where it stopped, and its features have their shape."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.judging import taught_judge
from train.checkpoint import load_snapshot, save_snapshot
from train.data.mnist import hold_out, load
from train.generators.classifier import (
    FEATURES,
    LEARNING_RATE,
    JudgeLearner,
    features_of,
    learning_rate,
    predict,
    probabilities_of,
)

CPU = torch.device("cpu")


def test_a_few_steps_teach_the_judge_most_digits(dataset: str) -> None:
    _, held_out = hold_out(load(dataset, "train"))
    images, labels = held_out.images[:200].numpy(), held_out.labels[:200].numpy()
    judge = taught_judge(dataset)
    assert (predict(judge, images) == labels).mean() > 0.7

    features = features_of(judge, images)
    assert features.shape == (len(images), FEATURES)
    assert features.dtype == np.float32
    assert np.allclose(features_of(judge, images[:5]), features[:5], atol=1e-4)
    probabilities = probabilities_of(judge, features)
    assert probabilities.shape == (len(images), 10)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_restored_learner_goes_on_bit_for_bit(dataset: str, tmp_path: Path, precision: str) -> None:
    digits = load(dataset, "train")
    batches = list(zip(digits.images.split(16), digits.labels.split(16), strict=True))[:4]
    straight = JudgeLearner(4, 0, CPU, precision)
    for batch in batches[:2]:
        straight.step(*batch)
    save_snapshot(tmp_path / "snapshot", straight.state(), {})
    expected = [straight.step(*batch) for batch in batches[2:]]

    resumed = JudgeLearner(4, 1, CPU, precision)
    resumed.restore(load_snapshot(tmp_path / "snapshot")[0])
    assert torch.equal(torch.stack([resumed.step(*batch) for batch in batches[2:]]), torch.stack(expected))
    assert all(torch.equal(tensor, straight.state()[name]) for name, tensor in resumed.state().items())


def test_a_step_tells_loss_and_accuracy_of_guesses(dataset: str) -> None:
    digits = load(dataset, "train")
    learner = JudgeLearner(1, 0, CPU)
    loss, accuracy = learner.step(digits.images[:64], digits.labels[:64]).tolist()
    assert len(JudgeLearner.watched) == 2
    assert loss == pytest.approx(math.log(10), abs=0.5)
    assert accuracy < 0.5


def test_the_learning_rate_is_one_cycle() -> None:
    rates = [learning_rate(step, 100) for step in range(100)]
    assert max(rates) == rates[20] == LEARNING_RATE
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[-1] < LEARNING_RATE / 100
