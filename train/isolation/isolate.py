"""Find the digits in a picture, and the ink of one of them: the two networks, and what comes around them.

`normalizer.onnx` contains the same, so everything is exact: integers, comparisons, and single operations on
float32, which all runtimes round alike.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.isolation.layers import DISTANCE, UNIT, Steps, result_of
from train.isolation.scaling import averaged, network_input, shares

PAGE: Final = 128
"""Side of the square that a whole picture is scaled to."""
CELL: Final = 4
CROP: Final = 48
"""Side of the square around a digit."""
AROUND: Final = 1.4
"""Side of a crop, as a multiple of the longest side of the digit's box."""
CANDIDATES: Final = 16
SUREST: Final = -48
FURTHER: Final = -12
"""Least log-odds of the centre of a photograph's surest digit, and of all others, in `UNIT`ths."""
CUT: Final = 32
"""Least log-odds of a digit that is cut off, in `UNIT`ths."""
EDGE: Final = 3
"""Farthest from the picture's edge that a digit can be cut off, in pixels of the page."""
SIMILAR: Final = 0.5
"""Least size of a digit, relative to the largest one in the picture; anything smaller is a mark."""
OVERLAP: Final = 0.6
"""Largest overlap of two digits' boxes, as a share of the smaller one."""
LARGER: Final = 1.5
"""How much larger, in area, a box is than that of a part of it."""
NEARLY: Final = 16
"""Largest difference in log-odds of a digit and its surer part, in `UNIT`ths."""
SURE: Final = 32
"""Least log-odds of ink whose colour counts, in `UNIT`ths."""
POSSIBLE: Final = -96
"""Least log-odds of a pixel that may be ink; all others are paper."""
WINDOW: Final = 17
"""Side of the square whose paper a pixel is compared with."""
GAIN: Final = 1.1
"""Ink is full from the mean contrast of sure ink, divided by this: texture and noise leave no holes in it."""
DARKEST: Final = 24
"""Least brightness of paper by which contrast is divided, in levels."""


@dataclass(frozen=True)
class Found:
    """The digits in a picture, surest first.

    boxes: int64 [n, 4], top, left, bottom, right in the picture's pixels (the last two just outside).
    cut: bool [n], whether the picture's edge cuts it off.
    """

    boxes: NDArray[np.int64]
    cut: NDArray[np.bool_]


def page_of(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Scale a picture uint8 [height, width, 1 | 3] to longest side `PAGE`, at the top left of a square.

    Returns uint8 [PAGE, PAGE, 1 | 3], and bool [PAGE, PAGE] where the picture is.
    """
    height, width = image.shape[:2]
    rows, columns = page_size(height, width)
    small = averaged(
        image, shares(0, height / rows, rows, height)[0], shares(0, width / columns, columns, width)[0]
    )
    page, inside = np.zeros((PAGE, PAGE, image.shape[2]), np.uint8), np.zeros((PAGE, PAGE), bool)
    page[:rows, :columns] = small
    inside[:rows, :columns] = True
    return page, inside


def page_size(height: int, width: int) -> tuple[int, int]:
    longest = max(height, width)
    rows, columns = (max(1, (2 * side * PAGE + longest) // (2 * longest)) for side in (height, width))
    return rows, columns


@dataclass(frozen=True)
class Crop:
    """A square of a picture, scaled to CROP x CROP.

    pixels: uint8 [CROP, CROP, channels]. inside: bool [CROP, CROP], where the picture is. corner: its top and
    left in the picture's pixels, float32 [2]; scale: how many of these a pixel of the square covers.
    """

    pixels: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    corner: NDArray[np.float32]
    scale: np.float32


def crop_of(image: NDArray[np.uint8], middle: NDArray[np.float32], side: np.float32) -> Crop:
    """Crop a picture uint8 [height, width, channels]; middle: float32 [2]; side: in pixels of the picture."""
    corner = middle - side / np.float32(2)
    scale = side / np.float32(CROP)
    size = np.array(image.shape[:2])
    begin = np.clip(np.floor(corner).astype(np.int64), 0, size - 1)
    end = np.clip(np.ceil(corner + side).astype(np.int64), begin + 1, size)
    part = image[begin[0] : end[0], begin[1] : end[1]]
    start = corner - begin.astype(np.float32)
    down, inside_down = shares(float(start[0]), float(scale), CROP, part.shape[0])
    across, inside_across = shares(float(start[1]), float(scale), CROP, part.shape[1])
    return Crop(averaged(part, down, across), inside_down[:, None] & inside_across, corner, scale)


def crop_around(image: NDArray[np.uint8], box: NDArray[np.int64]) -> Crop:
    """Crop a square around a box, int64 [4], of a picture uint8 [height, width, 1 | 3], to 3 channels."""
    begin, end = box[:2].astype(np.float32), box[2:].astype(np.float32)
    crop = crop_of(image, (begin + end) / np.float32(2), (end - begin).max() * np.float32(AROUND))
    return replace(crop, pixels=np.repeat(crop.pixels, 3 // image.shape[2], axis=2))


def locate(image: NDArray[np.uint8]) -> Found:
    """Find the digits in a photograph uint8 [height, width, 3]."""
    return result_of(locating(image, SUREST))


def locating(image: NDArray[np.uint8], surest: int) -> Steps[Found]:
    """Find the digits in a picture uint8 [height, width, 1 | 3]; surest: the least log-odds of the first.

    If all are in two thirds of the picture or less, that part is looked at again, larger.
    """
    found = yield from looking(image, surest)
    if found.cut.all():
        return found
    begin, end = found.boxes[:, :2], found.boxes[:, 2:]
    margin = (end - begin).max()
    size = np.array(image.shape[:2])
    first = np.maximum(begin.min(0) - margin, 0)
    last = np.minimum(end.max(0) + margin, size)
    if 3 * (last - first).max() > 2 * size.max():
        return found
    closer = yield from looking(image[first[0] : last[0], first[1] : last[1]], surest)
    return Found(closer.boxes + np.tile(first, 2), closer.cut) if len(closer.boxes) else found


def looking(image: NDArray[np.uint8], surest: int) -> Steps[Found]:
    """Find the digits in a picture at its size on the page."""
    height, width = image.shape[:2]
    page, inside = page_of(image)
    outputs = yield "locator", network_input(page, inside)
    cells = outputs.shape[1]
    # No two scores are equal, so that the order never depends on the runtime.
    scores = outputs[0].ravel() * cells**2 - np.arange(cells**2, dtype=np.float32)
    around = np.pad(scores.reshape(cells, cells), 1, constant_values=-np.inf)
    highest = np.lib.stride_tricks.sliding_window_view(around, (3, 3)).max((2, 3)).ravel()
    scores = np.where(scores == highest, scores, -np.inf)
    best = np.argsort(-scores)[:CANDIDATES]
    best = best[scores[best] > least_scores(cells, surest)[: len(best)]]
    chosen = outputs.reshape(len(outputs), -1)[:, best]
    middle = np.stack([best // cells, best % cells]).astype(np.float32) * CELL + np.float32(CELL / 2)
    reach = np.maximum(chosen[1:5], 0) * np.float32(DISTANCE / UNIT)
    size = np.array(page_size(height, width), np.float32)[:, None]
    begin, end = np.maximum(middle - reach[:2], 0), np.minimum(middle + reach[2:], size)
    kept = apart(begin, end, chosen[0])
    longest = (end - begin).max(0, initial=0)
    kept &= longest >= np.float32(SIMILAR) * (longest * kept).max(initial=0)
    begin, end = begin[:, kept], end[:, kept]
    cut = (chosen[5, kept] > CUT) & (np.minimum(begin, size - end).min(0) < EDGE)
    scale = np.array([[height], [width]], np.float32) / size
    corners = np.concatenate([np.floor(begin * scale), np.ceil(end * scale)])
    return Found(corners.T.astype(np.int64), cut)


def least_scores(cells: int, surest: int) -> NDArray[np.float32]:
    """Return the least score of each candidate, surest first; cells: on a side of the page."""
    odds = np.full(CANDIDATES, FURTHER, np.float32)
    odds[0] = surest
    return (odds - 1) * cells**2


def apart(
    begin: NDArray[np.float32], end: NDArray[np.float32], odds: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which boxes are not hidden by another: bool [n].

    begin, end: float32 [2, n], surest first. Of two boxes that overlap much the surer one remains, or the
    larger one if it is nearly as sure: parts of a digit look like digits.
    """
    shared = np.minimum(end[:, :, None], end[:, None]) - np.maximum(begin[:, :, None], begin[:, None])
    both = np.maximum(shared, 0).prod(0)
    areas = (end - begin).prod(0)
    much = both > OVERLAP * np.minimum(areas[:, None], areas)
    surer = np.tri(len(odds), k=-1, dtype=bool)
    whole = (areas > LARGER * areas[:, None]) & (odds > odds[:, None] - NEARLY)
    part = whole.T
    hidden = much & ((surer & ~part) | whole)
    kept: NDArray[np.bool_] = ~hidden.any(1)
    return kept


def ink_of(crop: Crop) -> tuple[NDArray[np.float32], bool]:
    """Return the ink of the digit in the middle of a crop of 3 channels, and whether the paper is brighter.

    The ink is float32 [CROP, CROP], integers 0 to 255.
    """
    return result_of(isolating(crop))


def isolating(crop: Crop) -> Steps[tuple[NDArray[np.float32], bool]]:
    """Do what `ink_of` does."""
    outputs = yield "segmenter", network_input(crop.pixels, crop.inside)
    odds = outputs[0]
    return contrast(crop, (odds > SURE) & crop.inside, (odds > POSSIBLE) & crop.inside)


def contrast(
    crop: Crop, sure: NDArray[np.bool_], possible: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], bool]:
    """Return how far each pixel is on the way from paper to ink: integers 0 to 255 where ink is possible.

    sure, possible: bool [CROP, CROP]. Also whether the paper is brighter than the ink.
    """
    pixels = crop.pixels.astype(np.float32).transpose(2, 0, 1)
    blank = crop.inside & ~possible
    around = sums(np.concatenate([np.ones_like(pixels[:1]), pixels]) * blank)
    everywhere = (pixels * blank).sum((1, 2)) / max(np.float32(blank.sum()), np.float32(1))
    paper = np.where(around[0] > 0, around[1:] / np.maximum(around[0], 1), everywhere[:, None, None])
    # Light is multiplicative: half the light halves ink's contrast.
    shade = np.floor((pixels - paper) / np.maximum(paper, DARKEST) * 255 + np.float32(0.5))
    strength = (shade * sure).sum((1, 2)) / max(np.float32(sure.sum()), np.float32(1))
    along = shade[0] * strength[0] + shade[1] * strength[1] + shade[2] * strength[2]
    full = strength[0] * strength[0] + strength[1] * strength[1] + strength[2] * strength[2]
    share = np.clip(along / max(full, np.float32(1)) * np.float32(GAIN), 0, 1)
    ink = np.floor(share * 255 + np.float32(0.5)) * possible
    return ink.astype(np.float32), bool(strength[0] + strength[1] + strength[2] < 0)


def sums(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of the square of `WINDOW` pixels around each: float32 [planes, side, side]."""
    places = np.arange(planes.shape[1])
    near = (np.abs(places - places[:, None]) <= WINDOW // 2).astype(np.float32)
    total: NDArray[np.float32] = near @ planes @ near
    return total
