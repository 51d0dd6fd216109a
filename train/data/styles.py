"""Ways to write digits that MNIST hardly has, as strokes with the wobble of a hand."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.data.augment import PART, examine_all
from train.data.pendigits import Drawing, Stroke, draw_randomly, smooth
from train.data.planes import Look
from train.data.splits import own_seed
from train.normalize import NONE
from train.processes import Workers

Points = Sequence[tuple[float, float]]
"""x to the right, y downwards, 0 to 1. A point twice is a corner; lines between the others are curved."""


def ring(x: float, y: float, across: float, down: float, begin: float = -0.25, turns: float = 1.0) -> Points:
    """Return an ellipse around (x, y); begin: in turns from the right, clockwise."""
    angles = 2 * math.pi * (begin + turns * np.linspace(0, 1, round(abs(turns) * 16) + 1))
    return [(x + across * math.cos(angle), y + down * math.sin(angle)) for angle in angles.tolist()]


STYLES: Final[Mapping[str, tuple[int, Sequence[Points], Sequence[Points]]]] = {
    "1 with a serif": (
        1,
        [[(0.3, 0.3), (0.55, 0), (0.55, 0), (0.55, 1)]],
        [[(0.2, 0.28), (0.4, 0.2), (0.52, 0.02), (0.52, 0.02), (0.5, 1)]],
    ),
    "1 with a serif and a foot": (
        1,
        [[(0.3, 0.25), (0.5, 0), (0.5, 0), (0.5, 1)], [(0.2, 1), (0.8, 1)]],
        [[(0.22, 0.3), (0.55, 0), (0.55, 0), (0.52, 0.98)], [(0.28, 0.97), (0.75, 1)]],
    ),
    "1 as a bar": (1, [[(0.5, 0), (0.5, 1)]], [[(0.54, 0), (0.5, 0.5), (0.46, 1)]]),
    "7 with a bar": (
        7,
        [[(0.15, 0), (0.8, 0), (0.8, 0), (0.4, 1)], [(0.35, 0.5), (0.8, 0.5)]],
        [
            [(0.15, 0.1), (0.18, 0.02), (0.18, 0.02), (0.85, 0), (0.85, 0), (0.55, 0.45), (0.42, 1)],
            [(0.3, 0.56), (0.78, 0.47)],
        ],
    ),
    "open 4": (
        4,
        [[(0.25, 0), (0.15, 0.6), (0.15, 0.6), (0.85, 0.6)], [(0.65, 0.15), (0.6, 1)]],
        [
            [(0.2, 0.05), (0.18, 0.3), (0.22, 0.52), (0.45, 0.56), (0.75, 0.5)],
            [(0.75, 0), (0.72, 0.5), (0.74, 1)],
        ],
    ),
    "0 with a slash": (
        0,
        [ring(0.5, 0.5, 0.33, 0.5), [(0.25, 0.85), (0.75, 0.15)]],
        [ring(0.5, 0.5, 0.3, 0.5, -0.3, 1.05), [(0.12, 0.95), (0.9, 0.08)]],
    ),
    "0 with a dot": (
        0,
        [ring(0.5, 0.5, 0.36, 0.5), [(0.5, 0.48), (0.5, 0.52)]],
        [ring(0.5, 0.5, 0.32, 0.5, -0.2, 1.05), [(0.48, 0.5), (0.53, 0.5)]],
    ),
    "9 with a straight tail": (
        9,
        [[*ring(0.45, 0.28, 0.28, 0.27, -0.05, -1), (0.73, 0.28), (0.73, 0.28), (0.72, 1)]],
        [ring(0.45, 0.3, 0.25, 0.28, 0, -1), [(0.7, 0.05), (0.7, 0.4), (0.6, 1)]],
    ),
    "9 with a curled tail": (
        9,
        [[*ring(0.5, 0.28, 0.28, 0.28, -0.05, -1), (0.76, 0.6), (0.65, 0.95), (0.4, 1), (0.22, 0.85)]],
        [[*ring(0.5, 0.25, 0.25, 0.25, 0, -1), (0.78, 0.7), (0.55, 1.02), (0.25, 0.92), (0.3, 0.78)]],
    ),
    "2 with a loop": (
        2,
        [
            [
                (0.2, 0.25),
                (0.35, 0),
                (0.75, 0),
                (0.8, 0.3),
                (0.6, 0.65),
                (0.3, 0.95),
                (0.1, 0.95),
                (0.12, 0.8),
                (0.3, 0.8),
                (0.5, 0.95),
                (0.75, 1),
                (0.9, 0.9),
            ]
        ],
        [
            [
                (0.18, 0.2),
                (0.4, -0.02),
                (0.7, 0.05),
                (0.75, 0.3),
                (0.5, 0.7),
                (0.25, 1),
                (0.08, 0.9),
                (0.2, 0.75),
                (0.42, 0.88),
                (0.65, 1),
                (0.9, 0.98),
            ]
        ],
    ),
}
"""Name → digit, and its strokes by the hands of training and of evaluation."""


def styled_digits(
    look: Look, count: int, seed: int, workers: Workers
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw digits in each of `STYLES` in turn, with round brushes of many widths.

    Returns the normalized pictures uint8 [n, 28, 28], and the digits int64 [n]: `count`, or a few less, as
    those are left out which the normalizer does not take for one digit.
    """
    parts = [(look, range(start, min(start + PART, count)), seed) for start in range(0, count, PART)]
    images, labels = zip(*workers.starmap(styled_part, parts), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def styled_part(look: Look, indices: range, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    randoms = [np.random.default_rng((own_seed(seed, "styled"), index)) for index in indices]
    names = [list(STYLES)[index % len(STYLES)] for index in indices]
    drawings = [styled(name, look, random) for name, random in zip(names, randoms, strict=True)]
    found = examine_all(
        draw_randomly(drawing.strokes, random)[..., np.newaxis]
        for drawing, random in zip(drawings, randoms, strict=True)
    )
    single = np.array([each.reason == NONE for each in found])
    images = np.stack([each.pixels for each in found])
    return images[single], np.array([drawing.digit for drawing in drawings], np.int64)[single]


def styled(name: str, look: Look, random: np.random.Generator) -> Drawing:
    """Write a digit in one of `STYLES`, as another hand would each time."""
    digit, *hands = STYLES[name]
    wide, slant = random.uniform(0.75, 1.2), random.uniform(-0.12, 0.3)
    strokes = [wobbling(np.array(points, float), random) for points in hands[look == "evaluation"]]
    turn = np.array([[wide, 0], [-slant, 1]])
    return Drawing(tuple(stroke @ turn for stroke in strokes), digit, 0)


def wobbling(points: Stroke, random: np.random.Generator) -> Stroke:
    """Move a stroke, its points, and the smooth line through them a little."""
    jitter = 0.012 if len(points) > 8 else 0.025
    corner = np.r_[False, (points[1:] == points[:-1]).all(1)]
    moved = points + random.normal(0, 0.015, 2) + random.normal(0, jitter, points.shape)
    moved[corner] = moved[np.flatnonzero(corner) - 1]
    line = smooth(moved)
    waves = np.linspace(0, random.uniform(2, 5) * math.pi, len(line))[:, None] + random.uniform(0, 6.3, 2)
    return line + 0.006 * np.sin(waves)
