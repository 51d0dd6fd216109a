"""What the detector learns from and is calibrated on: real digits, fakes and non-digits, made once and kept.

Training pictures are kept raw and normalized: `train.detector.feed` augments the raw ones anew at every step.
Validation pictures are kept normalized: as they are, augmented, and some of them photographed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import load_snapshot, save_snapshot
from train.config import DetectorConfig
from train.data.augment import keep, prepare
from train.data.mnist import CLASSES, Digits
from train.data.non_digits import non_digits
from train.data.pendigits import pen_digits
from train.data.splits import Split, split_seed
from train.data.styles import styled_digits
from train.data.targets import UNKNOWN_DIGIT, fake_targets, non_digit_targets
from train.data.treatments import photographed
from train.errors import RunError
from train.generators.base import Generator
from train.generators.decoders import NAMES as DECODER_NAMES
from train.processes import Workers

# Groups of pictures, beside the generators; also their names in reports.
MNIST: Final = "mnist"
PEN: Final = "pen"
STYLED: Final = "styled"
NON_DIGIT: Final = "other"

# Conditions of pictures.
RAW: Final = "pixels"
NORMALIZED: Final = "normalized"
AUGMENTED: Final = "augmented"
PHOTOGRAPHED: Final = "photographed"
MORE: Final = {"conditional_gan": 4, "flow": 4, "r3gan": 4}
"""How many times `samples` fakes are made of the generators that are hardest to tell."""
LABELS: Final = "labels"
"""In place of a condition in a file: the labels of a group."""


@dataclass(frozen=True)
class PictureSet:
    """Pictures of several groups, each under several conditions.

    images: (group, condition) → uint8 [n, 28, 28]; n is smaller for `PHOTOGRAPHED`. labels: group → int64
    [n], of its `NORMALIZED` pictures. kinds: name of a generator → its kind.
    """

    images: Mapping[tuple[str, str], NDArray[np.uint8]]
    labels: Mapping[str, NDArray[np.int64]]
    kinds: Mapping[str, str]

    def without(self, groups: Collection[str]) -> "PictureSet":
        """Return the set without some groups."""
        return PictureSet(
            {key: each for key, each in self.images.items() if key[0] not in groups},
            {group: each for group, each in self.labels.items() if group not in groups},
            {group: kind for group, kind in self.kinds.items() if group not in groups},
        )

    def together(self, condition: str = NORMALIZED) -> Digits:
        """Return the pictures of all groups under one condition, with their labels.

        Where a group is not kept under the condition, it is the same as normalized.
        """
        images = [
            self.images.get((group, condition), self.images[group, NORMALIZED]) for group in self.labels
        ]
        labels = torch.from_numpy(np.concatenate(list(self.labels.values())))
        return Digits(torch.from_numpy(np.concatenate(images)), labels)


def kept_set(path: Path, make: Callable[[], PictureSet]) -> PictureSet:
    """Load a set from a file; make and save it first if it does not exist.

    Raises:
        RunError: the file cannot be read or written.
    """
    if not path.exists():
        made = make()
        arrays = {**made.images, **{(group, LABELS): each for group, each in made.labels.items()}}
        tensors = {"/".join(key): torch.from_numpy(each) for key, each in arrays.items()}
        save_snapshot(path, tensors, {"names": list(tensors), "kinds": dict(made.kinds)})
    tensors, header = load_snapshot(path)
    images, labels = {}, {}
    try:
        for name in header["names"]:
            group, condition = name.split("/")
            if condition == LABELS:
                labels[group] = tensors[name].numpy()
            else:
                images[group, condition] = tensors[name].numpy()
    except (KeyError, ValueError) as error:
        raise RunError(f"{path} is of another version; delete it, and it is made again.") from error
    return PictureSet(images, labels, header["kinds"])


def make_examples(
    split: Split, reals: Digits, generators: Sequence[Generator], config: DetectorConfig, workers: Workers
) -> PictureSet:
    """Make the examples of one split from its real digits and new samples under its own seeds.

    Conditions: `NORMALIZED`, and for training `RAW` where that differs, for validation `AUGMENTED` and
    `PHOTOGRAPHED`. Labels: codes of `train.data.targets`.

    Raises:
        DataError: the pen digits cannot be read.
    """
    seed = split_seed(config.seed, split)
    pictures: dict[tuple[str, str], NDArray[np.uint8]] = {}
    codes: dict[str, NDArray[np.int64]] = {}
    kinds = {each.name: each.kind for each in generators}

    def add(name: str, pixels: NDArray[np.uint8], labels: torch.Tensor) -> None:
        normalized = prepare(pixels, seed, workers, keep)
        pictures[name, NORMALIZED] = normalized
        if split != "train":
            pictures[name, AUGMENTED] = prepare(pixels, seed, workers)
            most = config.photographed_fakes if name in kinds else config.corrupted_reals
            pictures[name, PHOTOGRAPHED] = photographed(pixels[:most], "train", seed, workers)
        elif not np.array_equal(pixels, normalized):
            pictures[name, RAW] = pixels
        codes[name] = labels.numpy()

    images, digits = reals.images.cpu(), reals.labels.cpu()
    add(MNIST, images.numpy(), digits)
    pen, pen_labels = pen_digits(split, config.pen_copies, config.seed, config.reals, workers)
    if len(pen):
        add(PEN, pen, torch.from_numpy(pen_labels))
    # By the same hands, since there are few.
    styled = config.styled if split == "train" else config.corrupted_reals
    written, written_labels = styled_digits("train", styled, seed, workers)
    add(STYLED, written, torch.from_numpy(written_labels))
    for generator in generators:
        redrawn = generator.name in DECODER_NAMES
        wanted_count = config.redrawn if redrawn else config.samples * MORE.get(generator.name, 1)
        count = wanted_count if split == "train" else config.validation
        wanted = np.arange(count) % CLASSES if generator.conditional else None
        pixels = generator.sample(count, seed, wanted)
        meant = np.full(count, UNKNOWN_DIGIT) if wanted is None else wanted
        add(generator.name, pixels, fake_targets(torch.from_numpy(meant)))
    strange = non_digits(split, config.non_digits, config.seed, images.numpy(), digits.numpy())
    add(NON_DIGIT, strange, non_digit_targets(len(strange)))
    return PictureSet(pictures, codes, kinds)
