"""What in a picture speaks for fake: cover it bit by bit and see how the score moves.

Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901, section 4.2.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.inference.engine import Engine

COVER: Final = 5
"""Height and width in pixels of the square that covers: a little more than a stroke is wide."""

STEP: Final = 2


def evidence(engine: Engine, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much each pixel of uint8 [height, width] speaks for fake: float32 [height, width], in logits.

    The mean, over the squares that cover a pixel, of by how much covering them with paper lowers the logit;
    0 where there is no ink to cover. What speaks for real is below 0. The covered pictures are scored in
    one batch, as they are: they are probes, not pictures, and normalising would move the digit about.
    """
    height, width = pixels.shape
    corners = [
        (top, left)
        for top in range(0, height - COVER + 1, STEP)
        for left in range(0, width - COVER + 1, STEP)
        if pixels[top : top + COVER, left : left + COVER].any()
    ]
    covered = np.repeat(pixels[np.newaxis], len(corners) + 1, 0)
    for picture, (top, left) in zip(covered, corners, strict=False):
        picture[top : top + COVER, left : left + COVER] = 0
    logits = engine.score(covered).logit
    total, times = np.zeros((2, height, width), np.float32)
    for logit, (top, left) in zip(logits, corners, strict=False):
        total[top : top + COVER, left : left + COVER] += logits[-1] - logit
        times[top : top + COVER, left : left + COVER] += 1
    return (total / np.maximum(times, 1)).astype(np.float32)
