"""What stands behind a score: comparable scores, stability under small changes, and a heat map."""

import bisect
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from demo.contract import DISCRIMINATOR, EVALUATION_RECORD
from demo.inference.check import Checked, answer_all
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest

COVER_SIDE: Final = 5
"""Side in pixels of the square that covers part of the digit: slightly wider than a stroke."""
COVER_STEP: Final = 2

ENLARGEMENT: Final = 4
"""The digit is changed at this multiple of its size, on a margin, like a small scan."""
MARGIN: Final = 16


@dataclass(frozen=True)
class Distribution:
    """P(fake | x) over one class of held-out digits.

    count: number of digits. bins: how many fall into each of equal parts of [0, 1].
    percentiles: the 0th to the 100th, 101 ascending values.
    """

    count: int
    bins: tuple[int, ...]
    percentiles: tuple[float, ...]

    def share_below(self, fake_probability: float) -> float:
        """Return the share of these digits with a lower P(fake | x), in [0, 1], rounded down to 0.01."""
        below = bisect.bisect_left(self.percentiles, fake_probability)
        return 1.0 if below == len(self.percentiles) else max(below - 1, 0) / 100


def load_distributions(manifest: Manifest, model: str) -> dict[str, Distribution]:
    """Return a model's published distributions `real`, `pen`, `fake`, if any; raise ModelError if altered."""
    if model != DISCRIMINATOR or EVALUATION_RECORD not in manifest.files:
        return {}
    report: dict[str, Any] = json.loads(manifest.read(EVALUATION_RECORD))
    return {
        name: Distribution(each["count"], tuple(each["bins"]), tuple(each["percentiles"]))
        for name, each in report.get("distributions", {}).items()
    }


def occlusion_map(engine: Engine, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much each pixel contributes to "fake", in logits: float32 [height, width].

    A pixel's value is the mean drop of the logit over all squares that cover it; negative values
    contribute to "real", and 0 means no ink is near. The covered pictures are scored without
    preprocessing, which would move the digit.

    pixels: uint8 [height, width]. Method: Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901,
    section 4.2.
    """
    height, width = pixels.shape
    squares = [
        (slice(top, top + COVER_SIDE), slice(left, left + COVER_SIDE))
        for top in range(0, height - COVER_SIDE + 1, COVER_STEP)
        for left in range(0, width - COVER_SIDE + 1, COVER_STEP)
        if pixels[top : top + COVER_SIDE, left : left + COVER_SIDE].any()
    ]
    pictures = np.repeat(pixels[np.newaxis], len(squares) + 1, 0)
    for picture, square in zip(pictures, squares, strict=False):
        picture[square] = 0
    *covered, original = engine.score(pictures).logit
    total, times = np.zeros((2, height, width), np.float32)
    for logit, square in zip(covered, squares, strict=True):
        total[square] += original - logit
        times[square] += 1
    return (total / np.maximum(times, 1)).astype(np.float32)


def _shift(picture: Image.Image) -> Image.Image:
    moved = Image.new("L", picture.size)
    moved.paste(picture, (7, -5))
    return moved


def _save_as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def _resize(picture: Image.Image, factor: float) -> Image.Image:
    side = round(picture.width * factor)
    return picture.resize((side, side), Image.Resampling.BICUBIC)


CHANGES: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "shifted": _shift,
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(1.5)),
    "blurred-more": lambda picture: picture.filter(ImageFilter.GaussianBlur(3)),
    "jpeg": lambda picture: _save_as_jpeg(picture, 75),
    "jpeg-more": lambda picture: _save_as_jpeg(picture, 30),
    "larger": lambda picture: _resize(picture, 1.6),
    "smaller": lambda picture: _resize(picture, 0.6),
}
"""Small changes to a picture; sizes are in pixels of the enlarged digit, about 7 per stroke width."""


def check_changed(engine: Engine, pixels: NDArray[np.uint8]) -> dict[str, Checked]:
    """Apply each of `CHANGES` to a preprocessed digit, uint8 [28, 28], and check the results."""
    large = np.pad(pixels.repeat(ENLARGEMENT, 0).repeat(ENLARGEMENT, 1), MARGIN)
    picture = Image.fromarray(large)
    seen = [engine.preprocess(np.asarray(change(picture))[..., np.newaxis]) for change in CHANGES.values()]
    return dict(zip(CHANGES, answer_all(engine, list(CHANGES), seen), strict=True))
