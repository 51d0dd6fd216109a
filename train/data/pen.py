"""Pen trajectories, and the pictures that a drawing pad makes of them.

The format is UNIPEN's (https://doi.org/10.1109/ICPR.1994.576870) as in "Pen-Based Recognition of
Handwritten Digits" (E. Alpaydin, F. Alimoglu; UCI Machine Learning Repository, CC BY 4.0).
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from train.errors import DataError

Stroke = NDArray[np.float64]
"""float64 [points, 2]: x to the right, y downwards."""

OVERSAMPLING = 4


@dataclass(frozen=True)
class Drawing:
    """A digit as it was written: its strokes in order, 0 to 9, and who wrote it."""

    strokes: tuple[Stroke, ...]
    digit: int
    writer: int


def read_unipen(path: Path) -> list[Drawing]:
    """All digits of a gzip-compressed UNIPEN file.

    Raises:
        DataError: the file cannot be read or is not of that form.
    """
    try:
        text = gzip.decompress(path.read_bytes()).decode("ascii")
        return [read_segment(segment) for segment in text.split(".SEGMENT DIGIT")[1:]]
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DataError(f"{path} cannot be read as pen trajectories ({error}); fetch it again.") from error


def read_segment(text: str) -> Drawing:
    """One digit: `"DIGIT"`, `.COMMENT digit writer index`, then strokes of x y, y upwards."""
    comment = text.split(".COMMENT", 1)[1].splitlines()[0].split()
    pieces = [piece.split(".PEN_UP")[0].split(".DT")[0] for piece in text.split(".PEN_DOWN")[1:]]
    strokes = [np.array(piece.split(), float).reshape(-1, 2) * (1, -1) for piece in pieces]
    return Drawing(tuple(stroke for stroke in strokes if len(stroke)), int(comment[0]), int(comment[1]))


def draw(strokes: Sequence[Stroke], side: int, width: float, margin: float = 0.15) -> NDArray[np.uint8]:
    """Strokes as a canvas draws them: a round white brush on black, antialiased, uint8 [side, side].

    width: of the brush, in pixels. margin: left free around the drawing, as a share of `side`.
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
