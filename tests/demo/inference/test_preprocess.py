"""The facts about a picture that the normalizer changed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.inference.engine import Engine


def square(height: int, width: int, top: int, left: int, side: int) -> NDArray[np.uint8]:
    """A white square on black: uint8 [height, width, 1]."""
    picture = np.zeros((height, width, 1), np.uint8)
    picture[top : top + side, left : left + side] = 255
    return picture


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        # MNIST counts pixels from 0 and takes 14 as the centre: a square of 20 begins at 4 or 5.
        (square(28, 28, 5, 5, 20), {"cropped"}),
        (square(30, 30, 6, 6, 20), {"cropped"}),
        (255 - square(28, 28, 5, 5, 20), {"inverted", "cropped"}),
        (square(280, 280, 50, 50, 200), {"cropped", "scaled"}),
        (square(28, 28, 2, 5, 20), {"cropped", "recentred"}),
        (square(28, 28, 5, 0, 20), {"cropped", "recentred"}),
        (255 - square(600, 400, 90, 60, 90), {"inverted", "cropped", "scaled", "recentred"}),
        (square(40, 40, 0, 0, 0), set()),
        (255 - square(40, 40, 0, 0, 0), set()),
    ],
)
def test_changes_of_the_normalizer(engine: Engine, picture: NDArray[np.uint8], expected: set[str]) -> None:
    found = engine.preprocess(picture)
    assert {
        name for name in ("inverted", "cropped", "scaled", "recentred") if getattr(found, name)
    } == expected
    assert found.blank == (not found.pixels.any())
