"""The detector's training and validation pictures: real digits, fakes and non-digits, made once and kept.

Every picture appears normalized as it is, and as augmented copies that are normalized too.
"""

from collections.abc import Callable, Collection, Sequence
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
from train.data.targets import UNKNOWN_DIGIT, fake_targets, non_digit_targets
from train.generators.base import Generator
from train.processes import Workers

MNIST: Final = "mnist"
PEN: Final = "pen"
NON_DIGIT: Final = "other"
"""Non-digits; the name is also used in reports."""


@dataclass(frozen=True)
class Examples:
    """Normalized pictures uint8 [n, 28, 28], their codes int64 [n] (see `train.data.targets`), their origin.

    names: groups: `mnist`, `pen`, `other` (non-digits), and generators. group: int64 [n], index into names.
    augmented: bool [n]. kinds: name of a generator → its kind.
    """

    images: torch.Tensor
    codes: torch.Tensor
    group: torch.Tensor
    augmented: torch.Tensor
    names: Sequence[str]
    kinds: dict[str, str]

    def of(self, name: str, augmented: bool = False) -> NDArray[np.uint8]:
        """Return the pictures of one group: the originals, or the augmented copies."""
        chosen = (self.group == self.names.index(name)) & (self.augmented == augmented)
        return self.images[chosen].numpy()

    def without(self, generators: Collection[str]) -> "Examples":
        """Return all examples but those of some generators."""
        left_out = [index for index, name in enumerate(self.names) if name in generators]
        kept = ~torch.isin(self.group, torch.tensor(left_out, dtype=torch.int64))
        return Examples(
            self.images[kept],
            self.codes[kept],
            self.group[kept],
            self.augmented[kept],
            self.names,
            {name: kind for name, kind in self.kinds.items() if name not in generators},
        )


def kept_examples(path: Path, make: Callable[[], Examples]) -> Examples:
    """Load examples from a file; make and save them first if it does not exist.

    Raises:
        RunError: the file cannot be read or written.
    """
    if not path.exists():
        made = make()
        tensors = {
            "images": made.images,
            "codes": made.codes,
            "group": made.group,
            "augmented": made.augmented.to(torch.uint8),
        }
        save_snapshot(path, tensors, {"names": list(made.names), "kinds": made.kinds})
    tensors, header = load_snapshot(path)
    return Examples(
        tensors["images"],
        tensors["codes"],
        tensors["group"],
        tensors["augmented"].bool(),
        header["names"],
        header["kinds"],
    )


def make_examples(
    split: Split, reals: Digits, generators: Sequence[Generator], config: DetectorConfig, workers: Workers
) -> Examples:
    """Make the examples of one split from its real digits and new samples under its own seeds.

    Raises:
        DataError: the pen digits cannot be read.
    """
    seed = split_seed(config.seed, split)
    samples, copies = (config.samples, config.copies) if split == "train" else (config.validation, 1)
    parts: list[tuple[str, NDArray[np.uint8], torch.Tensor, bool]] = []

    def add(name: str, pixels: NDArray[np.uint8], codes: torch.Tensor, copies: int = copies) -> None:
        parts.append((name, prepare(pixels, 1, seed, workers, keep)[:, 0], codes, False))
        augmented = prepare(pixels, copies, seed, workers)
        parts.append(
            (name, augmented.reshape(-1, *augmented.shape[2:]), codes.repeat_interleave(copies), True)
        )

    images, labels = reals.images.cpu(), reals.labels.cpu()
    add(MNIST, images.numpy(), labels)
    pen, pen_labels = pen_digits(split, config.pen_copies, config.seed, config.reals, workers)
    if len(pen):
        add(PEN, pen, torch.from_numpy(pen_labels))
    for generator in generators:
        wanted = np.arange(samples) % CLASSES if generator.conditional else None
        pixels = generator.sample(samples, seed, wanted)
        digits = np.full(samples, UNKNOWN_DIGIT) if wanted is None else wanted
        add(generator.name, pixels, fake_targets(torch.from_numpy(digits)))
    strange = non_digits(split, config.non_digits, config.seed, images.numpy(), labels.numpy())
    # One copy suffices, as they are easy to tell; without any, traces of a codec would mean a digit.
    add(NON_DIGIT, strange, non_digit_targets(len(strange)), copies=1)

    names = list(dict.fromkeys(name for name, *_ in parts))
    sizes = torch.tensor([len(part) for _, part, _, _ in parts])
    return Examples(
        torch.from_numpy(np.concatenate([part for _, part, _, _ in parts])),
        torch.cat([codes for _, _, codes, _ in parts]),
        torch.tensor([names.index(name) for name, *_ in parts]).repeat_interleave(sizes),
        torch.tensor([augmented for *_, augmented in parts]).repeat_interleave(sizes),
        names,
        {each.name: each.kind for each in generators},
    )
