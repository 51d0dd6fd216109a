"""Planes of values that photographs are made of, and what all their parts draw at random."""

import math
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Plane = NDArray[np.floating[Any]]
"""[height, width], 0 to 1."""
Scene = NDArray[np.floating[Any]]
"""[height, width, 3], RGB, 0 to 1."""
Size = tuple[int, int]
"""Height and width."""
Box = tuple[int, int, int, int]
"""Top, left, bottom, right (the last two just outside)."""
Range = tuple[float, float]
Colours = tuple[Range, Range, Range]
"""Ranges of hue, saturation and value, 0 to 1; a hue may exceed 1."""
Look = Literal["train", "evaluation"]

INK: Final = 0.25
"""Coverage from which a pixel belongs to a digit's box."""


def pick(choices: Sequence[str], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]


def even(bounds: Range, random: np.random.Generator) -> float:
    """Draw a number whose logarithm is uniform."""
    return math.exp(random.uniform(math.log(bounds[0]), math.log(bounds[1])))


def mostly_low(bounds: Range, random: np.random.Generator) -> float:
    """Draw a number that is in the lower quarter half of the time."""
    return bounds[0] + (bounds[1] - bounds[0]) * random.random() ** 2


def colour(colours: Colours, random: np.random.Generator) -> NDArray[np.floating[Any]]:
    """Draw an RGB colour, float32 [3]."""
    hue, saturation, value = (random.uniform(*bounds) for bounds in colours)
    pure = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    drawn: NDArray[np.float32] = (value * (1 - saturation * (1 - pure))).astype(np.float32)
    return drawn


def clouds(size: Size, grain: float, random: np.random.Generator) -> Plane:
    """Smooth noise with mean 0 and a standard deviation near 1; grain: in pixels."""
    rows, columns = (max(2, round(side / grain) + 1) for side in size)
    values = Image.fromarray(random.standard_normal((rows, columns), np.float32))
    return np.asarray(values.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def blurred(plane: Plane, deviation: float) -> Plane:
    image = Image.fromarray(as_bytes(plane)).filter(ImageFilter.GaussianBlur(deviation))
    return np.asarray(image, np.float32) / 255


def as_bytes(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return levels


def box_of(covered: NDArray[np.bool_]) -> Box:
    """Return the box of the true pixels; all 0 if there are none."""
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
