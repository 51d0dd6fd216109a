"""Real digits as a drawing pad delivers them: pen trajectories of 30 people, drawn by round brushes.

A disclosure: the rules of `train.normalize` were made while looking at pen digits of all 30 writers and
at MNIST's test digits. No network learns from either, but the front half of the door has met both.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.data.mnist import DATA_VARIABLE
from train.data.pen import Drawing, Stroke, draw, read_unipen
from train.data.prepare import PART, seen
from train.data.splits import Split, split_seed
from train.normalize import SIDE
from train.processes import Workers

FILE: Final = Path("pendigits") / "pendigits-orig.tra.gz"
"""Where it is looked for in the folder that `TOUCHSTONE_DATA` names."""
LAST_TRAINING_WRITER: Final = 24
LAST_VALIDATION_WRITER: Final = 27

CANVAS: Final = (56, 320)
"""Pixels a side; small ones are more frequent."""
BRUSH: Final = (0.03, 0.2)
"""Of the longest side of what is drawn: 0.6 to about 4 of the 20 pixels that it is scaled to."""
MARGIN: Final = (0.08, 0.3)
"""Of the canvas, on either side."""


class PenDigits(NamedTuple):
    """Pen digits, who wrote them and what they are.

    images: uint8 [n, 28, 28] as the normaliser leaves them. labels: int64 [n], 0 to 9. writers: int64 [n].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    writers: NDArray[np.int64]


def writer_split(writer: int) -> Split:
    """By the writer's number alone: 1 to 24 to learn from, 25 to 27 to tune on, 28 to 30 to be judged on."""
    if writer <= LAST_TRAINING_WRITER:
        return "train"
    return "validation" if writer <= LAST_VALIDATION_WRITER else "evaluation"


def find_drawings(split: Split) -> list[Drawing]:
    """The digits that a split's writers wrote; none where the file is not there.

    Nobody needs the file: it is not downloaded, and without it real digits are the data set's alone.
    A run records how many it had.

    Raises:
        DataError: the file is there and cannot be read.
    """
    given = os.environ.get(DATA_VARIABLE)
    path = Path(given) / FILE if given else None
    if path is None or not path.is_file():
        return []
    return [drawing for drawing in read_unipen(path) if writer_split(drawing.writer) == split]


def pen_digits(split: Split, copies: int, seed: int, most: int, workers: Workers) -> PenDigits:
    """Digits of a split's writers drawn `copies` times each, copy after copy; empty without the file.

    most: digits, the first ones of the file. workers: who draw them.

    Raises:
        DataError: the file is there and cannot be read.
    """
    drawings = find_drawings(split)[:most]
    parts = [
        (drawings[start : start + PART], (split_seed(seed, split), copy), start)
        for copy in range(copies)
        for start in range(0, len(drawings), PART)
    ]
    images = np.concatenate([np.zeros((0, SIDE, SIDE), np.uint8), *workers.results(draw_part, parts)])
    labels = np.array([drawing.digit for drawing in drawings], np.int64)
    writers = np.array([drawing.writer for drawing in drawings], np.int64)
    return PenDigits(images, np.tile(labels, copies), np.tile(writers, copies))


def draw_part(drawings: Sequence[Drawing], seeds: tuple[int, int], start: int) -> NDArray[np.uint8]:
    """Drawings that are at place `start` and after in the whole: uint8 [n, 28, 28], normalised."""
    return seen(
        drawn(drawing.strokes, np.random.default_rng((*seeds, start + place)))[..., np.newaxis]
        for place, drawing in enumerate(drawings)
    )


def drawn(strokes: tuple[Stroke, ...], random: np.random.Generator) -> NDArray[np.uint8]:
    """Strokes on a canvas of any size, by a brush of any width: uint8 [side, side]."""
    side = round(float(np.exp(random.uniform(*np.log(CANVAS)))))
    margin = random.uniform(*MARGIN)
    width = side * (1 - 2 * margin) * random.uniform(*BRUSH)
    if random.random() < 0.5:
        # Sampled ten times a second, a quick hand leaves corners that no hand draws.
        strokes = tuple(rounded(stroke) for stroke in strokes)
    return draw(strokes, side, max(width, 1.0), margin)


def rounded(stroke: Stroke) -> Stroke:
    """A stroke with its corners cut twice (Chaikin 1974, https://doi.org/10.1016/0146-664X(74)90028-8)."""
    for _ in range(2):
        begin, end = stroke[:-1], stroke[1:]
        cut = np.stack([0.75 * begin + 0.25 * end, 0.25 * begin + 0.75 * end], axis=1).reshape(-1, 2)
        stroke = np.concatenate([stroke[:1], cut, stroke[-1:]])
    return stroke
