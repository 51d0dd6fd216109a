"""What the model saw of a picture, and what was done to the picture for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE = 20
"""Pixels that the normaliser makes the longest side of the ink."""
MOVED = 0.5
"""Pixels that the ink's middle may move by without being somewhere else: it is placed at whole pixels."""


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """A picture through the normaliser.

    pixels: uint8 [28, 28], ink bright on dark. height, width: of the picture as given, in its pixels.
    box: top, left, bottom, right (the last two just outside) of the ink in the picture as given, all 0
    where there is nothing to see. inverted: the paper was bright, and was made dark.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int
    box: tuple[int, int, int, int]
    inverted: bool

    @property
    def blank(self) -> bool:
        """Whether there is nothing to see."""
        return not any(self.box)

    @property
    def cropped(self) -> bool:
        """Whether the picture holds more than the ink's box."""
        return not self.blank and self.box != (0, 0, self.height, self.width)

    @property
    def scaled(self) -> bool:
        """Whether the longest side of the ink was not 20 pixels and was made so."""
        return not self.blank and self._longest != LONGEST_SIDE

    @property
    def recentred(self) -> bool:
        """Whether the ink lies elsewhere than it would had the whole picture been scaled about its middle."""
        if self.blank:
            return False
        top, left, bottom, right = self.box
        before = ((top + bottom - self.height) / 2, (left + right - self.width) / 2)
        after = (middle_of(self.pixels.max(1)), middle_of(self.pixels.max(0)))
        scale = LONGEST_SIDE / self._longest
        return any(abs(there - scale * here) > MOVED for here, there in zip(before, after, strict=True))

    @property
    def _longest(self) -> int:
        top, left, bottom, right = self.box
        return max(bottom - top, right - left)


def middle_of(profile: NDArray[np.uint8]) -> float:
    """How far behind the middle of a profile, uint8 [n], the middle of what is not 0 lies, in pixels."""
    positions = np.flatnonzero(profile)
    return float(positions[0] + positions[-1] + 1 - len(profile)) / 2
