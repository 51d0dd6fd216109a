"""Clean pictures: canvases of drawing apps, alone, on a page, letterboxed, and in screenshots of phones."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from train.data.fonts import FONTS, load_font
from train.data.papers import ruling
from train.data.planes import Box, Look, Scene, Size, as_bytes, pick

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""

LEAST_CONTRAST: Final = 90
"""Difference of paper and ink in one of red, green and blue."""
STATUS_BAR: Final[Mapping[Look, tuple[float, float]]] = {"train": (0.025, 0.05), "evaluation": (0.035, 0.06)}
"""Height, as a share of the screen's."""
WORDS: Final[Mapping[Look, tuple[str, ...]]] = {
    "train": ("Clear", "Undo", "Check", "Save", "Done", "Draw a digit", "Next", "Share", "New"),
    "evaluation": ("Cancel", "OK", "Reset", "Submit", "Your drawing", "Edit", "Menu", "Back"),
}
TIMES: Final[Mapping[Look, tuple[str, ...]]] = {
    "train": ("9:41", "12:05", "16:20", "8:30 AM", "21:57"),
    "evaluation": ("10:08", "7:15", "13:36", "18:02", "11:49 PM"),
}


def screen(
    kind: str, whole: bool, look: Look, size: Size, random: np.random.Generator
) -> tuple[Scene, NDArray[np.floating[Any]], Box, NDArray[np.floating[Any]]]:
    """Draw an empty canvas of a kind of `SCREENS`, and what is around it; whole: it takes all of the picture.

    Also returns the colour of its paper, float32 [3], where digits have room, and a colour of ink that shows.
    """
    paper, ink = paper_and_ink(random)
    picture = Image.new("RGB", (size[1], size[0]), paper)
    if random.random() < 0.12:
        kind_of_guide, apart = pick(("ruled", "squared", "dots"), random), random.uniform(0.05, 0.3)
        guides = ruling(kind_of_guide, min(size) * apart, size, random)
        line = other_colour(paper, 10, random)
        picture.paste(line, mask=Image.fromarray(as_bytes(guides * random.uniform(0.1, 0.4))))
    edge = 0 if whole else round(0.03 * min(size))
    area = (edge, edge, size[0] - edge, size[1] - edge)
    if not whole:
        top, left, bottom, right = SCREENS[kind](picture, paper, look, random)
        area = (top + edge, left + edge, bottom - edge, right - edge)
    scene = np.asarray(picture, np.float32) / np.float32(255)
    colours = np.array([paper, ink], np.float32) / np.float32(255)
    return scene, colours[0], area, colours[1]


def paper_and_ink(random: np.random.Generator) -> tuple[Colour, Colour]:
    """Draw two colours: often black and white, else any that differ enough."""
    paper, ink = any_colour(random), any_colour(random)
    while max(abs(one - other) for one, other in zip(paper, ink, strict=True)) < LEAST_CONTRAST:
        paper, ink = any_colour(random), any_colour(random)
    return paper, ink


def any_colour(random: np.random.Generator) -> Colour:
    """Draw a colour: white, black, nearly so, or any."""
    kind = random.random()
    if kind < 0.25:
        return 255, 255, 255
    if kind < 0.45:
        return 0, 0, 0
    if kind < 0.7:
        level = int(random.choice([random.integers(12, 60), random.integers(225, 256)]))
        red, green, blue = np.clip(level + random.integers(-6, 7, 3), 0, 255).tolist()
        return red, green, blue
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


def other_colour(paper: Colour, least: int, random: np.random.Generator) -> Colour:
    """Draw a colour that differs from another at least by so many levels."""
    found = any_colour(random)
    while max(abs(one - other) for one, other in zip(paper, found, strict=True)) < least:
        found = any_colour(random)
    return found


def canvas(picture: Image.Image, paper: Colour, look: Look, random: np.random.Generator) -> Box:  # noqa: ARG001
    """Nothing around it."""
    return 0, 0, picture.height, picture.width


def letterbox(picture: Image.Image, paper: Colour, look: Look, random: np.random.Generator) -> Box:  # noqa: ARG001
    """Bars of one colour at two opposite sides, or at one."""
    width, height = picture.size
    bars = other_colour(paper, 40, random) if random.random() < 0.4 else pick_bars(paper, random)
    share = random.uniform(0.04, 0.25)
    first, last = (share, share) if random.random() < 0.8 else (share, 0.0)
    draw = ImageDraw.Draw(picture)
    if random.random() < 0.5:
        top, bottom = round(first * height), height - round(last * height)
        draw.rectangle((0, 0, width, top - 1), bars)
        if bottom < height:
            draw.rectangle((0, bottom, width, height), bars)
        return top, 0, bottom, width
    left, right = round(first * width), width - round(last * width)
    draw.rectangle((0, 0, left - 1, height), bars)
    if right < width:
        draw.rectangle((right, 0, width, height), bars)
    return 0, left, height, right


def pick_bars(paper: Colour, random: np.random.Generator) -> Colour:
    """Draw black or white, whichever is not the paper."""
    level = 255 * int(random.integers(2))
    if max(abs(level - each) for each in paper) < 40:
        level = 255 - level
    return level, level, level


def page(picture: Image.Image, paper: Colour, look: Look, random: np.random.Generator) -> Box:
    """A page around a canvas: with a line, round corners or a shadow, and words and buttons beside it."""
    width, height = picture.size
    around = other_colour(paper, 8 if random.random() < 0.3 else 30, random)
    picture.paste(around, (0, 0, width, height))
    top, bottom = (round(height * random.uniform(0.04, 0.22)) for _ in range(2))
    left, right = (round(width * random.uniform(0.03, 0.15)) for _ in range(2))
    box = (left, top, width - right, height - bottom)
    on_page(picture, box, paper, around, random)
    for above in (True, False):
        room = top if above else bottom
        if room > 14 and random.random() < 0.6:
            middle = room // 2 if above else height - room // 2
            buttons(picture, middle, round(room * random.uniform(0.3, 0.6)), around, look, random)
    return top, left, height - bottom, width - right


def on_page(
    picture: Image.Image, box: Box, paper: Colour, around: Colour, random: np.random.Generator
) -> None:
    """Draw a canvas at left, top, right, bottom."""
    short = min(picture.size)
    radius = short * random.uniform(0.01, 0.05) if random.random() < 0.5 else 0
    if random.random() < 0.4:
        away = short * random.uniform(0.005, 0.02)
        shade = Image.new("L", picture.size)
        moved = (box[0], box[1] + away, box[2], box[3] + away)
        ImageDraw.Draw(shade).rounded_rectangle(moved, radius, round(255 * random.uniform(0.15, 0.5)))
        picture.paste((0, 0, 0), mask=shade.filter(ImageFilter.GaussianBlur(away)))
    line = other_colour(around, 20, random) if random.random() < 0.5 else None
    thick = max(1, round(short * random.uniform(0.001, 0.01)))
    left, top, right, bottom = box
    ImageDraw.Draw(picture).rounded_rectangle((left, top, right - 1, bottom - 1), radius, paper)
    if line:
        # Outside, so that the line does not come closer to the digit.
        outer = (left - thick, top - thick, right + thick - 1, bottom + thick - 1)
        ImageDraw.Draw(picture).rounded_rectangle(outer, radius, None, line, thick)


def buttons(
    picture: Image.Image, middle: int, tall: int, around: Colour, look: Look, random: np.random.Generator
) -> None:
    """Draw one to three buttons, or words, in a row."""
    draw = ImageDraw.Draw(picture)
    font = text_font(look, max(8, round(0.55 * tall)))
    count = int(random.integers(1, 4))
    filled = random.random() < 0.6
    for number in range(count):
        x = picture.width * (number + 0.5) / count
        words = pick(WORDS[look], random)
        wide = draw.textlength(words, font) / 2 + 0.4 * tall
        if wide > picture.width / count / 2:
            continue
        behind = around
        if filled:
            behind = other_colour(around, 15, random)
            radius = tall * random.uniform(0, 0.5)
            draw.rounded_rectangle((x - wide, middle - tall / 2, x + wide, middle + tall / 2), radius, behind)
        draw.text((x, middle), words, other_colour(behind, 90, random), font, anchor="mm")


def phone(picture: Image.Image, paper: Colour, look: Look, random: np.random.Generator) -> Box:
    """A phone's screen: a status bar, often a title, a row of buttons and a home bar, over canvas or page."""
    width, height = picture.size
    box = (0, 0, height, width)
    around = paper
    if random.random() < 0.6:
        # Bars below, and words above.
        box = page(picture, paper, look, random) if random.random() < 0.6 else box
        around = picture.getpixel((0, 0))  # type: ignore[assignment]
    tall = max(9, round(height * random.uniform(*STATUS_BAR[look])))
    draw = ImageDraw.Draw(picture)
    if random.random() < 0.4:
        around = other_colour(paper, 20, random)
        draw.rectangle((0, 0, width, tall), around)
    status_bar(draw, width, tall, around, look, random)
    top, bottom = tall + max(2, tall // 8), height
    if random.random() < 0.6:
        bottom = height - home_bar(draw, width, height, other_colour(around, 90, random), look, random)
    return max(box[0], top), box[1], min(box[2], bottom), box[3]


def status_bar(
    draw: ImageDraw.ImageDraw, width: int, tall: int, around: Colour, look: Look, random: np.random.Generator
) -> None:
    """Draw the time, and signs of battery and network."""
    shown = (0, 0, 0) if sum(around) > 382 else (255, 255, 255)
    font, edge = text_font(look, max(7, round(0.55 * tall))), width * random.uniform(0.02, 0.08)
    middle, icon = tall / 2, 0.4 * tall
    draw.text((edge, middle), pick(TIMES[look], random), shown, font, anchor="lm")
    x = width - edge
    x -= 2 * icon
    top, bottom = middle - icon / 2, middle + icon / 2
    charge = random.uniform(0.2, 1)
    draw.rounded_rectangle((x, top, x + 2 * icon, bottom), icon / 5, None, shown)
    draw.rectangle((x, top, x + 2 * icon * charge, bottom), shown)
    if look == "train":
        # Bars of the mobile network.
        for bar in range(1, 5):
            left = x - 2.4 * icon + bar * 0.4 * icon
            draw.rectangle((left, bottom - bar * icon / 4, left + 0.25 * icon, bottom), shown)
        return
    # Arcs of the wireless network, and the charge.
    for radius in (0.4 * icon, 0.8 * icon, 1.2 * icon):
        arc = (x - icon - radius, bottom - radius, x - icon + radius, bottom + radius)
        draw.arc(arc, 225, 315, shown, max(1, round(icon / 6)))
    draw.text((x - 2.4 * icon, middle), f"{round(100 * charge)}%", shown, font, anchor="rm")


def home_bar(
    draw: ImageDraw.ImageDraw, width: int, height: int, shown: Colour, look: Look, random: np.random.Generator
) -> int:
    """Draw what is at the foot of a phone's screen; return its height."""
    tall = round(height * random.uniform(0.02, 0.04)) + 4
    middle = height - tall / 2
    thick = max(1.5, tall * random.uniform(0.1, 0.25))
    if look == "train" or random.random() < 0.5:
        wide = width * (random.uniform(0.15, 0.21) if look == "train" else random.uniform(0.1, 0.15))
        bar = (width / 2 - wide, middle - thick, width / 2 + wide, middle + thick)
        draw.rounded_rectangle(bar, thick, shown)
        return tall
    # Three buttons: back, home, recent.
    half = tall * 0.25
    left, center, right = width / 4, width / 2, 3 * width / 4
    arrow = [(left - half, middle), (left + half, middle - half), (left + half, middle + half)]
    draw.polygon(arrow, None, shown)
    draw.ellipse((center - half, middle - half, center + half, middle + half), None, shown)
    draw.rectangle((right - half, middle - half, right + half, middle + half), None, shown)
    return tall


@cache
def text_font(look: Look, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return load_font(FONTS[look][0] if look == "train" else FONTS[look][-1], size)


Kind = Callable[[Image.Image, Colour, Look, np.random.Generator], Box]
SCREENS: Final[Mapping[str, Kind]] = {"canvas": canvas, "letterbox": letterbox, "page": page, "phone": phone}
