"""The digit classifier learns, its learner resumes exactly, and its features have their shape."""

from pathlib import Path

import numpy as np
import torch

from tests.support.runs import trained_classifier
from train.checkpoint import load_snapshot, save_snapshot
from train.data.mnist import hold_out, load
from train.generators.classifier import (
    FEATURES,
    ClassifierLearner,
    features_of,
    predict,
    probabilities_of,
)

CPU = torch.device("cpu")


def test_a_few_steps_teach_most_digits(dataset: str) -> None:
    _, held_out = hold_out(load(dataset, "train"))
    images, labels = held_out.images[:200].numpy(), held_out.labels[:200].numpy()
    classifier = trained_classifier(dataset)
    assert (predict(classifier, images) == labels).mean() > 0.7

    features = features_of(classifier, images)
    assert features.shape == (len(images), FEATURES)
    assert features.dtype == np.float32
    assert np.allclose(features_of(classifier, images[:5]), features[:5], atol=1e-4)
    assert np.allclose(probabilities_of(classifier, features).sum(1), 1, atol=1e-5)


def test_a_resumed_learner_is_bit_identical(dataset: str, tmp_path: Path) -> None:
    digits = load(dataset, "train")
    batches = list(zip(digits.images.split(16), digits.labels.split(16), strict=True))[:4]
    straight = ClassifierLearner(4, 0, CPU)
    for batch in batches[:2]:
        straight.step(*batch)
    save_snapshot(tmp_path / "snapshot", straight.state(), {})
    expected = [straight.step(*batch) for batch in batches[2:]]

    resumed = ClassifierLearner(4, 1, CPU)
    resumed.restore(load_snapshot(tmp_path / "snapshot")[0])
    assert torch.equal(torch.stack([resumed.step(*batch) for batch in batches[2:]]), torch.stack(expected))
    assert all(torch.equal(tensor, straight.state()[name]) for name, tensor in resumed.state().items())
