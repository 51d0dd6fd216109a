"""Scale any part of a picture by area averaging, and prepare it for a network: exact in integers."""

import numpy as np
from numpy.typing import NDArray

from train.isolation.layers import INPUTS, UNIT

WHOLE = 255
"""Sum of an output's weights, each of which fits a byte."""
FAR = 1e6
LIMIT = 127
# The standard deviation is rounded down to one of these, because runtimes differ in square roots.
DEVIATIONS = 2 ** (np.arange(65, dtype=np.float32) / 8) - 1
VARIANCES = np.floor(DEVIATIONS**2).astype(np.int64)
QUIET = 4
"""Added to the standard deviation, in levels, so that an empty picture's noise is not amplified."""
SCALES = (UNIT / (DEVIATIONS + QUIET)).astype(np.float32)


def shares(
    begin: float, extent: float, outputs: int, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return weights float32 [outputs, size], integers that sum to `WHOLE`, and whether each lies inside.

    Output k averages the pixels from begin + k * extent to begin + (k + 1) * extent. Outside the picture, the
    outermost pixels go on.
    """
    places = np.arange(outputs, dtype=np.float32)[:, None]
    middles = np.float32(begin) + (places + np.float32(0.5)) * np.float32(extent)
    edges = np.arange(size + 1, dtype=np.float32)
    edges[[0, -1]] = -FAR, FAR
    # Where each edge falls, in parts of an output.
    falls = np.floor((edges - np.float32(begin)) / np.float32(extent) * WHOLE + np.float32(0.5))
    covered = np.clip(falls - places * WHOLE, 0, WHOLE)
    return np.diff(covered, axis=1), ((middles > 0) & (middles < size))[:, 0]


def averaged(
    image: NDArray[np.uint8], down: NDArray[np.float32], across: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Average a picture uint8 [height, width, channels] by weights of `shares` for its rows and columns.

    Returns uint8 [rows, columns, channels].
    """
    height, width, channels = image.shape
    rows = np.rint(down @ image.reshape(height, -1).astype(np.float32) / WHOLE)
    # One large product, rather than one per row.
    lines = rows.reshape(-1, width, channels).transpose(0, 2, 1).reshape(-1, width)
    scaled = np.rint(lines @ across.T / WHOLE).astype(np.uint8)
    return scaled.reshape(len(down), channels, len(across)).transpose(0, 2, 1)


def network_input(image: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what a network takes: float32 [INPUTS, height, width], integers, 0 outside the picture.

    image: uint8 [height, width, 1 | 3]. inside: bool [height, width], some of it true. Each channel's mean
    becomes 0, and the standard deviation of all together about `UNIT`.
    """
    planes = image.transpose(2, 0, 1) * inside
    count = int(np.count_nonzero(inside))
    # Sums of integers, exact in float64.
    values = planes.reshape(len(planes), -1).astype(np.float64)
    totals = values.sum(1).astype(np.int64)
    squares = np.einsum("ij,ij->i", values, values).astype(np.int64)
    means = (2 * totals + count) // (2 * count)
    variance = (squares - 2 * means * totals + count * means**2).sum() // (count * len(planes))
    scale = SCALES[int((variance >= VARIANCES).sum()) - 1]
    result = np.empty((INPUTS, *inside.shape), np.float32)
    shifted = (planes - means.astype(np.float32)[:, None, None]) * scale
    result[:3] = np.clip(np.floor(shifted + np.float32(0.5)), -LIMIT, LIMIT) * inside
    result[3] = inside
    result[3] *= UNIT
    return result
