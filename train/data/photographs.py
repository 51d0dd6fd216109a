"""Synthetic photographs of handwritten digits: any pen on any paper, in any light, taken with a phone.

A photograph is made like a real one: lines, ink and other marks on a page; the page, in perspective, on a
table; light and shadow over both; then lens, sensor and codec. Each of the `CONDITIONS` makes one aspect
strong and keeps the others mild. Training and evaluation have different papers, pens, tables, lights, marks
and typefaces.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from train.data.augment import jpeg
from train.data.fonts import printed

Plane = NDArray[np.floating[Any]]
"""[height, width], 0 to 1."""
Scene = NDArray[np.floating[Any]]
"""[height, width, 3], RGB, 0 to 1."""
Size = tuple[int, int]
"""Height and width."""
Range = tuple[float, float]
Colours = tuple[Range, Range, Range]
"""Ranges of hue, saturation and value, 0 to 1; a hue may exceed 1."""
Look = Literal["train", "evaluation"]


@dataclass(frozen=True)
class Photograph:
    """A photograph, and where its digits are.

    image: uint8 [height, width, 3]. ink: uint8 [height, width], how far the digits' ink covers each pixel.
    boxes: int64 [n, 4], top, left, bottom, right of each digit's ink (the last two just outside).
    """

    image: NDArray[np.uint8]
    ink: NDArray[np.uint8]
    boxes: NDArray[np.int64]


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
    },
    "evaluation": {
        "blue": ((0.68, 0.78), (0.4, 0.9), (0.15, 0.5)),
        "black": ((0.0, 1.0), (0.0, 0.3), (0.02, 0.28)),
        "red": ((0.9, 0.96), (0.6, 1.0), (0.45, 0.85)),
        "green": ((0.42, 0.5), (0.5, 1.0), (0.2, 0.45)),
        "pencil": ((0.55, 0.7), (0.0, 0.12), (0.28, 0.48)),
        "chalk": ((0.45, 0.6), (0.0, 0.25), (0.8, 1.0)),
    },
}
LINES: Final[Mapping[Look, tuple[Colours, Range]]] = {
    "train": (((0.5, 0.7), (0.1, 0.6), (0.5, 0.8)), (0.06, 0.15)),
    "evaluation": (((0.3, 0.48), (0.1, 0.5), (0.5, 0.78)), (0.05, 0.18)),
}
"""Colour of printed lines, and their spacing as a share of the shorter side."""
MARKS: Final[Mapping[Look, tuple[str, ...]]] = {
    "train": ("specks", "underline", "text", "strokes", "frame"),
    "evaluation": ("specks", "underline", "text", "strokes", "ring", "crease"),
}
SHADOW_CORNERS: Final[Mapping[Look, tuple[int, int]]] = {"train": (3, 5), "evaluation": (5, 8)}
TABLES: Final[Mapping[Look, Colours]] = {
    "train": ((0.03, 0.12), (0.1, 0.7), (0.15, 0.8)),
    "evaluation": ((0.5, 1.0), (0.0, 0.4), (0.15, 0.7)),
}
ROUGH: Final = ("pencil", "chalk")
LETTERS: Final = "ABCDEFGHKLMNPRSTXYZ0123456789"


@dataclass(frozen=True)
class Condition:
    """A kind of photograph: what is drawn from, for each aspect."""

    papers: tuple[str, ...] = ("white",)
    pens: tuple[str, ...] = ("blue", "black")
    opacity: Range = (0.85, 1.0)
    rulings: tuple[str, ...] = ("plain",)
    lights: tuple[str, ...] = ("even",)
    exposure: Range = (0.75, 1.0)
    """Brightness of white paper."""
    tilt: float = 0.03
    """How far the page's corners move, as a share of its sides."""
    marks: bool = False
    table: bool = False
    blur: Range = (0.0, 0.4)
    """Standard deviation, as a percentage of the shorter side."""
    noise: Range = (0.0, 3.0)
    """Standard deviation in levels of 255."""
    quality: Range = (70, 95)
    """Of JPEG."""


COLOURED: Final = ("yellow", "green", "blue", "red")
DARK_PENS: Final = ("blue", "black", "red", "green", "pencil")
CONDITIONS: Final[Mapping[str, Condition]] = {
    "plain paper": Condition(pens=DARK_PENS),
    "ruled paper": Condition(rulings=("ruled",)),
    "squared paper": Condition(rulings=("squared",)),
    "paper with a margin": Condition(rulings=("margin",)),
    "kraft paper": Condition(papers=("kraft",)),
    "coloured paper": Condition(papers=COLOURED),
    "red on green": Condition(papers=("green",), pens=("red",)),
    "pencil": Condition(pens=("pencil",), opacity=(0.5, 0.8)),
    "thin contrast": Condition(papers=("grey",), pens=("black", "blue"), opacity=(0.4, 0.7)),
    "blackboard": Condition(papers=("blackboard",), pens=("chalk",)),
    "white on brown": Condition(papers=("kraft",), pens=("chalk",)),
    "gradient": Condition(lights=("gradient",)),
    "vignette": Condition(lights=("vignette",)),
    "soft shadow": Condition(lights=("soft shadow",)),
    "hard shadow": Condition(lights=("hard shadow",)),
    "dim": Condition(exposure=(0.15, 0.45)),
    "bright": Condition(exposure=(1.05, 1.25)),
    "perspective": Condition(tilt=0.15),
    "blur": Condition(blur=(0.6, 1.2)),
    "noise": Condition(noise=(6.0, 14.0)),
    "low quality": Condition(quality=(15, 40)),
    "on a table": Condition(table=True),
    "marks beside it": Condition(marks=True),
}
ANYTHING: Final = Condition(
    papers=tuple(PAPERS["train"]),
    pens=tuple(PENS["train"]),
    opacity=(0.4, 1.0),
    rulings=("plain", "plain", "ruled", "squared", "margin", "dots"),
    lights=("even", "gradient", "vignette", "soft shadow", "hard shadow"),
    exposure=(0.15, 1.2),
    tilt=0.15,
    blur=(0.0, 1.0),
    noise=(0.0, 12.0),
    quality=(15, 95),
)
"""All of it at once, for training; marks and a table in a part of the photographs."""


def photograph(
    digits: Sequence[NDArray[np.uint8]],
    look: Look,
    condition: Condition,
    random: np.random.Generator,
    size: Size | None = None,
) -> Photograph:
    """Photograph digits, uint8 [height, width] with bright ink on 0, side by side on one page."""
    size = size or random_size(random)
    page, ink, numbers = written_page(digits, look, condition, size, random)
    page, ink, numbers = seen_in_perspective(page, ink, numbers, look, condition, random)
    lit = page * light(size, look, pick(condition.lights, random), random)
    lit *= random.uniform(*condition.exposure)
    image = taken(lit, condition, random)
    return Photograph(image, as_bytes(ink), boxes_of(ink, numbers, len(digits)))


def pick(choices: Sequence[str], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]


def random_size(random: np.random.Generator) -> Size:
    longest = round(math.exp(random.uniform(math.log(160), math.log(640))))
    shortest = round(longest * random.choice([9 / 16, 3 / 4, 3 / 4, 1]))
    return (longest, shortest) if random.random() < 0.6 else (shortest, longest)


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


def written_page(
    digits: Sequence[NDArray[np.uint8]],
    look: Look,
    condition: Condition,
    size: Size,
    random: np.random.Generator,
) -> tuple[Scene, Plane, NDArray[np.uint8]]:
    """Return a page seen from above, the coverage by the digits' ink, and each pixel's digit from 1, or 0."""
    short = min(size)
    paper = colour(PAPERS[look][pick(condition.papers, random)], random)
    grain = 1 + 0.012 * clouds(size, short / 6, random) + 0.01 * clouds(size, 1.5, random)
    page = paper * grain[..., None]
    if paper.max() < 0.4:
        # Wiped chalk.
        page += np.clip(0.04 * clouds(size, short / 4, random), 0, 1)[..., None]
    line_colour, spacing = LINES[look]
    lines = ruling(pick(condition.rulings, random), short * random.uniform(*spacing), size, random)
    page += lines[..., None] * (colour(line_colour, random) * paper.max() - page)

    # Where there is a choice, ink that shows.
    visible = [pen for pen in condition.pens if (pen != "chalk") == (paper.max() > 0.45)]
    pen = pick(visible or condition.pens, random)
    ink_colour, opacity = colour(PENS[look][pen], random), random.uniform(*condition.opacity)
    ink, numbers = placed(digits, size, random)
    rough = 0.25 if pen in ROUGH else 0.05
    texture = np.clip(1 + rough * clouds(size, 1.3, random) - rough, 0, 1)
    page += (ink * texture * opacity)[..., None] * (ink_colour - page)
    if condition.marks:
        cover = marks(pick(MARKS[look], random), look, ink, random)
        mark_colour = (
            ink_colour if random.random() < 0.6 else colour(PENS[look][pick(DARK_PENS, random)], random)
        )
        page += (cover * opacity)[..., None] * (mark_colour - page)
    return page, ink, numbers


def ruling(kind: str, spacing: float, size: Size, random: np.random.Generator) -> Plane:
    """Return the coverage by printed lines: ruled, squared, dots, or margin (ruled, with a vertical line)."""
    width = max(0.7, min(size) * random.uniform(0.002, 0.008))
    strength = random.uniform(0.4, 0.95)

    def lines(length: int, apart: float) -> Plane:
        away = np.abs((np.arange(length) + random.uniform(0, apart)) % apart - apart / 2)
        covered: Plane = np.clip(width / 2 + 0.5 - away, 0, min(1, width)) * strength
        return covered

    down, across = lines(size[0], spacing)[:, None], lines(size[1], spacing)
    if kind == "squared":
        return np.maximum(down, across)
    if kind == "dots":
        return down * across
    if kind == "margin":
        edge = lines(2 * size[1], 2 * size[1])
        place = int(np.argmax(edge)) - round(size[1] * random.uniform(0.06, 0.2))
        return np.maximum(down, np.roll(edge, -place)[: size[1]])
    return np.broadcast_to(down, size) if kind == "ruled" else np.zeros(size, np.float32)


def placed(
    digits: Sequence[NDArray[np.uint8]], size: Size, random: np.random.Generator
) -> tuple[Plane, NDArray[np.uint8]]:
    """Place digits side by side; return the coverage by ink, and the number of each pixel's digit."""
    height, width = size
    edge = 0.04 * min(size)
    tall = min(size) * math.exp(random.uniform(math.log(0.18), math.log(0.8)))
    images = [enlarged(digit, tall, random) for digit in digits]
    gaps = [tall * random.uniform(-0.04, 0.6) for _ in images[1:]]
    shrink = min(1.0, (width - 2 * edge) / (sum(image.shape[1] for image in images) + sum(gaps)))
    if shrink < 1:
        images = [enlarged(digit, tall * shrink, random) for digit in digits]
    across = sum(image.shape[1] for image in images) + shrink * sum(gaps)
    reach = max(image.shape[0] for image in images)
    left = random.uniform(edge, max(width - across - edge, edge + 1))
    top = random.uniform(edge, max(height - reach - edge, edge + 1))
    cover, numbers = np.zeros(size, np.float32), np.zeros(size, np.uint8)
    for number, (image, gap) in enumerate(zip(images, [*gaps, 0], strict=True), 1):
        down, over = round(top + random.uniform(0, reach - image.shape[0])), round(left)
        field = np.s_[down : down + image.shape[0], over : over + image.shape[1]]
        image = image[: height - down, : width - over]
        numbers[field][image > np.maximum(cover[field], 0.25)] = number
        cover[field] = np.maximum(cover[field], image)
        left += image.shape[1] + shrink * gap
    return cover, numbers


def enlarged(digit: NDArray[np.uint8], longest: float, random: np.random.Generator) -> Plane:
    """Scale a digit so that its ink's longest side has this length, with the sharp edges of a pen."""
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    ink = np.pad(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 2)
    factor = longest / (max(ink.shape) - 4)
    size = (round(ink.shape[1] * factor), round(ink.shape[0] * factor))
    image = Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC)
    smooth = blurred(np.asarray(image, np.float32) / 255, 0.35 * factor)
    level = random.uniform(0.25, 0.45) * smooth.max()
    sharp: Plane = np.clip((smooth - level) * max(factor, 2.0) + 0.5, 0, 1)
    rows, columns = np.flatnonzero((sharp > 0.25).any(1)), np.flatnonzero((sharp > 0.25).any(0))
    return sharp[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def marks(kind: str, look: Look, ink: Plane, random: np.random.Generator) -> Plane:
    """Return the coverage by marks that belong to no digit, and keep clear of the ink."""
    height, width = ink.shape
    short = min(ink.shape)
    thick = max(1, round(short * random.uniform(0.004, 0.02)))
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    if kind == "specks":
        for _ in range(random.integers(1, 12)):
            x, y, radius = (
                random.uniform(0, width),
                random.uniform(0, height),
                short * random.uniform(0.002, 0.012),
            )
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    elif kind == "underline":
        for line in range(random.integers(1, 3)):
            y = bottom + short * random.uniform(0.04, 0.08) + 3 * line * thick
            pen.line((left - short * 0.1, y, right + short * 0.1, y + random.uniform(-3, 3)), 255, thick)
    elif kind == "text":
        tall = max(8, round(short * random.uniform(0.04, 0.09)))
        for column in range(random.integers(4, 10)):
            character = Image.fromarray(printed(look, LETTERS, random))
            fitted = character.crop(character.getbbox()).resize((tall * 2 // 3, tall))
            canvas.paste(fitted, (round(0.05 * width) + column * tall, round(0.03 * height)))
    elif kind == "strokes":
        for _ in range(random.integers(1, 4)):
            points = random.uniform(0, 0.2 * short, (4, 2)) + random.random(2) * (width, height)
            pen.line([tuple(point) for point in points.tolist()], 255, thick, "curve")
    elif kind == "frame":
        gap = short * random.uniform(0.06, 0.15)
        pen.rectangle((left - gap, top - gap, right + gap, bottom + gap), None, 255, thick)
    elif kind == "ring":
        x, y, radius = random.uniform(0, width), random.uniform(0, height), short * random.uniform(0.15, 0.3)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), None, 110, 2 * thick)
    elif kind == "crease":
        begin, end = random.uniform(0, width, 2)
        pen.line((begin, 0, end, height), 60, thick)
    cover = np.asarray(canvas, np.float32) / 255
    near = np.asarray(Image.fromarray(as_bytes(ink)).filter(ImageFilter.BoxBlur(max(2, 0.03 * short)))) > 0
    return np.where(near, np.float32(0), cover)


def seen_in_perspective(
    page: Scene,
    ink: Plane,
    numbers: NDArray[np.uint8],
    look: Look,
    condition: Condition,
    random: np.random.Generator,
) -> tuple[Scene, Plane, NDArray[np.uint8]]:
    """Move the corners of what `written_page` returns; beyond them is a table, or more of the page."""
    height, width = ink.shape
    corners = np.array([[0, 0], [0, height], [width, height], [width, 0]], np.float64)
    # Without a table the page is a little larger than the picture.
    scale = 1 - random.uniform(0.1, 0.3) if condition.table else 1 + condition.tilt
    moved = corners.mean(0) + scale * (corners - corners.mean(0))
    moved += random.uniform(-0.5, 0.5, (4, 2)) * condition.tilt * (width, height)
    data = perspective(moved, corners)

    def warped(image: Image.Image, resampling: Image.Resampling) -> NDArray[np.uint8]:
        return np.asarray(image.transform((width, height), Image.Transform.PERSPECTIVE, data, resampling))

    smooth = Image.Resampling.BICUBIC
    seen = warped(Image.fromarray(as_bytes(page)), smooth).astype(np.float32) / 255
    inside = warped(Image.new("L", (width, height), 255), Image.Resampling.BILINEAR)[..., None] / np.float32(
        255
    )
    beyond = table((height, width), look, random) if condition.table else np.median(page, axis=(0, 1))
    return (
        seen + (1 - inside) * beyond,
        warped(Image.fromarray(as_bytes(ink)), smooth).astype(np.float32) / 255,
        warped(Image.fromarray(numbers), Image.Resampling.NEAREST),
    )


def perspective(source: NDArray[np.float64], target: NDArray[np.float64]) -> list[float]:
    """Return the eight numbers by which Pillow maps points of the picture, `source`, to those of the page."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(each) for each in np.linalg.solve(np.array(rows), np.array(values))]


def table(size: Size, look: Look, random: np.random.Generator) -> Scene:
    """Return a table, with the grain of wood."""
    grain = clouds((size[0], max(2, size[1] // 12)), 3, random)
    wood = np.asarray(Image.fromarray(grain).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    strength = np.float32(random.uniform(0, 0.15))
    return colour(TABLES[look], random) * (1 + strength * wood[..., None])


def light(size: Size, look: Look, kind: str, random: np.random.Generator) -> NDArray[np.floating[Any]]:
    """Return the light that falls on each pixel, float32 [height, width, 1 or 3]; 1 is full."""
    down, across = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in size), indexing="ij")
    if kind == "gradient":
        angle, strength = random.uniform(0, 2 * math.pi), random.uniform(0.2, 0.45)
        return (1 - strength * (1 + (down * math.sin(angle) + across * math.cos(angle)) / math.sqrt(2)))[
            ..., None
        ]
    if kind == "vignette":
        return (1 - random.uniform(0.2, 0.6) * (down**2 + across**2) / 2)[..., None]
    if kind in ("soft shadow", "hard shadow"):
        canvas = Image.new("L", (size[1], size[0]))
        corners = random.uniform(-0.2, 1.2, (random.integers(*SHADOW_CORNERS[look]), 2)) * (size[1], size[0])
        middle = corners.mean(0)
        order = np.argsort(np.arctan2(*(corners - middle).T))
        ImageDraw.Draw(canvas).polygon([tuple(point) for point in corners[order].tolist()], fill=255)
        softness = min(size) * (random.uniform(0.03, 0.12) if kind == "soft shadow" else 0.004)
        shade = np.asarray(canvas.filter(ImageFilter.GaussianBlur(softness)), np.float32)[..., None] / 255
        # The sky, which lights the shadow, is bluer than the lamp or the sun.
        return 1 - shade * random.uniform(0.25, 0.6) * np.array([1, 0.97, 0.92], np.float32)
    return np.ones((1, 1, 1), np.float32)


def taken(lit: Scene, condition: Condition, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return what a phone saves of a scene: white balance, blur, noise and JPEG."""
    short = min(lit.shape[:2])
    tint = 1 + np.array([1, 0, -1], np.float32) * np.float32(random.uniform(-0.08, 0.08))
    image = Image.fromarray(as_bytes(lit * tint))
    image = image.filter(ImageFilter.GaussianBlur(short * random.uniform(*condition.blur) / 100))
    noise = random.standard_normal(lit.shape, np.float32) * np.float32(random.uniform(*condition.noise))
    noisy = np.clip(np.rint(np.asarray(image) + noise), 0, 255).astype(np.uint8)
    return jpeg(noisy, condition.quality, random)


def boxes_of(ink: Plane, numbers: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    boxes = []
    for number in range(1, count + 1):
        own = (numbers == number) & (ink > 0.25)
        rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
        boxes.append((rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else (0, 0, 0, 0))
    return np.array(boxes, np.int64).reshape(-1, 4)
