"""A normalized picture, and the changes that the normalizer made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE = 20
"""Pixels to which the normalizer scales the longest side of the ink."""
MOVE_TOLERANCE = 0.5
"""Pixels by which the centre of the ink may move unnoticed: it is placed at whole pixels."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """A picture after the normalizer.

    pixels: uint8 [28, 28], bright ink on dark. height, width: of the original picture, in its pixels.
    box: top, left, bottom, right (the last two exclusive) of the ink in the original picture; all 0 if it
    is blank. inverted: the paper was bright, and was made dark. reason: why no single digit could be
    isolated, one of `REASONS`, or None. boxes: one like `box` for each digit found. note: a sentence for
    people about how the file was read, or None.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int
    box: Box
    inverted: bool
    reason: str | None = None
    boxes: tuple[Box, ...] = ()
    note: str | None = None

    @property
    def blank(self) -> bool:
        """Whether the picture holds no ink."""
        return not any(self.box)

    @property
    def cropped(self) -> bool:
        """Whether the picture is larger than the ink's box."""
        return not self.blank and self.box != (0, 0, self.height, self.width)

    @property
    def scaled(self) -> bool:
        """Whether the longest side of the ink had to be scaled to 20 pixels."""
        return not self.blank and self._longest != LONGEST_SIDE

    @property
    def recentred(self) -> bool:
        """Whether the ink lies elsewhere than scaling the whole picture about its centre would put it."""
        if self.blank:
            return False
        top, left, bottom, right = self.box
        before = ((top + bottom - self.height) / 2, (left + right - self.width) / 2)
        after = (centre_offset(self.pixels.max(1)), centre_offset(self.pixels.max(0)))
        scale = LONGEST_SIDE / self._longest
        return any(
            abs(there - scale * here) > MOVE_TOLERANCE for here, there in zip(before, after, strict=True)
        )

    @property
    def _longest(self) -> int:
        top, left, bottom, right = self.box
        return max(bottom - top, right - left)


def centre_offset(profile: NDArray[np.uint8]) -> float:
    """Return how far the centre of the ink lies after the centre of a profile, uint8 [n], in pixels."""
    positions = np.flatnonzero(profile)
    return float(positions[0] + positions[-1] + 1 - len(profile)) / 2
