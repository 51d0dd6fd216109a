"""Pictures without a single handwritten digit, which `in_domain` learns to reject and is tested on.

Evaluation uses typefaces, scripts, textures and shapes that training never sees.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from train.data import textures
from train.data.augment import normalize_all
from train.data.fonts import printed
from train.data.pendigits import Stroke, draw, smooth
from train.data.splits import Split, split_seed
from train.normalize import SIDE

Drawer = Callable[[np.random.Generator], NDArray[np.uint8]]
"""Draws a picture, uint8 [height, width], bright ink on dark."""

LETTERS: Final = "ACEFHJKLMNPRTUVWXYacdefhjkmnprtuvwxy"
"""Latin letters that do not resemble a handwritten digit. Left out: B D G I O Q S Z b g i l o q s z."""
SYMBOLS: Final = '#%@*+=~^<>"€©®¶±÷√∑→←★♥♣☺'
"""Left out, because they look like a 0, 1, 2, 3, 5 or 8: bars, slashes, brackets, single quotes, dots,
vertical arrows, rings, ampersands, question marks, and the signs for dollar, section and infinity."""
GREEK: Final = "ΓΔΛΞΠΣΨΩαγλμπψω"
"""Left out: beta, delta, zeta, theta, iota, omicron, sigma, phi, and capitals shared with Latin."""
CYRILLIC: Final = "ДЖИЛФШЭЮЯджлфшэюя"
"""Left out: be, ze, o, che, and letters shared with Latin."""

HALVES: Final = ((0, "top"), (0, "bottom"), (2, "bottom"), (4, "top"), (5, "top"))
"""Halves that cannot be read as another digit (an 8's top is a 0, a 9's bottom a 1)."""


def non_digits(
    split: Split, count: int, seed: int, digits: NDArray[np.uint8], labels: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Draw each of a split's kinds in turn; return normalized pictures, uint8 [count, 28, 28].

    digits: real digits of the split to cut up or combine, uint8 [n, 28, 28], bright ink on dark, all ten
    among them. labels: int64 [n], 0 to 9.
    """
    drawers = list(drawers_of(split, digits, labels).values())
    randoms = (np.random.default_rng((split_seed(seed, split), index)) for index in range(count))
    return normalize_all(
        drawers[index % len(drawers)](random)[..., np.newaxis] for index, random in enumerate(randoms)
    )


def drawers_of(split: Split, digits: NDArray[np.uint8], labels: NDArray[np.int64]) -> Mapping[str, Drawer]:
    """Return a split's kinds and their drawers. Some kinds are in all splits, with other fonts and digits."""
    shared: dict[str, Drawer] = {
        "letter": partial(printed, split, LETTERS),
        "symbol": partial(printed, split, SYMBOLS),
        "several digits": partial(several_digits, digits),
        "half a digit": partial(half_digit, digits, labels),
        "blank": blank,
    }
    own: Mapping[Split, dict[str, Drawer]] = {
        "train": {
            "sinusoids": partial(patch, textures.sinusoids),
            "stripes": partial(patch, textures.stripes),
            "checkers": partial(patch, textures.checkers),
            "uniform noise": partial(patch, textures.uniform_noise),
            "scribble": scribble,
            "blob": blob,
            "line across": line_across,
        },
        "validation": {
            "gradient": partial(patch, textures.gradient),
            "speckle": partial(patch, textures.speckle),
            "zigzag": zigzag,
            "Cyrillic letter": partial(printed, split, CYRILLIC),
        },
        "evaluation": {
            "clouds": partial(patch, textures.clouds),
            "rings": partial(patch, textures.rings),
            "normal noise": partial(patch, textures.normal_noise),
            "Greek letter": partial(printed, split, GREEK),
            "spiral": spiral,
            "polygon": polygon,
            "square of digits": partial(square_of_digits, digits),
        },
    }
    return shared | own[split]


def patch(texture: Drawer, random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a square or round texture with a margin; the normalizer takes one without a margin for paper."""
    picture = texture(random)
    if random.random() < 0.5:
        picture = np.where(round_mask(*picture.shape), picture, np.uint8(0))
    return np.pad(picture, 4)


def round_mask(height: int, width: int) -> NDArray[np.bool_]:
    """Return which pixels lie in the largest ellipse: bool [height, width]."""
    down, across = np.indices((height, width))
    return np.hypot((2 * down + 1) / height - 1, (2 * across + 1) / width - 1) <= 1


def several_digits(digits: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Two to four digits side by side, some of them touching."""
    parts = []
    for index in random.integers(len(digits), size=random.integers(2, 5)):
        inked = np.flatnonzero(digits[index].any(0))
        parts += [digits[index][:, inked[0] : inked[-1] + 1], np.zeros((SIDE, random.integers(5)), np.uint8)]
    return np.pad(np.concatenate(parts, axis=1), 4)


def square_of_digits(digits: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Two rows of two digits."""
    four = digits[random.integers(len(digits), size=4)]
    rows = [np.concatenate([left, right], axis=1) for left, right in (four[:2], four[2:])]
    return np.pad(np.concatenate(rows), 2)


def half_digit(
    digits: NDArray[np.uint8], labels: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Half of a digit, cut through the middle of its ink."""
    digit, half = HALVES[random.integers(len(HALVES))]
    choice = np.flatnonzero(labels == digit)
    picture: NDArray[np.uint8] = digits[choice[random.integers(len(choice))]].copy()
    rows = np.flatnonzero(picture.any(1))
    middle = (rows[0] + rows[-1] + 1) // 2
    picture[np.s_[middle:] if half == "top" else np.s_[:middle]] = 0
    return picture


def blank(random: np.random.Generator) -> NDArray[np.uint8]:
    """Grey paper, half of the time with a little noise."""
    paper, noise = random.uniform(0, 255), random.uniform(0, 4) * (random.random() < 0.5)
    return np.clip(random.normal(paper, noise, (SIDE, SIDE)), 0, 255).astype(np.uint8)


def scribble(random: np.random.Generator) -> NDArray[np.uint8]:
    """Two to four strokes with at least five random turns each."""
    strokes = [random.random((random.integers(6, 11), 2)) for _ in range(random.integers(2, 5))]
    return draw_strokes([smooth(stroke) for stroke in strokes], random)


def zigzag(random: np.random.Generator) -> NDArray[np.uint8]:
    """One stroke with at least five sharp turns."""
    turns = random.integers(6, 12)
    path = np.stack([np.arange(turns) / turns, np.arange(turns) % 2 * random.uniform(0.4, 1.2)], axis=1)
    return draw_strokes([path + random.normal(0, 0.05, path.shape)], random)


def spiral(random: np.random.Generator) -> NDArray[np.uint8]:
    """A spiral of three to five turns; the brush is thin, so that they stay apart."""
    angles = np.linspace(0, 2 * np.pi * random.uniform(3, 5), 200)
    path = np.stack([angles * np.cos(angles), angles * np.sin(angles)], axis=1)
    return draw([path * random.choice([-1, 1], 2)], 84, 2)


def blob(random: np.random.Generator) -> NDArray[np.uint8]:
    """A filled ellipse, at most twice as long as wide."""
    canvas = Image.new("L", (84, 84))
    across, down = random.uniform(15, 30, 2)
    ImageDraw.Draw(canvas).ellipse((42 - across, 42 - down, 42 + across, 42 + down), fill=255)
    return np.asarray(canvas.resize((42, 42), Image.Resampling.BOX))


def polygon(random: np.random.Generator) -> NDArray[np.uint8]:
    """A filled polygon of three to seven corners around the centre."""
    corners = random.integers(3, 8)
    angles = random.uniform(0, 2 * np.pi) + np.arange(corners) * 2 * np.pi / corners
    reach = random.uniform(20, 38, corners)
    points = 42 + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
    canvas = Image.new("L", (84, 84))
    ImageDraw.Draw(canvas).polygon([tuple(point) for point in points.tolist()], fill=255)
    return np.asarray(canvas.resize((42, 42), Image.Resampling.BOX))


def line_across(random: np.random.Generator) -> NDArray[np.uint8]:
    """A straight line within 20 degrees of the horizontal; a steeper one could be a 1."""
    angle = np.radians(random.uniform(-20, 20))
    return draw_strokes([np.array([[0, 0], [np.cos(angle), np.sin(angle)]])], random)


def draw_strokes(strokes: list[Stroke], random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw strokes with a brush of random width on a canvas of 84 pixels."""
    return draw(strokes, 84, random.uniform(2, 9))
