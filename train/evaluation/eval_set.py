"""The evaluation set: pictures that no detector was trained or calibrated on, under many conditions.

Every picture appears as raw pixels, normalized, and normalized after each corruption at each strength. No
network is trained or calibrated on MNIST's test digits; but the generators' report uses them, and the
normalizer's rules were developed on them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from train.config import DetectorConfig
from train.data import augment, mnist
from train.data.augment import BoundedChange, Picture, Range, keep, prepare, resize
from train.data.dataset import MNIST, NON_DIGIT, NORMALIZED, PEN, PHOTOGRAPHED, RAW, STYLED, PictureSet
from train.data.fonts import printed_digits
from train.data.mnist import CLASSES
from train.data.non_digits import non_digits
from train.data.pendigits import pen_digits
from train.data.splits import split_seed
from train.data.styles import styled_digits
from train.data.treatments import photographed
from train.errors import RunError
from train.generators.base import Generator
from train.processes import Workers

PRINTED: Final = "printed"

SMALL: Final = "small"
"""The pictures of the enlargements, normalized at their own size."""
ENLARGEMENTS: Final = {
    "enlarged-nearest": Image.Resampling.NEAREST,
    "enlarged-bilinear": Image.Resampling.BILINEAR,
    "enlarged-bicubic": Image.Resampling.BICUBIC,
    "enlarged-lanczos": Image.Resampling.LANCZOS,
}
FACTORS: Final = (2, 20)
NUDGED: Final = "nudged"
NUDGED_SHARE: Final = 0.02
"""Share of the pixels that are off by one level."""
SPARE: Final = 1.3
"""Samples are drawn in excess, because some generators repeat training fakes."""
STRENGTHS: Final = (1, 2, 3)

Pixels = NDArray[np.uint8]


def combine(picture: Picture, qualities: Range, random: np.random.Generator) -> Picture:
    """Enlarge up to 20 times, place on a canvas, and save as JPEG."""
    larger = augment.enlarge(picture, (1, 20), random)
    return augment.jpeg(augment.place_on_canvas(larger, (1, 2), random), qualities, random)


COMBINED: Final = "wild"
"""Its name in reports."""
CORRUPTIONS: Final[Mapping[str, tuple[BoundedChange, tuple[Range, Range, Range]]]] = {
    "enlarged": (augment.enlarge, ((1.25, 3), (3, 8), (8, 20))),
    # A small scan's digit of 16 pixels, and smaller ones.
    "shrunk": (augment.shrink, ((21, 26), (17, 21), (14, 17))),
    "canvas": (augment.place_on_canvas, ((1, 1.5), (1.5, 2), (2, 3))),
    "jpeg": (augment.jpeg, ((80, 95), (60, 80), (40, 60))),
    "webp": (augment.webp, ((80, 95), (60, 80), (40, 60))),
    "blur": (augment.blur, ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8))),
    "noise": (augment.add_noise, ((1, 3), (3, 6), (6, 10))),
    "shifted": (augment.shift, ((0, 0.5), (0.5, 1), (1, 2))),
    # All strengths together make JPEG at 50 to 95.
    COMBINED: (combine, ((80, 95), (65, 80), (50, 65))),
}
"""Name → the change, and the bounds of its amount at each of `STRENGTHS`: factors, side or distance in pixels
of 28, noise in levels of 255, JPEG and WebP quality."""


def corrupted(name: str, strength: int) -> str:
    """Return the condition of one corruption at one strength."""
    return f"{name}-{strength}"


def make_eval_set(
    config: DetectorConfig, generators: Sequence[Generator], known: Iterable[Pixels], workers: Workers
) -> PictureSet:
    """Make the evaluation set.

    Groups: `mnist`, `pen`, `styled`, `printed`, whose labels are digits, `other` (non-digits), and
    generators. Conditions: `RAW`, `NORMALIZED`, `NAME-STRENGTH` of each corruption, `PHOTOGRAPHED`, `SMALL`,
    the keys of `ENLARGEMENTS`, and `NUDGED`.

    known: all training pictures, normalized, each uint8 [n, 28, 28]; no fake of the set equals one of them.

    Raises:
        DataError: a data set is missing. RunError: all samples of a generator are training fakes.
    """
    seed = split_seed(config.seed, "evaluation")
    tested = mnist.load(config.dataset, "test")
    reals, digits = tested.images.numpy(), tested.labels.numpy()
    chosen = np.random.default_rng(seed).permutation(len(reals))[: config.corrupted_reals]
    pen, pen_labels = pen_digits("evaluation", config.pen_copies, config.seed, config.reals, workers)
    styled, styled_labels = styled_digits("evaluation", config.corrupted_reals, seed, workers)
    printed, printed_labels = printed_digits("evaluation", config.corrupted_reals, config.seed)
    strange = non_digits("evaluation", config.corrupted_reals, config.seed, reals, digits)

    normalized = partial(prepare, seed=seed, workers=workers)
    pictures: dict[tuple[str, str], Pixels] = {
        (MNIST, RAW): reals,
        (MNIST, NORMALIZED): normalized(reals, change=keep),
        (STYLED, NORMALIZED): styled,
        (PRINTED, NORMALIZED): printed,
        (NON_DIGIT, NORMALIZED): strange,
    }
    to_corrupt = {MNIST: reals[chosen], STYLED: styled, NON_DIGIT: strange}
    if len(pen):
        pictures[PEN, NORMALIZED] = pen
        to_corrupt[PEN] = pen[: config.corrupted_reals]
    # Blank pictures are excepted: generators may share them.
    learnt_from = {picture.tobytes() for each in known for picture in each if picture.any()}
    for generator in generators:
        raw, pictures[generator.name, NORMALIZED] = new_samples(
            generator, config.evaluation, seed, learnt_from, workers
        )
        pictures[generator.name, RAW] = raw
        to_corrupt[generator.name] = raw[: config.corrupted_fakes]
    kinds = {each.name: each.kind for each in generators}
    for group, originals in to_corrupt.items():
        for name, (corruption, ranges) in CORRUPTIONS.items():
            for strength, bounds in zip(STRENGTHS, ranges, strict=True):
                change = partial(corrupt, corruption, bounds)
                pictures[group, corrupted(name, strength)] = normalized(originals, change=change)
        some = originals[: config.photographed_fakes] if group in kinds else originals
        pictures[group, PHOTOGRAPHED] = photographed(some, "evaluation", seed, workers)
        if group not in (PEN, STYLED, NON_DIGIT):
            pictures[group, SMALL] = normalized(originals, change=keep)
            for name, resampling in ENLARGEMENTS.items():
                change = partial(enlarge_with, resampling)
                pictures[group, name] = normalized(originals, change=change)
            pictures[group, NUDGED] = normalized(originals, change=nudge)
    labels = {MNIST: digits, PEN: pen_labels, STYLED: styled_labels, PRINTED: printed_labels}
    return PictureSet(pictures, labels, kinds)


def new_samples(
    generator: Generator, count: int, seed: int, known: set[bytes], workers: Workers
) -> tuple[Pixels, Pixels]:
    """Return samples uint8 [count, 28, 28], raw and normalized, that are not known once normalized.

    Fewer if too many are known; raises RunError if all are.
    """
    drawn = int(count * SPARE)
    wanted = np.arange(drawn) % CLASSES if generator.conditional else None
    samples = generator.sample(drawn, seed, wanted)
    normalized = prepare(samples, seed, workers, keep)
    new = np.array([picture.tobytes() not in known for picture in normalized], np.bool_)
    if not new.any():
        raise RunError(
            f"All {drawn} samples of {generator.name} are training fakes; train the generators for longer."
        )
    return samples[new][:count], normalized[new][:count]


def corrupt(change: BoundedChange, bounds: Range, pixels: Pixels, random: np.random.Generator) -> Picture:
    """Apply a corruption to uint8 [height, width]."""
    return change(pixels[..., np.newaxis], bounds, random)


def nudge(pixels: Pixels, random: np.random.Generator) -> Picture:
    """Change some pixels of uint8 [height, width] by one level."""
    return augment.nudged(pixels, NUDGED_SHARE, random)[..., np.newaxis]


def enlarge_with(resampling: Image.Resampling, pixels: Pixels, random: np.random.Generator) -> Picture:
    """Enlarge uint8 [height, width] by a uniformly random factor."""
    return resize(pixels[..., np.newaxis], random.uniform(*FACTORS), resampling)
