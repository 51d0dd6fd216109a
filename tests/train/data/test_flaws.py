"""Flaws made by hand: the digit stays what it was, but it is no longer as it was."""

import numpy as np
import pytest
import torch

from train.data import mnist
from train.data.artifacts import CHUNK, FLAWS, Flaw, checkered, flaw_makers, hazy, shaken, speckled, spliced
from train.data.mnist import Digits
from train.generators.reals import real_digits

ALL = [flaw for _, flaws in FLAWS.values() for flaw in flaws]


@pytest.fixture(scope="module")
def digits(dataset: str) -> Digits:
    return mnist.load(dataset, "train")


@pytest.fixture(scope="module")
def pairs(digits: Digits) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits and others of the same classes, float32 [40, 1, 28, 28] in [0, 1]."""
    deck = real_digits("deck", digits.images.numpy(), digits.labels.numpy())
    wanted = np.arange(40) % 10
    one, other = (torch.from_numpy(deck.sample(40, seed, wanted))[:, None].float() / 255 for seed in (0, 1))
    return one, other


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("flaw", ALL, ids=lambda flaw: flaw.__name__)
def test_a_flaw_changes_pictures_and_leaves_the_digit(
    flaw: Flaw, pairs: tuple[torch.Tensor, torch.Tensor]
) -> None:
    one, other = pairs
    changed = flaw(one, other, drawn()).clamp(0, 1)
    assert changed.shape == one.shape
    levels = (changed - one).abs().amax((1, 2, 3)) * 255
    assert (levels >= 4).float().mean() > 0.9
    likeness = [
        torch.corrcoef(torch.stack(pair))[0, 1]
        for pair in zip(changed.flatten(1), one.flatten(1), strict=True)
    ]
    assert torch.stack(likeness).median() > 0.85
    # Drawn by chance, and by nothing else.
    assert torch.equal(changed, flaw(one, other, drawn()).clamp(0, 1))
    assert not torch.equal(changed, flaw(one, other, drawn(1)).clamp(0, 1))


def test_flaws_stay_where_they_belong(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    one, other = pairs
    blank = torch.zeros_like(one)
    for flaw in (hazy, shaken, checkered):
        assert not flaw(blank, blank, drawn()).any()
    few = (speckled(one, other, drawn()) != one).float().mean((1, 2, 3))
    assert few.max() < 0.2
    mixed = spliced(one, other, drawn())
    assert (mixed <= torch.maximum(one, other) + 1e-6).all()
    assert (mixed >= torch.minimum(one, other) - 1e-6).all()


def test_a_checker_repeats(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    full = torch.ones_like(pairs[0])
    change = checkered(full, full, drawn()) - full
    assert torch.allclose(change[..., 4:12, 4:12], change[..., 12:20, 12:20], atol=1e-6)
    assert change.std() > 0.01


def test_makers_are_functions_of_seed_and_digits(digits: Digits) -> None:
    count = 2 * CHUNK + 7
    wanted = np.arange(count) % 10
    for maker in flaw_makers(digits):
        assert maker.kind == FLAWS[maker.name][0]
        made, again, other = (maker.sample(count, seed, wanted) for seed in (3, 3, 4))
        assert made.shape == (count, 28, 28)
        assert made.dtype == np.uint8
        assert np.array_equal(made, again)
        assert not np.array_equal(made, other)
        originals = real_digits(maker.name, digits.images.numpy(), digits.labels.numpy())
        unchanged = (made == originals.sample(count, 3, wanted)).all((1, 2))
        assert unchanged.mean() < 0.1
        assert maker.sample(5, 0, None).shape == (5, 28, 28)
