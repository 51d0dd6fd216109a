"""Does a score hold when the picture is handled a little? The same digit shifted, blurred, saved, resized."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from demo.inference.check import Checked, score
from demo.inference.engine import Engine

ENLARGED: Final = 4
"""The digit is handled at this multiple of its size, on a margin, as a small scan would hold it."""

MARGIN: Final = 16


def _shifted(picture: Image.Image) -> Image.Image:
    moved = Image.new("L", picture.size)
    moved.paste(picture, (7, -5))
    return moved


def _saved(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def _resized(picture: Image.Image, share: float) -> Image.Image:
    side = round(picture.width * share)
    return picture.resize((side, side), Image.Resampling.BICUBIC)


HANDLINGS: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "shifted": _shifted,
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(1.5)),
    "blurred-more": lambda picture: picture.filter(ImageFilter.GaussianBlur(3)),
    "jpeg": lambda picture: _saved(picture, 75),
    "jpeg-more": lambda picture: _saved(picture, 30),
    "larger": lambda picture: _resized(picture, 1.6),
    "smaller": lambda picture: _resized(picture, 0.6),
}
"""What may happen to a picture on its way; sizes in pixels of the enlarged digit, 7 of them to a stroke."""


def handled(engine: Engine, pixels: NDArray[np.uint8]) -> dict[str, Checked]:
    """A digit as the model saw it, uint8 [28, 28], after each handling, normalised and scored."""
    large = np.pad(pixels.repeat(ENLARGED, 0).repeat(ENLARGED, 1), MARGIN)
    picture = Image.fromarray(large)
    preprocessed = [
        engine.preprocess(np.asarray(handle(picture))[..., np.newaxis]) for handle in HANDLINGS.values()
    ]
    return dict(zip(HANDLINGS, score(engine, preprocessed, list(HANDLINGS)), strict=True))
