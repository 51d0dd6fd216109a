"""Printed characters, from the fonts of Matplotlib and Pillow; no typeface is in two splits."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from train.data.augment import normalize_all
from train.data.mnist import CLASSES
from train.data.splits import Split, split_seed

PILLOW_DEFAULT: Final = "Aileron"
"""Pillow's default font, which is not a file; it has Latin letters."""
FONTS: Final[Mapping[Split, tuple[str, ...]]] = {
    "train": (
        "DejaVuSans",
        "DejaVuSans-Bold",
        "DejaVuSans-Oblique",
        "DejaVuSansMono",
        "DejaVuSansMono-BoldOblique",
        "cmb10",
        "cmr10",
        "cmss10",
        "cmti10",
        "cmtt10",
    ),
    "validation": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "evaluation": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta", PILLOW_DEFAULT),
}
"""File names in Matplotlib, by split; all styles of a typeface are in the same split."""

DIGITS: Final = "0123456789"
SIZES: Final = (24, 96)
TURN: Final = 8
"""Degrees, in either direction."""


def printed_digits(split: Split, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Print digits in a split's fonts: digits, but not handwriting.

    Returns the normalized pictures uint8 [count, 28, 28], and the digits int64 [count].
    """
    labels = np.arange(count) % CLASSES
    randoms = (np.random.default_rng((split_seed(seed, split), index)) for index in range(count))
    images = normalize_all(
        printed(split, DIGITS[label], random)[..., np.newaxis]
        for label, random in zip(labels, randoms, strict=True)
    )
    return images, labels


def printed(split: Split, characters: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """Print a random one of the characters in one of the split's fonts, slightly rotated.

    At least one of the fonts must have one of the characters. Returns uint8 [side, side], bright on dark.
    """
    names = [name for name in FONTS[split] if in_font(name, characters)]
    name = names[random.integers(len(names))]
    known = in_font(name, characters)
    character = known[random.integers(len(known))]
    size = round(random.uniform(*SIZES))
    canvas = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(canvas).text((size, size), character, 255, load_font(name, size), anchor="mm")
    return np.asarray(canvas.rotate(random.uniform(-TURN, TURN), Image.Resampling.BICUBIC))


@cache
def in_font(name: str, characters: str) -> str:
    """Return those of the characters that the font has."""
    if name == PILLOW_DEFAULT:
        return "".join(each for each in characters if each.isascii())
    if name.startswith("cm"):
        # TeX's own encoding: other signs take the places of ASCII's.
        return "".join(each for each in characters if each.isascii() and each.isalnum())
    known = FT2Font(str(font_path(name))).get_charmap()
    return "".join(each for each in characters if ord(each) in known)


@cache
def load_font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if name == PILLOW_DEFAULT:
        return ImageFont.load_default(size)
    return ImageFont.truetype(font_path(name), size)


def font_path(name: str) -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
