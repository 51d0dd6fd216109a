"""One thing at a time that happens to pictures, at three strengths, for the evaluation: of both classes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from train.data.augment import (
    Picture,
    Range,
    blurred,
    enlarged,
    jpeg,
    noisy,
    on_canvas,
    shifted,
    shrunk,
    webp,
)

STRENGTHS: Final = (1, 2, 3)


@dataclass(frozen=True)
class Corruption:
    """Changes a picture by as much as is drawn from the range of its strength."""

    change: Callable[[Picture, Range, np.random.Generator], Picture]
    ranges: tuple[Range, Range, Range]

    def __call__(self, picture: Picture, strength: int, random: np.random.Generator) -> Picture:
        """A picture uint8 [height, width, 1 | 3], ink bright on dark, changed.

        Raises:
            ValueError: the strength is not 1, 2 or 3.
        """
        return self.change(picture, self.ranges[STRENGTHS.index(strength)], random)


def in_the_wild(picture: Picture, qualities: Range, random: np.random.Generator) -> Picture:
    """Enlarged up to 20 times, somewhere on a canvas, and saved as JPEG."""
    larger = enlarged(picture, (1, 20), random)
    return jpeg(on_canvas(larger, (1, 2), random), qualities, random)


CORRUPTIONS: Final[Mapping[str, Corruption]] = {
    "enlarged": Corruption(enlarged, ((1.25, 3), (3, 8), (8, 20))),
    # To the 16 pixels of digit of a small scan, and beyond.
    "shrunk": Corruption(shrunk, ((21, 26), (17, 21), (14, 17))),
    "canvas": Corruption(on_canvas, ((1, 1.5), (1.5, 2), (2, 3))),
    "jpeg": Corruption(jpeg, ((80, 95), (60, 80), (40, 60))),
    "webp": Corruption(webp, ((80, 95), (60, 80), (40, 60))),
    "blur": Corruption(blurred, ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8))),
    "noise": Corruption(noisy, ((1, 3), (3, 6), (6, 10))),
    "shifted": Corruption(shifted, ((0, 0.5), (0.5, 1), (1, 2))),
    # A strength drawn evenly makes of its thirds JPEG at 50 to 95.
    "wild": Corruption(in_the_wild, ((80, 95), (65, 80), (50, 65))),
}
"""By name; distances in pixels of 28, noise in levels of 255, JPEG and WebP by their quality."""
