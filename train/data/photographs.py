"""Synthetic photographs of handwritten digits: any pen on any paper, in any light, taken with a phone; also
scans, drawings and screenshots.

A photograph is made like a real one: lines on a page; the page, in perspective, on a table; ink and other
marks; light and shadow over all; then lens, sensor and codec. Each of the `CONDITIONS` makes one aspect
strong and keeps the others mild. Training and evaluation have different papers, pens, tables, lights, marks,
screens and typefaces.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.data.augment import jpeg, webp
from train.data.camera import light, taken
from train.data.layouts import AT_THE_EDGE, LAYOUTS, SINGLE, Digit, Pen, fitting, place
from train.data.papers import LIKE_DIGITS, MARKS, marks, ruling, scanned, seen_in_perspective
from train.data.planes import (
    INK,
    Box,
    Colours,
    Look,
    Plane,
    Range,
    Scene,
    Size,
    as_bytes,
    box_of,
    clouds,
    colour,
    even,
    mostly_low,
    pick,
)
from train.data.screens import SCREENS, screen


@dataclass(frozen=True)
class Photograph:
    """A photograph, and where its digits are.

    image: uint8 [height, width, 3]. ink: uint8 [height, width], how far the digits' ink covers each pixel.
    numbers: uint8 [height, width], the digit from 1 that ink belongs to, or 0. boxes: int64 [n, 4], top,
    left, bottom, right of each digit's ink in the picture (the last two just outside; all 0 if it is not
    in the picture). inside: float64 [n], the share of each digit's ink that is in the picture, 1 if complete.
    """

    image: NDArray[np.uint8]
    ink: NDArray[np.uint8]
    numbers: NDArray[np.uint8]
    boxes: NDArray[np.int64]
    inside: NDArray[np.float64]


PAPERS: Final[Mapping[Look, Mapping[str, Colours]]] = {
    "train": {
        "white": ((0.08, 0.18), (0.0, 0.08), (0.8, 1.0)),
        "kraft": ((0.06, 0.1), (0.25, 0.5), (0.55, 0.75)),
        "yellow": ((0.12, 0.17), (0.3, 0.7), (0.8, 1.0)),
        "green": ((0.28, 0.38), (0.2, 0.5), (0.6, 0.95)),
        "blue": ((0.52, 0.62), (0.15, 0.5), (0.6, 0.95)),
        "red": ((0.96, 1.03), (0.2, 0.6), (0.6, 0.95)),
        "grey": ((0.0, 1.0), (0.0, 0.06), (0.35, 0.7)),
        "blackboard": ((0.3, 0.45), (0.05, 0.4), (0.12, 0.3)),
        "black": ((0.0, 1.0), (0.0, 0.2), (0.05, 0.2)),
        "whiteboard": ((0.5, 0.65), (0.0, 0.05), (0.8, 1.0)),
    },
    "evaluation": {
        "white": ((0.5, 0.7), (0.0, 0.06), (0.78, 0.97)),
        "kraft": ((0.09, 0.12), (0.3, 0.55), (0.5, 0.7)),
        "yellow": ((0.17, 0.22), (0.3, 0.6), (0.8, 1.0)),
        "green": ((0.22, 0.28), (0.25, 0.5), (0.6, 0.9)),
        "blue": ((0.42, 0.5), (0.15, 0.5), (0.6, 0.9)),
        "red": ((0.85, 0.93), (0.2, 0.5), (0.6, 0.95)),
        "grey": ((0.0, 1.0), (0.0, 0.1), (0.4, 0.6)),
        "blackboard": ((0.55, 0.65), (0.1, 0.3), (0.15, 0.28)),
        "black": ((0.0, 1.0), (0.0, 0.3), (0.08, 0.22)),
        "whiteboard": ((0.1, 0.3), (0.0, 0.04), (0.75, 0.95)),
    },
}
PENS: Final[Mapping[Look, Mapping[str, Colours]]] = {
    "train": {
        "blue": ((0.58, 0.68), (0.5, 0.9), (0.15, 0.6)),
        "black": ((0.0, 1.0), (0.0, 0.2), (0.02, 0.25)),
        "red": ((0.96, 1.03), (0.6, 1.0), (0.5, 0.9)),
        "green": ((0.3, 0.42), (0.5, 1.0), (0.2, 0.5)),
        "pencil": ((0.0, 1.0), (0.0, 0.08), (0.25, 0.45)),
        "chalk": ((0.08, 0.2), (0.0, 0.25), (0.8, 1.0)),
        "felt": ((0.0, 0.5), (0.5, 1.0), (0.5, 1.0)),
    },
    "evaluation": {
        "blue": ((0.68, 0.78), (0.4, 0.9), (0.15, 0.5)),
        "black": ((0.0, 1.0), (0.0, 0.3), (0.02, 0.28)),
        "red": ((0.9, 0.96), (0.6, 1.0), (0.45, 0.85)),
        "green": ((0.42, 0.5), (0.5, 1.0), (0.2, 0.45)),
        "pencil": ((0.55, 0.7), (0.0, 0.12), (0.28, 0.48)),
        "chalk": ((0.45, 0.6), (0.0, 0.25), (0.8, 1.0)),
        "felt": ((0.5, 1.0), (0.5, 1.0), (0.5, 1.0)),
    },
}
LINES: Final[Mapping[Look, tuple[Colours, Range]]] = {
    "train": (((0.5, 0.7), (0.1, 0.6), (0.5, 0.8)), (0.06, 0.3)),
    "evaluation": (((0.3, 0.48), (0.1, 0.5), (0.5, 0.78)), (0.05, 0.35)),
}
"""Colour of printed lines, and their spacing as a share of the shorter side."""
ROUGH: Final = ("pencil", "chalk")
LEAST_CONTRAST: Final = 0.2
"""Difference of ink and paper in one of red, green and blue."""
LEAST_SHEAR: Final = 0.06
"""Distortion of digits, for hands that are in no data set."""
DIMMEST: Final = 0.12
"""Brightness of paper in the dimmest photograph."""


@dataclass(frozen=True)
class Condition:
    """A kind of photograph: what is drawn from, for each aspect. Shares are of the photographs."""

    kinds: tuple[str, ...] = ("photograph",)
    """Of photograph, scan, and `SCREENS`."""
    digits: tuple[int, ...] = (1,)
    """How many digits it is meant for."""
    layouts: tuple[str, ...] = ("one", "row")
    """Of `LAYOUTS`; one that takes the number of digits is used."""
    longest: Range = SINGLE
    """The longest side of a digit in layout `one`, as a share of the shorter side."""
    papers: tuple[str, ...] = ("white",)
    pens: tuple[str, ...] = ("blue", "black")
    width: Range = (0.03, 0.12)
    """Of drawn lines, as a share of the digit's longest side."""
    hard: float = 0.0
    """Share of screens without antialiasing."""
    opacity: Range = (0.85, 1.0)
    rulings: tuple[str, ...] = ("plain",)
    lights: tuple[str, ...] = ("even",)
    exposure: Range = (0.75, 1.0)
    """Brightness of white paper."""
    tilt: float = 0.03
    """How far the page's corners move, as a share of its sides."""
    marks: float = 0.0
    """Share with marks beside the digits."""
    table: float = 0.0
    """Share with a table around the page."""
    blur: Range = (0.0, 0.4)
    """Standard deviation, as a percentage of the shorter side."""
    noise: Range = (0.0, 3.0)
    """Standard deviation in levels of 255."""
    quality: Range = (70, 95)
    """Of JPEG, or WebP."""
    lossless: float = 0.5
    """Share of screens that are saved without loss."""
    bars: float = 0.0
    """Share with bars of one colour at two sides, as a viewer shows photographs."""


COLOURED: Final = ("yellow", "green", "blue", "red")
DARK_PENS: Final = ("blue", "black", "red", "green", "pencil")
MARKERS: Final = ("blue", "black", "red", "green")
RULINGS: Final = ("plain", "plain", "plain", "ruled", "squared", "millimetre", "margin", "dots")
SINGLE_LIGHTS: Final = ("even", "gradient", "vignette", "soft shadow", "hard shadow")
CONDITIONS: Final[Mapping[str, Condition]] = {
    "plain paper": Condition(pens=DARK_PENS),
    "ruled paper": Condition(rulings=("ruled",)),
    "squared paper": Condition(rulings=("squared",)),
    "paper with a margin": Condition(rulings=("margin",)),
    "kraft paper": Condition(papers=("kraft",)),
    "coloured paper": Condition(papers=COLOURED),
    "felt pens": Condition(pens=("felt",), width=(0.05, 0.15)),
    "red on green": Condition(papers=("green",), pens=("red",)),
    "pencil": Condition(pens=("pencil",), opacity=(0.5, 0.8)),
    "thin contrast": Condition(papers=("grey",), pens=("black", "blue"), opacity=(0.4, 0.7)),
    "blackboard": Condition(papers=("blackboard",), pens=("chalk",), width=(0.05, 0.12)),
    "whiteboard": Condition(
        papers=("whiteboard",), pens=MARKERS, width=(0.05, 0.12), lights=("even", "gradient", "glare")
    ),
    "white on brown": Condition(papers=("kraft",), pens=("chalk",)),
    "white on black": Condition(papers=("black",), pens=("chalk", "felt")),
    "gradient": Condition(lights=("gradient",)),
    "vignette": Condition(lights=("vignette",)),
    "soft shadow": Condition(lights=("soft shadow",)),
    "hard shadow": Condition(lights=("hard shadow",)),
    "dim": Condition(exposure=(0.15, 0.45)),
    "bright": Condition(exposure=(1.05, 1.25)),
    "perspective": Condition(tilt=0.15, rulings=("plain", "ruled", "squared")),
    "blur": Condition(blur=(0.6, 1.2)),
    "noise": Condition(noise=(6.0, 14.0)),
    "low quality": Condition(quality=(15, 40)),
    "on a table": Condition(table=1.0),
    "marks beside it": Condition(marks=1.0),
    "between bars": Condition(bars=1.0, lights=SINGLE_LIGHTS),
    "fine line": Condition(width=(0.01, 0.025), blur=(0.0, 0.2)),
    "thick marker": Condition(pens=MARKERS, width=(0.14, 0.25)),
    "filling the picture": Condition(layouts=("tight",)),
    "neighbouring strokes": Condition(layouts=("neighbours",), digits=(2, 2, 3)),
    "scan": Condition(kinds=("scan",), pens=DARK_PENS, rulings=("plain", "plain", "ruled", "squared")),
    "clean canvas": Condition(kinds=("canvas",), width=(0.02, 0.2), lossless=1.0),
    "hard brush": Condition(kinds=("canvas",), width=(0.02, 0.2), hard=1.0, lossless=1.0),
    "compressed drawing": Condition(kinds=("canvas",), lossless=0.0, quality=(40, 90)),
    "phone screenshot": Condition(kinds=("phone",), hard=0.2),
    "letterbox": Condition(kinds=("letterbox",), hard=0.2),
    "canvas on a page": Condition(kinds=("page",), hard=0.2),
    "several in a row": Condition(layouts=("row",), digits=(2, 3, 4, 5)),
    "several in a column": Condition(layouts=("column",), digits=(2, 3, 4, 5)),
    "several scattered": Condition(layouts=("scattered",), digits=(2, 3, 4, 5)),
    "several touching": Condition(layouts=("touching row", "touching column"), digits=(2, 2, 3)),
    "several on a screen": Condition(
        kinds=tuple(SCREENS), layouts=("row", "column", "scattered", "touching row"), digits=(2, 3, 4)
    ),
    "cut off": Condition(layouts=("cut",)),
    "cut off on a screen": Condition(kinds=("canvas",), layouts=("cut",)),
    "too small": Condition(layouts=("small",), width=(0.08, 0.15), blur=(0.0, 0.2)),
    "blank": Condition(
        digits=(0,), papers=("white", *COLOURED), rulings=RULINGS, lights=SINGLE_LIGHTS, marks=0.3, table=0.2
    ),
    "blank screen": Condition(kinds=tuple(SCREENS), digits=(0,)),
}
ANYTHING: Final = Condition(
    kinds=("photograph",) * 8 + ("scan", *SCREENS),
    digits=(0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 5),
    layouts=("one",) * 6 + ("tight", "cut", "small") + tuple(each for each in LAYOUTS if each != "blank"),
    papers=("white", "white", *PAPERS["train"]),
    pens=tuple(PENS["train"]),
    width=(0.01, 0.25),
    hard=0.2,
    opacity=(0.5, 1.0),
    rulings=RULINGS,
    lights=(*SINGLE_LIGHTS, "glare"),
    exposure=(0.25, 1.2),
    tilt=0.12,
    marks=0.3,
    table=0.2,
    blur=(0.0, 1.0),
    noise=(0.0, 12.0),
    quality=(15, 95),
    bars=0.06,
)
"""All of it at once, for training."""


def photograph(
    digits: Sequence[Digit],
    look: Look,
    condition: Condition,
    random: np.random.Generator,
    size: Size | None = None,
) -> Photograph:
    """Photograph digits, each uint8 [height, width] with bright ink on 0, or a pen's strokes, on one page."""
    size = size or random_size(random)
    if random.random() < condition.bars:
        return between_bars(digits, look, replace(condition, bars=0.0), random, size)
    kind = pick(condition.kinds, random)
    layout = pick(fitting(condition.layouts, len(digits)), random)
    short = min(size)
    if kind in SCREENS:
        written, paper, area, ink_colour = screen(kind, layout in AT_THE_EDGE, look, size, random)
        opacity, rough = 1.0, 0.0
    else:
        written, paper, area = page(kind, layout in AT_THE_EDGE, look, condition, size, random)
        name, ink_colour = visible_ink(paper, look, condition, random)
        opacity, rough = random.uniform(*condition.opacity), 0.25 if name in ROUGH else 0.05

    hard = kind in SCREENS and random.random() < condition.hard
    # Below this, a line would not survive the lens.
    least = 1.0 if kind in SCREENS else max(1.0, 0.012 * short * condition.blur[1])
    pen = Pen(even(condition.width, random), least, hard, max(condition.tilt, LEAST_SHEAR))
    ink = place(digits, layout, size, area, condition.longest, pen, random)
    write(written, ink.cover, ink_colour, opacity, rough, random)
    if kind not in SCREENS and layout != "small" and random.random() < condition.marks:
        known = [each for each in MARKS[look] if digits or each not in LIKE_DIGITS]
        cover = marks(pick(known, random), look, ink.cover, random)
        other = ink_colour if random.random() < 0.6 else colour(PENS[look][pick(DARK_PENS, random)], random)
        write(written, cover, other, opacity, rough, random)
    if kind == "photograph":
        written = written * light(size, look, pick(condition.lights, random), random)
        # Phones brighten dark pictures.
        exposure = max(random.uniform(*condition.exposure), DIMMEST / float(paper.max()))
        contrast = 255 * exposure * opacity * float(np.abs(ink_colour - paper).max())
        # Ink stays visible.
        deviation = min(mostly_low(condition.noise, random), contrast / 4)
        image = taken(written * np.float32(exposure), condition.blur, deviation, condition.quality, random)
    elif kind == "scan":
        image = jpeg(as_bytes(written), condition.quality, random)
    else:
        image = as_bytes(written)
        if random.random() >= condition.lossless:
            image = (jpeg if random.random() < 0.6 else webp)(image, condition.quality, random)
    own = [(ink.numbers == number) & (ink.cover > INK) for number in range(1, len(digits) + 1)]
    boxes = np.array([box_of(each) for each in own], np.int64).reshape(-1, 4)
    return Photograph(image, as_bytes(ink.cover), ink.numbers, boxes, ink.inside)


def between_bars(
    digits: Sequence[Digit], look: Look, condition: Condition, random: np.random.Generator, size: Size
) -> Photograph:
    """Photograph digits, and fill up the picture with a bar at either side, or at one."""
    side, share = int(random.integers(2)), random.uniform(0.04, 0.2)
    first = round(size[side] * share)
    last = first if random.random() < 0.8 else 0
    inner = (size[0] - first - last, size[1]) if side == 0 else (size[0], size[1] - first - last)
    taken_inside = photograph(digits, look, condition, random, inner)
    around = [(first, last), (0, 0)] if side == 0 else [(0, 0), (first, last)]
    level = int(random.choice(np.array([0, 0, 255, random.integers(256)])))
    shift = np.array([first, 0, first, 0] if side == 0 else [0, first, 0, first])
    return Photograph(
        np.pad(taken_inside.image, [*around, (0, 0)], constant_values=level),
        np.pad(taken_inside.ink, around),
        np.pad(taken_inside.numbers, around),
        taken_inside.boxes + shift,
        taken_inside.inside,
    )


def random_size(random: np.random.Generator) -> Size:
    longest = round(math.exp(random.uniform(math.log(160), math.log(640))))
    shortest = round(longest * random.choice([9 / 16, 3 / 4, 3 / 4, 1]))
    return (longest, shortest) if random.random() < 0.6 else (shortest, longest)


def page(
    kind: str, whole: bool, look: Look, condition: Condition, size: Size, random: np.random.Generator
) -> tuple[Scene, NDArray[np.floating[Any]], Box]:
    """Return a page, as a phone or a scanner sees it; whole: nothing of what lies around it.

    Also returns the colour of its paper, float32 [3], and where digits have room.
    """
    short = min(size)
    paper = colour(PAPERS[look][pick(condition.papers, random)], random)
    rough = 0.3 if kind == "scan" else 1.0
    blotches, fibres = random.uniform(0, 0.012, 2).astype(np.float32)
    grain = rough * (blotches * clouds(size, short / 6, random) + fibres * clouds(size, 1.5, random))
    scene: Scene = paper * (1 + grain)[..., None]
    if paper.max() < 0.4:
        # Wiped chalk.
        scene += np.clip(0.04 * clouds(size, short / 4, random), 0, 1)[..., None]
    line_colour, spacing = LINES[look]
    lined = pick(condition.rulings, random)
    if lined != "plain":
        lines = ruling(lined, short * even(spacing, random), size, random)
        scene += lines[..., None] * (colour(line_colour, random) * paper.max() - scene)
    edge = 0 if whole else round(0.04 * short)
    area = (edge, edge, size[0] - edge, size[1] - edge)
    if kind == "scan":
        return scene, paper, area if whole else scanned(scene, look, random)
    around = not whole and random.random() < condition.table
    if around or lined != "plain":
        scene, inner = seen_in_perspective(scene, paper, condition.tilt, around, look, random)
        area = inner if around else area
    return scene, paper, area


def visible_ink(
    paper: NDArray[np.floating[Any]], look: Look, condition: Condition, random: np.random.Generator
) -> tuple[str, NDArray[np.floating[Any]]]:
    """Draw a pen's name and colour: where there is a choice, ink that shows."""
    wrong = DARK_PENS if paper.max() < 0.45 else ("chalk",)
    suited = [pen for pen in condition.pens if pen not in wrong] or condition.pens
    for _ in range(10):
        pen = pick(suited, random)
        found = colour(PENS[look][pen], random)
        if np.abs(found - paper).max() > LEAST_CONTRAST:
            break
    return pen, found


def write(
    scene: Scene,
    cover: Plane,
    ink: NDArray[np.floating[Any]],
    opacity: float,
    rough: float,
    random: np.random.Generator,
) -> None:
    """Draw ink of one colour in place; rough: how unevenly it covers the paper."""
    top, left, bottom, right = box_of(cover > 0)
    if bottom == 0:
        return
    field = np.s_[top:bottom, left:right]
    covered = cover[field] * np.float32(opacity)
    if rough:
        texture = rough * clouds((bottom - top, right - left), 1.3, random)
        covered = covered * np.clip(1 - rough + texture, 0, 1)
    scene[field] += covered[..., None] * (ink - scene[field])
