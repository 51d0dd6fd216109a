"""Digits in a picture: drawn with a pen or enlarged, one or several, complete or cut off by the edge."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from train.data.pendigits import OVERSAMPLING, Drawing, Stroke, smooth
from train.data.planes import INK, Box, Plane, Range, Size, blurred, box_of, even

Digit = NDArray[np.uint8] | Drawing
"""uint8 [height, width] with bright ink on 0, or strokes."""
Corner = tuple[float, float]
"""Top and left of a digit's ink in the picture; outside it, the digit is cut off."""

CUT: Final = (0.2, 0.6)
"""Share of a cut digit's ink that lies outside."""
NEIGHBOUR: Final = (0.05, 0.45)
"""Share of a neighbouring digit's ink that lies inside."""
SMALL: Final = (0.03, 0.09)
"""Height of a digit that is too small, as a share of the picture's shorter side."""
SINGLE: Final = (0.14, 0.85)
"""The longest side of a digit, as a share of the shorter side of its place."""
SIMILAR: Final = (0.8, 1.25)
"""Sizes of several digits, relative to each other."""


@dataclass(frozen=True)
class Pen:
    """width: of a drawn line, as a share of the digit's longest side. least: its least width in pixels.

    hard: without antialiasing. shear: the largest distortion of a digit, as a share of its sides.
    """

    width: float
    least: float = 1.0
    hard: bool = False
    shear: float = 0.0


@dataclass(frozen=True)
class Ink:
    """Where the digits' ink is.

    cover: how far it covers each pixel, float32 [height, width], 0 to 1. numbers: each pixel's digit from 1,
    or 0, uint8 [height, width]. inside: the share of each digit's ink that lies inside, float64 [n].
    """

    cover: Plane
    numbers: NDArray[np.uint8]
    inside: NDArray[np.float64]


def place(
    digits: Sequence[Digit],
    layout: str,
    size: Size,
    area: Box,
    single: Range,
    pen: Pen,
    random: np.random.Generator,
) -> Ink:
    """Place digits in an area of a picture; single: bounds like `SINGLE`."""
    cover, numbers = np.zeros(size, np.float32), np.zeros(size, np.uint8)
    inside = np.zeros(len(digits))
    if not digits:
        return Ink(cover, numbers, inside)
    height, width = area[2] - area[0], area[3] - area[1]
    # A pen draws all digits with about the same line.
    relative = [random.uniform(*SIMILAR) if number else 1.0 for number in range(len(digits))]
    longest = first_size(layout, len(digits), (height, width), size, single, random)
    states = [int(random.integers(2**63)) for _ in digits]
    corners: Sequence[Corner] | None = None
    while corners is None:
        planes = [
            rendered(digit, longest * factor, longest * pen.width, pen, np.random.default_rng(state))
            for digit, factor, state in zip(digits, relative, states, strict=True)
        ]
        corners = LAYOUTS[layout](planes, (height, width), random)
        longest *= 0.85
    for number, (plane, (top, left)) in enumerate(zip(planes, corners, strict=True), 1):
        down, over = round(top) + area[0], round(left) + area[1]
        begin, end = max(down, 0), max(over, 0)
        seen = plane[begin - down : max(size[0] - down, 0), end - over : max(size[1] - over, 0)]
        field = np.s_[begin : begin + seen.shape[0], end : end + seen.shape[1]]
        numbers[field][seen > cover[field]] = number
        cover[field] = np.maximum(cover[field], seen)
        inside[number - 1] = seen.sum() / plane.sum()
    return Ink(cover, numbers, inside)


def first_size(
    layout: str, count: int, room: Size, size: Size, single: Range, random: np.random.Generator
) -> float:
    """Return the longest side of a digit in pixels; it shrinks until all have room."""
    short = min(room)
    if layout == "small":
        return max(5.0, min(size) * even(SMALL, random))
    if layout == "tight":
        return float(max(room)) * (1 if random.random() < 0.5 else random.uniform(0.5, 1))
    if layout in ("row", "touching row", "column", "touching column"):
        along = room[1] if "row" in layout else room[0]
        return min(short * even((0.18, 0.8), random), 1.1 * along / count)
    if layout == "scattered":
        return short * even((0.15, 0.9 / math.sqrt(count)), random)
    return short * even(single, random)


def one(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Anywhere."""
    free = room[0] - planes[0].shape[0], room[1] - planes[0].shape[1]
    return None if min(free) < 0 else [(random.uniform(0, free[0]), random.uniform(0, free[1]))]


def tight(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Touching one edge or two, or nearly."""
    free = room[0] - planes[0].shape[0], room[1] - planes[0].shape[1]
    if min(free) < 0:
        return None
    at = [space * random.choice([0, random.random(), 1], p=[0.35, 0.3, 0.35]) for space in free]
    side = int(random.integers(2))
    at[side] = free[side] * random.choice([0, 1])
    return [(at[0], at[1])]


def cut(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Cut off by one edge."""
    plane, side = planes[0], int(random.integers(4))
    corner = [random.uniform(0, max(space - own, 0)) for space, own in zip(room, plane.shape, strict=True)]
    corner[side % 2] = beyond(plane, room, side, 1 - random.uniform(*CUT))
    return [(corner[0], corner[1])]


def beyond(plane: Plane, room: Size, side: int, inside: float) -> float:
    """Return where a digit begins so that this share of it is inside the top, left, bottom or right edge."""
    along = side % 2
    mass = np.cumsum(plane.sum(1 - along))
    if side < 2:
        return -float(np.searchsorted(mass, (1 - inside) * mass[-1]) + 1)
    return room[along] - float(np.searchsorted(mass, inside * mass[-1]) + 1)


def neighbours(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Anywhere, with a part of each other digit at an edge."""
    first = one(planes, room, random)
    if first is None:
        return None
    corners = [*first]
    for number, plane in enumerate(planes[1:], 1):
        for _ in range(20):
            side = int(random.integers(4))
            corner = [
                random.uniform(-0.3 * own, space - 0.7 * own)
                for space, own in zip(room, plane.shape, strict=True)
            ]
            corner[side % 2] = beyond(plane, room, side, random.uniform(*NEIGHBOUR))
            found = corner[0], corner[1]
            if not overlapping(found, plane, corners, planes[:number], 0.03 * min(room)):
                corners.append(found)
                break
        else:
            return None
    return corners


def overlapping(
    corner: Corner, plane: Plane, corners: Sequence[Corner], planes: Sequence[Plane], gap: float
) -> bool:
    """Whether a digit's box is closer than `gap` to another's."""
    return any(
        corner[0] < top + other.shape[0] + gap
        and top < corner[0] + plane.shape[0] + gap
        and corner[1] < left + other.shape[1] + gap
        and left < corner[1] + plane.shape[1] + gap
        for other, (top, left) in zip(planes, corners, strict=True)
    )


def scattered(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Anywhere, apart from each other."""
    corners: list[Corner] = []
    for number, plane in enumerate(planes):
        for _ in range(20):
            found = one([plane], room, random)
            if found and not overlapping(found[0], plane, corners, planes[:number], 0.04 * min(room)):
                corners.append(found[0])
                break
        else:
            return None
    return corners


def row(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Side by side, apart."""
    tall = max(plane.shape[0] for plane in planes)
    steps = [plane.shape[1] + tall * random.uniform(0.06, 0.6) for plane in planes[:-1]]
    return aligned(planes, room, steps, random)


def touching_row(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
    """Side by side, the ink of each on that of the next."""
    tall = max(plane.shape[0] for plane in planes)
    steps = [
        max(reach(left, right) - tall * random.uniform(0, 0.06), 0.3 * left.shape[1])
        for left, right in pairwise(planes)
    ]
    return aligned(planes, room, steps, random, 0.04)


def reach(left: Plane, right: Plane) -> float:
    """Return the smallest distance between the left ends of two digits at which no ink overlaps."""
    rows = min(len(left), len(right))
    one, other = left[:rows] > INK, right[:rows] > INK
    both = one.any(1) & other.any(1)
    if not both.any():
        return float(left.shape[1])
    ends = one.shape[1] - np.argmax(one[:, ::-1], 1)
    return float((ends - np.argmax(other, 1))[both].max())


def aligned(
    planes: Sequence[Plane],
    room: Size,
    steps: Sequence[float],
    random: np.random.Generator,
    uneven: float = 0.2,
) -> Sequence[Corner] | None:
    """Place digits in a row at these distances; uneven: how far each is moved, as a share of the height."""
    steps = [*steps, planes[-1].shape[1]]
    tall = max(plane.shape[0] for plane in planes)
    down = [random.uniform(0, uneven) * tall for _ in planes]
    deep = max(plane.shape[0] + top for plane, top in zip(planes, down, strict=True))
    free = room[0] - deep, room[1] - sum(steps)
    if min(free) < 0:
        return None
    top, left = random.uniform(0, free[0]), random.uniform(0, free[1])
    return [(top + own, left + sum(steps[:number])) for number, own in enumerate(down)]


Layout = Callable[[Sequence[Plane], Size, np.random.Generator], Sequence[Corner] | None]


def turned(layout: Layout) -> Layout:
    """Make a column of a row."""

    def column(planes: Sequence[Plane], room: Size, random: np.random.Generator) -> Sequence[Corner] | None:
        corners = layout([plane.T for plane in planes], room[::-1], random)
        return corners and [(top, left) for left, top in corners]

    return column


LAYOUTS: Final[Mapping[str, Layout]] = {
    "one": one,
    "tight": tight,
    "cut": cut,
    "small": one,
    "neighbours": neighbours,
    "row": row,
    "column": turned(row),
    "scattered": scattered,
    "touching row": touching_row,
    "touching column": turned(touching_row),
    "blank": one,
}
AT_THE_EDGE: Final = ("tight", "cut", "neighbours")
"""Layouts that need paper up to the picture's edge."""
SEVERAL: Final = ("row", "column", "scattered", "touching row", "touching column", "neighbours")


def fitting(layouts: Sequence[str], count: int) -> Sequence[str]:
    """Return the layouts that take this number of digits."""
    if count == 0:
        return ("blank",)
    return [each for each in layouts if each != "blank" and (each in SEVERAL) == (count > 1)]


def rendered(digit: Digit, longest: float, width: float, pen: Pen, random: np.random.Generator) -> Plane:
    """Return the coverage by a digit, cropped to its ink.

    longest: the longest side of the ink in pixels; width: that of its line in pixels, if it is drawn.
    """
    shear = np.eye(2) + random.uniform(-1, 1, (2, 2)) * pen.shear
    if isinstance(digit, Drawing):
        plane = drawn(digit.strokes, longest, max(width, pen.least), shear, pen.hard, random)
    else:
        plane = enlarged(digit, longest, shear, random)
        if pen.hard:
            plane = (plane > 0.5).astype(np.float32)
    top, left, bottom, right = box_of(plane > INK)
    return plane[top:bottom, left:right]


def drawn(
    strokes: Sequence[Stroke],
    longest: float,
    width: float,
    shear: NDArray[np.float64],
    hard: bool,
    random: np.random.Generator,
) -> Plane:
    """Draw strokes with a round pen; half of the pens press unevenly."""
    paths = [smooth(stroke @ shear) for stroke in strokes]
    points = np.concatenate(paths)
    low, high = points.min(0), points.max(0)
    width = min(width, 0.5 * longest)
    scale = (longest - width) / max(float((high - low).max()), 1e-9)
    fine = 1 if hard else OVERSAMPLING
    across, down = (math.ceil(side) + 2 for side in (high - low) * scale + width)
    canvas = Image.new("L", (across * fine, down * fine))
    draw = ImageDraw.Draw(canvas)
    pressure = random.uniform(0, 0.25) if random.random() < 0.5 else 0.0
    phase, waves = random.uniform(0, 2 * math.pi), random.uniform(0.5, 3)
    for path in paths:
        places = ((path - low) * scale + width / 2 + 1) * fine
        share = np.sin(phase + np.linspace(0, waves * math.pi, len(path)))
        radii = np.maximum(width * (1 + pressure * share), 1) * fine / 2
        before = None
        for (x, y), radius in zip(places.tolist(), radii.tolist(), strict=True):
            if before:
                draw.line((*before, x, y), 255, max(round(2 * radius), 1))
            if radius > 0.75:
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
            before = (x, y)
    if not hard:
        canvas = canvas.reduce(fine)
    return np.asarray(canvas, np.float32) / 255


def enlarged(
    digit: NDArray[np.uint8], longest: float, shear: NDArray[np.float64], random: np.random.Generator
) -> Plane:
    """Scale a digit so that its ink's longest side has this length, with the sharp edges of a pen."""
    top, left, bottom, right = box_of(digit > 0)
    ink = np.pad(digit[top:bottom, left:right], 2)
    factor = longest / (max(ink.shape) - 4)
    height, width = (max(2, round(side * factor)) for side in ink.shape)
    image = Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC)
    if abs(shear - np.eye(2)).max() > 0.02:
        middle = np.array([width, height]) / 2
        shift = middle - shear @ middle
        data = (*shear[0], shift[0], *shear[1], shift[1])
        image = image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    smooth_ink = blurred(np.asarray(image, np.float32) / 255, 0.35 * factor)
    level = random.uniform(0.25, 0.45) * smooth_ink.max()
    sharp: Plane = np.clip((smooth_ink - level) * max(factor, 2.0) + 0.5, 0, 1)
    return sharp
