"""The digit classifier learns, its learner resumes exactly, and its features have their shape."""

import numpy as np
import torch

from tests.support.runs import trained_classifier
from train.data.mnist import hold_out, load
from train.generators.classifier import (
    FEATURES,
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
