"""What the detector learns from and is tuned on: real digits, fakes and what is no digit, made once and kept.

Reals and fakes go through the same: some as they are, some through what happens in the wild, all through
the one door.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from train.checkpoint import load_snapshot, save_snapshot
from train.config import DetectorConfig
from train.data.mnist import Digits
from train.data.non_digits import others
from train.data.pendigits import pen_digits
from train.data.pool import NO_DIGIT as NOT_ASKED
from train.data.pool import fill_pool
from train.data.prepare import as_it_is, prepare
from train.data.splits import Split, split_seed
from train.data.targets import NO_DIGIT, fake_targets, other_targets, real_targets
from train.generators.generator import Generator
from train.processes import Workers

MNIST = "mnist"
PEN = "pen"
OTHER = "other"


@dataclass(frozen=True)
class Examples:
    """Normalised pictures uint8 [n, 28, 28], their codes int64 [n], and which of `names` each belongs to.

    names: `mnist`, `pen`, `other`, or a generator's. group: int64 [n], an index into names.
    kinds: a generator's name → its kind. wild: bool [n], whether something happened to it on the way.
    """

    images: torch.Tensor
    codes: torch.Tensor
    group: torch.Tensor
    wild: torch.Tensor
    names: Sequence[str]
    kinds: dict[str, str]

    def of(self, name: str, wild: bool = False) -> NDArray[np.uint8]:
        """The pictures of one group, as they are or from the wild."""
        chosen = (self.group == self.names.index(name)) & (self.wild == wild)
        return self.images[chosen].numpy()

    def without(self, generators: Collection[str]) -> "Examples":
        """All but what some generators made."""
        left_out = [index for index, name in enumerate(self.names) if name in generators]
        kept = ~torch.isin(self.group, torch.tensor(left_out, dtype=torch.int64))
        return Examples(
            self.images[kept],
            self.codes[kept],
            self.group[kept],
            self.wild[kept],
            self.names,
            {name: its for name, its in self.kinds.items() if name not in generators},
        )

    def digits(self) -> Digits:
        """As the shared loop takes them: the codes for labels."""
        return Digits(self.images, self.codes)


def kept_examples(path: Path, make: Callable[[], Examples]) -> Examples:
    """The examples of a file, made and saved first where there is none.

    Raises:
        RunError: the file cannot be read or written.
    """
    if not path.exists():
        made = make()
        tensors = {
            "images": made.images,
            "codes": made.codes,
            "group": made.group,
            "wild": made.wild.to(torch.uint8),
        }
        save_snapshot(path, tensors, {"names": list(made.names), "kinds": made.kinds})
    tensors, header = load_snapshot(path)
    return Examples(
        tensors["images"],
        tensors["codes"],
        tensors["group"],
        tensors["wild"].bool(),
        header["names"],
        header["kinds"],
    )


def make_examples(
    split: Split, reals: Digits, generators: Sequence[Generator], config: DetectorConfig, workers: Workers
) -> Examples:
    """Examples of one split: reals of that split, and fresh samples of its own seeds.

    Raises:
        DataError: the pen digits cannot be read.
    """
    images: list[NDArray[np.uint8]] = []
    codes: list[torch.Tensor] = []
    group: list[int] = []
    wild: list[bool] = []
    names: list[str] = []

    def add(name: str, pixels: NDArray[np.uint8], targets: torch.Tensor, changed: bool) -> None:
        if name not in names:
            names.append(name)
        images.append(pixels)
        codes.append(targets)
        group.extend([names.index(name)] * len(pixels))
        wild.extend([changed] * len(pixels))

    seed = split_seed(config.seed, split)
    samples, copies = (config.samples, config.copies) if split == "train" else (config.validation, 1)

    def add_both(name: str, pixels: NDArray[np.uint8], targets: torch.Tensor, copies: int) -> None:
        add(name, prepare(pixels, 1, seed, workers, as_it_is)[:, 0], targets, False)
        changed = prepare(pixels, copies, seed, workers)
        add(name, changed.reshape(-1, *pixels.shape[1:]), targets.repeat_interleave(copies), True)

    add_both(MNIST, reals.images.cpu().numpy(), real_targets(reals.labels.cpu()), copies)
    pen = pen_digits(split, config.pen_copies, config.seed, config.reals, workers)
    if len(pen.images):
        add_both(PEN, pen.images, real_targets(torch.from_numpy(pen.labels)), copies)
    pool = fill_pool(generators, samples, split, config.seed)
    asked = torch.from_numpy(np.where(pool.digits == NOT_ASKED, NO_DIGIT, pool.digits))
    targets = fake_targets(asked)
    for name in dict.fromkeys(pool.names.tolist()):
        chosen = pool.names == name
        add_both(name, pool.images[chosen], targets[torch.from_numpy(chosen)], copies)
    strange = others(
        split, config.others, config.seed, reals.images.cpu().numpy(), reals.labels.cpu().numpy()
    )
    # One fate is enough of what is easy to tell; but without any, a codec's traces would mean a digit.
    add_both(OTHER, strange.images, other_targets(len(strange.images)), copies=1)
    return Examples(
        torch.from_numpy(np.concatenate(images)),
        torch.cat(codes),
        torch.tensor(group),
        torch.tensor(wild),
        names,
        {each.name: each.kind for each in generators},
    )
