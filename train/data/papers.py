"""Pages to write on: printed lines, marks beside the digits, scanners' edges, and tables around them."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from train.data.fonts import FONTS, in_font, load_font
from train.data.layouts import Pen, rendered
from train.data.planes import Box, Colours, Look, Plane, Scene, Size, as_bytes, box_of, clouds, colour, pick
from train.data.styles import STYLES, styled

MARKS: Final[Mapping[Look, tuple[str, ...]]] = {
    "train": (
        "specks",
        "underline",
        "text",
        "strokes",
        "frame",
        "words",
        "date",
        "polygon",
        "arrow",
        "hatching",
    ),
    "evaluation": ("specks", "underline", "text", "strokes", "date", "circle", "ring", "crease"),
}
LIKE_DIGITS: Final = ("strokes", "date", "circle", "ring", "polygon", "arrow")
"""Marks that could be taken for digits if there is no digit beside them."""
SCANS: Final[Mapping[Look, tuple[str, ...]]] = {
    "train": ("grey edge", "dark border", "holes"),
    "evaluation": ("grey edge", "dark border", "holes", "staple"),
}
TABLES: Final[Mapping[Look, Colours]] = {
    "train": ((0.03, 0.12), (0.1, 0.7), (0.15, 0.8)),
    "evaluation": ((0.5, 1.0), (0.0, 0.4), (0.15, 0.7)),
}
LETTERS: Final = "ABCDEFGHKLMNPRSTXYZabdehknr"


def ruling(kind: str, spacing: float, size: Size, random: np.random.Generator) -> Plane:
    """Return the coverage by printed lines.

    kind: plain, ruled, squared, millimetre (squared, each fifth line stronger), dots, or margin (ruled, with
    a vertical line).
    """
    width = max(0.7, spacing * random.uniform(0.02, 0.07))
    strength = random.uniform(0.4, 0.95)

    def lines(length: int, apart: float) -> Plane:
        away = np.abs((np.arange(length) + random.uniform(0, apart)) % apart - apart / 2)
        covered: Plane = np.clip(width / 2 + 0.5 - away, 0, min(1, width)) * strength
        return covered

    down, across = lines(size[0], spacing)[:, None], lines(size[1], spacing)
    if kind == "squared":
        return np.maximum(down, across)
    if kind == "millimetre":
        fine = np.maximum(lines(size[0], spacing / 5)[:, None], lines(size[1], spacing / 5))
        return np.maximum(0.5 * fine, np.maximum(down, across))
    if kind == "dots":
        return down * across
    if kind == "margin":
        edge = lines(2 * size[1], 2 * size[1])
        place = int(np.argmax(edge)) - round(size[1] * random.uniform(0.06, 0.2))
        return np.maximum(down, np.roll(edge, -place)[: size[1]])
    return np.broadcast_to(down, size) if kind == "ruled" else np.zeros(size, np.float32)


def marks(kind: str, look: Look, ink: Plane, random: np.random.Generator) -> Plane:
    """Return the coverage by marks that belong to no digit, and keep clear of the ink."""
    height, width = ink.shape
    short = min(ink.shape)
    thick = max(1, round(short * random.uniform(0.004, 0.02)))
    anywhere = (height // 3, width // 3, height // 2, width // 2)
    top, left, bottom, right = box_of(ink > 0) if ink.any() else anywhere
    longest = max(bottom - top, right - left)
    # Writing is smaller than the digit.
    tall = max(6.0, min(short * random.uniform(0.03, 0.08), 0.4 * longest))
    x, y = random.uniform(0, 0.7 * width), random.uniform(0, height - tall)
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    if kind == "specks":
        for _ in range(random.integers(1, 12)):
            x, y = random.uniform(0, width), random.uniform(0, height)
            dot(pen, x, y, short * random.uniform(0.002, 0.012), 255)
    elif kind == "underline":
        for line in range(random.integers(1, 3)):
            y = bottom + short * random.uniform(0.04, 0.08) + 3 * line * thick
            pen.line((left - short * 0.1, y, right + short * 0.1, y + random.uniform(-3, 3)), 255, thick)
    elif kind == "text":
        fonts = [name for name in FONTS[look] if len(in_font(name, LETTERS)) == len(LETTERS)]
        font = load_font(pick(fonts, random), round(tall))
        for _ in range(random.integers(1, 4)):
            letters = random.choice([*LETTERS, " ", " ", " "], random.integers(4, 30))
            pen.text((x, y), "".join(letters), 255, font)
            y += 1.3 * tall
    elif kind == "strokes":
        for _ in range(random.integers(1, 4)):
            points = random.uniform(0, 0.4 * longest, (4, 2)) + random.random(2) * (width, height)
            pen.line([tuple(point) for point in points.tolist()], 255, thick, "curve")
    elif kind == "words":
        turns = np.arange(0, random.uniform(20, 60), 0.3)
        loops = np.stack([0.12 * turns + 0.3 * np.cos(turns), np.sin(turns) * random.uniform(0.4, 1)], 1)
        loops[:, 1] *= np.interp(turns, turns[::8], random.uniform(0.4, 1.2, len(turns[::8])))
        places = loops * tall / 2 + (x, y)
        pen.line([tuple(place) for place in places.tolist()], 255, max(1, round(tall / 8)), "curve")
    elif kind == "date":
        for number in range(random.integers(3, 9)):
            if number and number % 3 == 2:
                dot(pen, x + tall / 4, y + tall, tall / 10, 255)
                x += tall / 2
                continue
            digit = styled(pick(tuple(STYLES), random), look, random)
            cover = rendered(digit, tall, 0.1 * tall, Pen(0.1), random)
            canvas.paste(Image.fromarray(as_bytes(cover)), (round(x), round(y)))
            x += cover.shape[1] + 0.2 * tall
    elif kind == "frame":
        gap = short * random.uniform(0.06, 0.15)
        pen.rectangle((left - gap, top - gap, right + gap, bottom + gap), None, 255, thick)
    elif kind == "circle":
        across, down = (right - left) * random.uniform(0.9, 1.3), (bottom - top) * random.uniform(0.9, 1.3)
        x, y = (left + right) / 2, (top + bottom) / 2
        pen.ellipse((x - across, y - down, x + across, y + down), None, 255, thick)
    elif kind == "polygon":
        # Around the digit, or elsewhere.
        middle, radius = np.array([x, y]), random.uniform(0.1, 0.7) * longest
        if random.random() < 0.5:
            middle, radius = np.array([left + right, top + bottom]) / 2, random.uniform(0.75, 1.1) * longest
        turns = np.sort(random.uniform(0, 2 * math.pi, random.integers(3, 9)))
        far = radius * random.uniform(0.7, 1.3, len(turns))
        corners = middle + np.stack([far * np.cos(turns), far * np.sin(turns)], 1)
        pen.polygon([tuple(corner) for corner in corners.tolist()], None, 255, thick)
    elif kind == "arrow":
        turn, long = random.uniform(0, 2 * math.pi), random.uniform(0.3, 1.2) * longest
        tip = (x + long * math.cos(turn), y + long * math.sin(turn))
        pen.line((x, y, *tip), 255, thick)
        for side in (2.6, -2.6):
            wing = (0.25 * long * math.cos(turn + side), 0.25 * long * math.sin(turn + side))
            pen.line((*tip, tip[0] + wing[0], tip[1] + wing[1]), 255, thick)
    elif kind == "hatching":
        lean, apart = random.uniform(-1.5, 1.5) * tall, max(3.0, random.uniform(0.4, 1) * tall)
        for line in range(random.integers(3, 10)):
            at = x + line * apart
            pen.line((at, y, at + lean, y + 3 * tall), 255, thick)
    elif kind == "ring":
        dot(pen, x, y, short * random.uniform(0.15, 0.3), None, 2 * thick)
    elif kind == "crease":
        begin, end = random.uniform(0, width, 2)
        pen.line((begin, 0, end, height), 60, thick)
    cover = np.asarray(canvas, np.float32) / 255
    near = np.asarray(Image.fromarray(as_bytes(ink)).filter(ImageFilter.BoxBlur(max(2, 0.03 * short)))) > 0
    return np.where(near, np.float32(0), cover)


def dot(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: int | None, line: int = 0) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill, 110 if line else None, line)


def scanned(page: Scene, look: Look, random: np.random.Generator) -> Box:
    """Draw what a scanner adds at the page's edges, in place; return the box in between."""
    height, width = page.shape[:2]
    short = min(height, width)
    area = np.array([0, 0, height, width]) + np.array([1, 1, -1, -1]) * round(0.04 * short)
    for extra in SCANS[look]:
        if random.random() < 0.5:
            continue
        side, wide = int(random.integers(4)), short * random.uniform(0.01, 0.08)
        # A view whose first row is along the side.
        view = page.swapaxes(0, 1) if side % 2 else page
        view = view[::-1] if side >= 2 else view
        away = np.arange(len(view), dtype=np.float32)[:, None]
        if extra == "grey edge":
            view *= 1 - random.uniform(0.1, 0.5) * np.clip(1 - away / (2 * wide), 0, 1)[..., None]
        elif extra == "dark border":
            lean = np.linspace(0, random.uniform(-0.03, 0.03) * short, view.shape[1], dtype=np.float32)
            view += np.clip(wide - away - lean, 0, 1)[..., None] * (random.uniform(0.02, 0.4) - view)
        else:
            wide = short * random.uniform(0.04, 0.08)
            cover = punched(extra, round(wide), view.shape[1], random)[..., None]
            view[: len(cover)] += cover * (random.uniform(0.05, 0.6) - view[: len(cover)])
        area[side] += round(1.3 * wide) * (1 if side < 2 else -1)
    top, left, bottom, right = area.tolist()
    return top, left, bottom, right


def punched(kind: str, deep: int, along: int, random: np.random.Generator) -> Plane:
    """Return the coverage by holes, or a staple, in a strip: float32 [deep, along]."""
    canvas = Image.new("L", (along, deep))
    draw = ImageDraw.Draw(canvas)
    if kind == "staple":
        x, y = along * random.choice([0.08, 0.92]), random.uniform(0.2, 0.8) * deep
        draw.line((x - deep / 3, y, x + deep / 3, random.uniform(0.2, 0.8) * deep), 255, max(1, deep // 12))
    else:
        radius = deep * random.uniform(0.2, 0.35)
        for share in (0.3, 0.7) if random.random() < 0.7 else (0.15, 0.38, 0.62, 0.85):
            dot(draw, along * share, deep / 2, radius, 255)
    return np.asarray(canvas, np.float32) / 255


def seen_in_perspective(
    page: Scene,
    paper: NDArray[np.floating[Any]],
    tilt: float,
    around: bool,
    look: Look,
    random: np.random.Generator,
) -> tuple[Scene, Box]:
    """Move the corners of a page, with a table at some of its sides or more of the page.

    tilt: how far the corners move, as a share of the sides. Returns a box inside the page, too.
    """
    height, width = page.shape[:2]
    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float64)
    # Distances of the page's sides from the picture's: without a table the page is a little larger.
    insets = np.full(4, -tilt / 2)
    if around:
        shown = random.random(4) < 0.65
        shown[random.integers(4)] = True
        insets = np.where(shown, random.uniform(0.04, 0.2, 4), random.uniform(-0.3, -0.1, 4))
    moved = np.where(corners == 0, insets[:2], 1 - insets[2:])
    moved += random.uniform(-0.5, 0.5, (4, 2)) * tilt
    moved = moved * (width, height)
    if around:
        angle = math.radians(random.uniform(-7, 7))
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        moved = moved.mean(0) + (moved - moved.mean(0)) @ turn
    data = perspective(moved, corners * (width, height))

    def warped(image: Image.Image, resampling: Image.Resampling) -> NDArray[np.float32]:
        seen = image.transform((width, height), Image.Transform.PERSPECTIVE, data, resampling)
        return np.asarray(seen, np.float32) / np.float32(255)

    seen = warped(Image.fromarray(as_bytes(page)), Image.Resampling.BICUBIC)
    inside = warped(Image.new("L", (width, height), 255), Image.Resampling.BILINEAR)[..., None]
    beyond = table((height, width), look, random) if around else paper
    edge = 0.04 * min(height, width)
    top, bottom = max(moved[0, 1], moved[3, 1], 0) + edge, min(moved[1, 1], moved[2, 1], height) - edge
    left, right = max(moved[0, 0], moved[1, 0], 0) + edge, min(moved[2, 0], moved[3, 0], width) - edge
    return seen + (1 - inside) * beyond, (round(top), round(left), round(bottom), round(right))


def perspective(source: NDArray[np.float64], target: NDArray[np.float64]) -> list[float]:
    """Return the eight numbers by which Pillow maps points of the picture, `source`, to those of the page."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(each) for each in np.linalg.solve(np.array(rows), np.array(values))]


def table(size: Size, look: Look, random: np.random.Generator) -> Scene:
    """Return a table, with the grain of wood, and often other things on it."""
    height, width = size
    grain = clouds((height, max(2, width // 12)), 3, random)
    wood = np.asarray(Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC))
    strength = np.float32(random.uniform(0, 0.15))
    scene: Scene = colour(TABLES[look], random) * (1 + strength * wood[..., None])
    for _ in range(max(0, int(random.integers(-2, 3)))):
        canvas = Image.new("L", (width, height))
        angle, middle = random.uniform(0, math.pi), random.random(2) * (width, height)
        along = np.array([math.cos(angle), math.sin(angle)]) * max(size) * random.uniform(0.1, 0.4)
        aside = np.array([-along[1], along[0]]) * random.uniform(0.05, 0.8)
        ends = [middle + one * along + other * aside for one, other in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
        ImageDraw.Draw(canvas).polygon([tuple(end.tolist()) for end in ends], 255)
        cover = np.asarray(canvas, np.float32)[..., None] / 255
        scene += cover * (random.random(3).astype(np.float32) - scene)
    return scene
