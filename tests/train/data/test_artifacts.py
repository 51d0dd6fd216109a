"""Artifacts change a digit's details but leave it readable."""

import numpy as np
import pytest
import torch

from train.data import mnist
from train.data.artifacts import (
    ARTIFACTS,
    CHUNK,
    Artifact,
    artifact_generators,
)
from train.data.mnist import Digits
from train.generators.base import real_digits

ALL = [artifact for _, artifacts in ARTIFACTS.values() for artifact in artifacts]


@pytest.fixture(scope="module")
def digits(dataset: str) -> Digits:
    return mnist.load(dataset, "train")


@pytest.fixture(scope="module")
def pairs(digits: Digits) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits, and others of the same classes, float32 [40, 1, 28, 28] in [0, 1]."""
    deck = real_digits("deck", digits.images.numpy(), digits.labels.numpy())
    wanted = np.arange(40) % 10
    one, other = (torch.from_numpy(deck.sample(40, seed, wanted))[:, None].float() / 255 for seed in (0, 1))
    return one, other


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("artifact", ALL, ids=lambda artifact: artifact.__name__)
def test_an_artifact_changes_details_and_leaves_the_digit(
    artifact: Artifact, pairs: tuple[torch.Tensor, torch.Tensor]
) -> None:
    one, other = pairs
    changed = artifact(one, other, drawn()).clamp(0, 1)
    assert changed.shape == one.shape
    levels = (changed - one).abs().amax((1, 2, 3)) * 255
    assert (levels >= 4).float().mean() > 0.9
    likeness = [
        torch.corrcoef(torch.stack(pair))[0, 1]
        for pair in zip(changed.flatten(1), one.flatten(1), strict=True)
    ]
    assert torch.stack(likeness).median() > 0.85
    assert torch.equal(changed, artifact(one, other, drawn()).clamp(0, 1))
    assert not torch.equal(changed, artifact(one, other, drawn(1)).clamp(0, 1))


def test_artifact_generators_are_reproducible(digits: Digits) -> None:
    count = 2 * CHUNK + 7
    wanted = np.arange(count) % 10
    for generator in artifact_generators(digits):
        assert generator.kind == ARTIFACTS[generator.name][0]
        made, again, other = (generator.sample(count, seed, wanted) for seed in (3, 3, 4))
        assert made.shape == (count, 28, 28)
        assert made.dtype == np.uint8
        assert np.array_equal(made, again)
        assert not np.array_equal(made, other)
        assert generator.sample(5, 0, None).shape == (5, 28, 28)
