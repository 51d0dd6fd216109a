"""Real digits as a drawing pad delivers them: pen trajectories of 30 writers, drawn with round brushes.

The data set is "Pen-Based Recognition of Handwritten Digits" (E. Alpaydin, F. Alimoglu; UCI Machine Learning
Repository, CC BY 4.0), in UNIPEN's format (https://doi.org/10.1109/ICPR.1994.576870).

Disclosure: the rules of `train.normalize` were written with pen digits of all 30 writers and MNIST's test
digits in view. No network learns from these, but the normalizer is not independent of them.
"""

import gzip
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from train.data.augment import PART, normalize_all
from train.data.mnist import DATA_VARIABLE
from train.data.splits import Split, split_seed
from train.errors import DataError
from train.normalize import SIDE
from train.processes import Workers

Stroke = NDArray[np.float64]
"""float64 [points, 2]: x to the right, y downwards."""

FILE: Final = Path("pendigits") / "pendigits-orig.tra.gz"
"""Its place in the folder named by `TOUCHSTONE_DATA`."""
WRITERS: Final[Mapping[Split, range]] = {
    "train": range(1, 25),
    "validation": range(25, 28),
    "evaluation": range(28, 31),
}

OVERSAMPLING: Final = 4
CANVAS: Final = (56, 320)
"""Pixels a side; small ones are more frequent."""
BRUSH: Final = (0.03, 0.2)
"""As a share of the drawing's longest side: 0.6 to about 4 pixels after scaling to 20."""
MARGIN: Final = (0.08, 0.3)
"""As a share of the canvas, on either side."""


@dataclass(frozen=True)
class Drawing:
    """A handwritten digit: its strokes in order, the digit 0 to 9, and its writer's number."""

    strokes: tuple[Stroke, ...]
    digit: int
    writer: int


def pen_digits(
    split: Split, copies: int, seed: int, most: int, workers: Workers
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw the digits of a split's writers `copies` times each, copy after copy; none without the file.

    most: digits to draw, the first ones of the file.

    Returns the normalized pictures uint8 [n, 28, 28], and the digits int64 [n].

    Raises:
        DataError: the file exists but cannot be read.
    """
    drawings = find_drawings(split)[:most]
    parts = [
        (drawings[start : start + PART], (split_seed(seed, split), copy), start)
        for copy in range(copies)
        for start in range(0, len(drawings), PART)
    ]
    images = np.concatenate([np.zeros((0, SIDE, SIDE), np.uint8), *workers.starmap(draw_part, parts)])
    labels = np.array([drawing.digit for drawing in drawings], np.int64)
    return images, np.tile(labels, copies)


def find_drawings(split: Split) -> list[Drawing]:
    """Return the digits of a split's writers; none if the file does not exist.

    The file is optional and never downloaded. A run's report records how many of its digits were used.

    Raises:
        DataError: the file exists but cannot be read.
    """
    given = os.environ.get(DATA_VARIABLE)
    if not given or not (Path(given) / FILE).is_file():
        return []
    drawings = read_unipen(Path(given) / FILE)
    return [drawing for drawing in drawings if drawing.writer in WRITERS[split]]


def read_unipen(path: Path) -> list[Drawing]:
    """Read all digits of a gzip-compressed UNIPEN file.

    Raises:
        DataError: the file cannot be read or has another format.
    """
    try:
        text = gzip.decompress(path.read_bytes()).decode("ascii")
        return [read_segment(segment) for segment in text.split(".SEGMENT DIGIT")[1:]]
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DataError(f"{path} cannot be read as pen trajectories ({error}); download it again.") from error


def read_segment(text: str) -> Drawing:
    """Parse one digit: `"DIGIT"`, `.COMMENT digit writer index`, then strokes of x y, with y upwards."""
    comment = text.split(".COMMENT", 1)[1].splitlines()[0].split()
    pieces = [piece.split(".PEN_UP")[0].split(".DT")[0] for piece in text.split(".PEN_DOWN")[1:]]
    strokes = [np.array(piece.split(), float).reshape(-1, 2) * (1, -1) for piece in pieces]
    return Drawing(tuple(stroke for stroke in strokes if len(stroke)), int(comment[0]), int(comment[1]))


def draw_part(drawings: Sequence[Drawing], seeds: tuple[int, int], start: int) -> NDArray[np.uint8]:
    """Draw and normalize consecutive drawings, uint8 [n, 28, 28]; start: index of the first one."""
    return normalize_all(
        draw_randomly(drawing.strokes, np.random.default_rng((*seeds, start + index)))[..., np.newaxis]
        for index, drawing in enumerate(drawings)
    )


def draw_randomly(strokes: tuple[Stroke, ...], random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw strokes on a canvas of random size with a brush of random width: uint8 [side, side]."""
    side = round(float(np.exp(random.uniform(*np.log(CANVAS)))))
    margin = random.uniform(*MARGIN)
    width = side * (1 - 2 * margin) * random.uniform(*BRUSH)
    if random.random() < 0.5:
        # The tablet samples so rarely that quick strokes have corners which no hand draws.
        strokes = tuple(smooth(stroke) for stroke in strokes)
    return draw(strokes, side, max(width, 1.0), margin)


def smooth(stroke: Stroke) -> Stroke:
    """Cut a stroke's corners twice (Chaikin 1974, https://doi.org/10.1016/0146-664X(74)90028-8)."""
    for _ in range(2):
        begin, end = stroke[:-1], stroke[1:]
        cut = np.stack([0.75 * begin + 0.25 * end, 0.25 * begin + 0.75 * end], axis=1).reshape(-1, 2)
        stroke = np.concatenate([stroke[:1], cut, stroke[-1:]])
    return stroke


def draw(strokes: Sequence[Stroke], side: int, width: float, margin: float = 0.15) -> NDArray[np.uint8]:
    """Draw strokes as a canvas does: a round white brush on black, antialiased, uint8 [side, side].

    width: of the brush, in pixels. margin: free space around the drawing, as a share of `side`.
    """
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = side * (1 - 2 * margin) / max(float((high - low).max()), 1e-9)
    shift = side / 2 - scale * (low + high) / 2
    canvas = Image.new("L", (side * OVERSAMPLING, side * OVERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    radius = width * OVERSAMPLING / 2
    for stroke in strokes:
        path = [tuple(point) for point in (stroke * scale + shift) * OVERSAMPLING]
        pen.line(path, fill=255, width=round(2 * radius))
        for x, y in path:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(canvas.resize((side, side), Image.Resampling.BOX))
