"""The pictures that detectors are examined with: none was learnt from, none was tuned on.

Every picture is asked several times: as raw pixels, through the one door, and through the door after each
corruption at each strength. No network learns from MNIST's test digits or is tuned on them; the zoo is
judged by them too, and the normaliser's rules were made with them in view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from train.checkpoint import load_snapshot, save_snapshot
from train.config import DetectorConfig
from train.data import mnist
from train.data.augment import Picture, resized
from train.data.fonts import printed_digits
from train.data.mnist import CLASSES
from train.data.non_digits import others
from train.data.pendigits import pen_digits
from train.data.prepare import as_it_is, prepare
from train.data.splits import split_seed
from train.errors import RunError
from train.evaluation.corruptions import CORRUPTIONS, STRENGTHS, Corruption
from train.generators.generator import Generator
from train.processes import Workers

MNIST: Final = "mnist"
PEN: Final = "pen"
PRINTED: Final = "printed"
OTHER: Final = "other"
RAW: Final = "pixels"
DOOR: Final = "door"

SMALL: Final = "small"
"""The same pictures as those that are enlarged, through the door without."""
ENLARGEMENTS: Final = {
    "enlarged-nearest": Image.Resampling.NEAREST,
    "enlarged-bilinear": Image.Resampling.BILINEAR,
    "enlarged-bicubic": Image.Resampling.BICUBIC,
    "enlarged-lanczos": Image.Resampling.LANCZOS,
}
FACTORS: Final = (2, 20)
SPARE: Final = 1.3
"""More samples are drawn than are asked for, because some generators repeat what was learnt from."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Exam:
    """pictures: (group, condition) → uint8 [n, 28, 28]; labels: group → int64 [n], of its `door` pictures.

    Groups: `mnist`, `pen`, `printed` (labels are digits), `other` (labels are indices into `others`), and
    the generators' names. Conditions: `pixels`, `door`, `NAME-STRENGTH` of each corruption, and for
    enlargements `small` and the keys of `ENLARGEMENTS`.
    """

    pictures: Mapping[tuple[str, str], Pixels]
    labels: Mapping[str, NDArray[np.int64]]
    others: Sequence[str]


def corrupted(name: str, strength: int) -> str:
    """The condition of one corruption at one strength."""
    return f"{name}-{strength}"


def kept_exam(path: Path, config: DetectorConfig, generators: Sequence[Generator], known: Pixels) -> Exam:
    """The exam of a file, made and saved first where there is none.

    known: uint8 [n, 28, 28], all that was learnt from, as normalised: no fake among it is asked.

    Raises:
        DataError: the data cannot be had. RunError: the file cannot be read or written, or a generator
            makes nothing that is new.
    """
    if not path.exists():
        with Workers(config.jobs) as workers:
            exam = make_exam(config, generators, known, workers)
        pictures = {"/".join(key): torch.from_numpy(each) for key, each in exam.pictures.items()}
        labels = {f"{group}#labels": torch.from_numpy(each) for group, each in exam.labels.items()}
        save_snapshot(path, pictures | labels, {"others": list(exam.others)})
    tensors, header = load_snapshot(path)
    return Exam(
        {
            (name.split("/")[0], name.split("/")[1]): tensor.numpy()
            for name, tensor in tensors.items()
            if "/" in name
        },
        {
            name.removesuffix("#labels"): tensor.numpy()
            for name, tensor in tensors.items()
            if name.endswith("#labels")
        },
        header["others"],
    )


def make_exam(
    config: DetectorConfig, generators: Sequence[Generator], known: Pixels, workers: Workers
) -> Exam:
    """See `kept_exam`."""
    seed = split_seed(config.seed, "evaluation")
    tested = mnist.load(config.dataset, "test")
    reals, digits = tested.images.numpy(), tested.labels.numpy()
    some = np.random.default_rng(seed).permutation(len(reals))[: config.changed_reals]
    pen = pen_digits("evaluation", config.pen_copies, config.seed, config.reals, workers)
    printed = printed_digits("evaluation", config.changed_reals, config.seed)
    strange = others("evaluation", config.changed_reals, config.seed, reals, digits)
    kinds = sorted(set(strange.kinds))

    through_door = partial(prepare, copies=1, seed=seed, workers=workers)
    pictures: dict[tuple[str, str], Pixels] = {
        (MNIST, RAW): reals,
        (MNIST, DOOR): through_door(reals, change=as_it_is)[:, 0],
        (PRINTED, DOOR): printed.images,
        (OTHER, DOOR): strange.images,
    }
    to_change = {MNIST: reals[some], OTHER: strange.images}
    if len(pen.images):
        pictures[PEN, DOOR] = pen.images
        to_change[PEN] = pen.images[: config.changed_reals]
    # What is left blank by the normaliser is nobody's in particular.
    learnt_from = {picture.tobytes() for picture in known if picture.any()}
    for generator in generators:
        raw, normalized = fresh(generator, config.exam, seed, learnt_from, workers)
        pictures[generator.name, RAW] = raw
        pictures[generator.name, DOOR] = normalized
        to_change[generator.name] = raw[: config.changed_fakes]
    for group, originals in to_change.items():
        for name, corruption in CORRUPTIONS.items():
            for strength in STRENGTHS:
                change = partial(changed, corruption, strength)
                pictures[group, corrupted(name, strength)] = through_door(originals, change=change)[:, 0]
        if group not in (PEN, OTHER):
            pictures[group, SMALL] = through_door(originals, change=as_it_is)[:, 0]
            for name, resampling in ENLARGEMENTS.items():
                pictures[group, name] = through_door(originals, change=partial(times, resampling))[:, 0]
    return Exam(
        pictures,
        {
            MNIST: digits,
            PEN: pen.labels,
            PRINTED: printed.labels,
            OTHER: np.array([kinds.index(kind) for kind in strange.kinds]),
        },
        kinds,
    )


def fresh(
    generator: Generator, count: int, seed: int, known: set[bytes], workers: Workers
) -> tuple[Pixels, Pixels]:
    """Samples uint8 [count, 28, 28], and the same normalised, none of which equals a known picture then.

    Fewer where so many of its samples are known. Raises RunError where all are.
    """
    drawn = int(count * SPARE)
    wanted = np.arange(drawn) % CLASSES if generator.conditional else None
    samples = generator.sample(drawn, seed, wanted)
    normalized = prepare(samples, 1, seed, workers, as_it_is)[:, 0]
    new = np.array([picture.tobytes() not in known for picture in normalized], np.bool_)
    if not new.any():
        raise RunError(
            f"All of {drawn} digits by {generator.name} were learnt from; train the zoo for longer."
        )
    return samples[new][:count], normalized[new][:count]


def changed(corruption: Corruption, strength: int, pixels: Pixels, random: np.random.Generator) -> Picture:
    """One corruption of uint8 [height, width]."""
    return corruption(pixels[..., np.newaxis], strength, random)


def times(resampling: Image.Resampling, pixels: Pixels, random: np.random.Generator) -> Picture:
    """Enlarged by a whole number or not, evenly drawn."""
    return resized(pixels[..., np.newaxis], random.uniform(*FACTORS), resampling)
