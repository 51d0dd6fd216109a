"""Augmented pictures: changed, and still the same digits."""

import pytest
import torch

from train.data.affine import augmented
from train.data.mnist import load


def test_augmented_pictures_differ_by_little(dataset: str) -> None:
    pictures = load(dataset, "train").images[:100, None].float() / 255
    changed = augmented(pictures, torch.Generator().manual_seed(0))
    assert changed.shape == pictures.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    assert not torch.equal(changed, pictures)
    assert changed.mean() == pytest.approx(pictures.mean().item(), rel=0.1)
