"""Examples: no picture in two splits, every picture with its origin, the same options the same examples."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from train.config import DetectorConfig
from train.data import mnist
from train.data.dataset import MNIST, NON_DIGIT, Examples, make_examples
from train.data.mnist import DATA_VARIABLE, Digits
from train.data.splits import Split
from train.data.targets import decode
from train.generators.base import Generator, Kind
from train.processes import Workers

CONFIG = DetectorConfig(samples=20, validation=20, reals=100, non_digits=30, copies=2, pen_copies=1)
KINDS: dict[str, tuple[Kind, bool]] = {"small_gan": ("adversarial", False), "flow": ("flow", True)}


def generator(name: str) -> Generator:
    """Blurred noise, which depends on name and seed, with ink that fills the frame."""
    kind, conditional = KINDS[name]

    def sample(count: int, seed: int, digits: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        assert (digits is not None) == conditional
        pictures = np.zeros((count, 28, 28), np.uint8)
        random = np.random.default_rng((seed, len(name)))
        pictures[:, 4:24, 4:24] = random.integers(0, 256, (count, 20, 20))
        return pictures

    return Generator(name, kind, conditional, 0.0, sample)


@pytest.fixture(scope="module")
def examples(few_digits: str) -> dict[Split, Examples]:
    known, held_out = mnist.hold_out(mnist.load(few_digits, "train"))
    splits: dict[Split, Digits] = {"train": known, "validation": held_out}
    with pytest.MonkeyPatch.context() as patch, Workers(1) as workers:
        # Without pen digits, which are tested by themselves.
        patch.setenv(DATA_VARIABLE, "")
        generators = [generator(name) for name in KINDS]
        return {
            split: make_examples(split, reals.first(60), generators, CONFIG, workers)
            for split, reals in splits.items()
        }


def picture_bytes(images: NDArray[np.uint8] | torch.Tensor) -> set[bytes]:
    return {image.tobytes() for image in np.asarray(images) if image.any()}


def test_every_group_has_its_codes_and_augmented_copies(examples: dict[Split, Examples]) -> None:
    found = examples["train"]
    assert list(found.names) == [MNIST, *KINDS, NON_DIGIT]
    assert found.kinds == {name: kind for name, (kind, _) in KINDS.items()}
    targets = decode(found.codes)
    for index, name in enumerate(found.names):
        copies = 1 if name == NON_DIGIT else CONFIG.copies
        originals, augmented = found.of(name), found.of(name, augmented=True)
        assert len(augmented) == copies * len(originals) > 0
        assert not np.array_equal(augmented[: len(originals)], originals)
        members = found.group == index
        assert bool(targets.fake[members].all()) == (name in KINDS)
        assert bool(targets.non_digit[members].all()) == (name == NON_DIGIT)
    wanted = targets.digit[found.group == found.names.index("flow")]
    assert torch.bincount(wanted).tolist() == [2 * (1 + CONFIG.copies)] * 10


def test_no_picture_is_in_two_splits(examples: dict[Split, Examples]) -> None:
    for name in (MNIST, *KINDS):
        one, other = (picture_bytes(each.of(name)) for each in examples.values())
        assert not one & other
