"""The project's own handwriting: the ten digits as strokes, for pictures that anyone may copy."""

import numpy as np

from train.data.pendigits import Stroke


def strokes_of(digit: int) -> tuple[Stroke, ...]:
    """The strokes of a digit 0 to 9, x to the right and y downwards, in a box of about 1 by 1.5."""
    shapes: tuple[tuple[Stroke, ...], ...] = (
        (arc(0.5, 0.75, 0.45, 0.75, -80, 285),),
        (line((0.3, 0.3), (0.55, 0.0), (0.5, 1.5)),),
        (join(arc(0.5, 0.4, 0.4, 0.4, -170, 40), line((0.1, 1.45), (0.95, 1.4))),),
        (join(arc(0.45, 0.37, 0.38, 0.37, -150, 80), arc(0.45, 1.1, 0.47, 0.4, -85, 150)),),
        (line((0.55, 0.0), (0.05, 0.95), (0.95, 0.9)), line((0.65, 0.45), (0.6, 1.5))),
        (
            join(line((0.2, 0.05), (0.15, 0.65)), arc(0.42, 1.02, 0.46, 0.44, -120, 150)),
            line((0.2, 0.05), (0.85, 0.0)),
        ),
        (join(line((0.75, 0.0), (0.2, 0.7)), arc(0.48, 1.08, 0.4, 0.4, -180, 190)),),
        (line((0.05, 0.1), (0.95, 0.0), (0.4, 1.5)), line((0.25, 0.75), (0.8, 0.7))),
        (join(arc(0.5, 0.37, 0.34, 0.36, 80, -270), arc(0.5, 1.1, 0.42, 0.38, -90, 270)),),
        (join(arc(0.45, 0.42, 0.38, 0.4, -20, -370), line((0.8, 0.45), (0.65, 1.5))),),
    )
    return shapes[digit]


def arc(x: float, y: float, across: float, down: float, begin: float, end: float) -> Stroke:
    """Part of an ellipse, from one angle to another in degrees, 0 to the right and 90 downwards."""
    angles = np.radians(np.linspace(begin, end, 60))
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1)


def line(*points: tuple[float, float]) -> Stroke:
    """Straight from point to point."""
    return np.array(points, float)


def join(*parts: Stroke) -> Stroke:
    """Parts drawn without lifting the pen."""
    return np.concatenate(parts)
