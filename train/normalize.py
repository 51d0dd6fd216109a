"""The reference normaliser: any picture → the 28x28 pixels that a discriminator sees, as MNIST was made.

MNIST's digits were scaled to fit a 20x20 box and pasted so that their centre of mass falls on the
centre of a 28x28 field (http://yann.lecun.com/exdb/mnist/). Doing the same to every picture gives an
MNIST digit back unchanged, and makes of any other what MNIST would have made of it. Training passes
its pictures through this; `normalizer.onnx` does the same inside a graph.

The steps, each one function below, on a picture with ink of any colour on paper of any colour:

1. `thinned`: skip pixels evenly until the longest side is at most 1,024.
2. `grey`: transparency over white, or over black where what is visible is bright.
3. `unframed`: drop a line along the edge that is no paper.
4. `ink_on_dark`: how far each pixel stands out from the paper, whose brightness may slope.
5. `without_noise`: zero what stands out no more than the paper's own noise; nothing on clean paper.
6. `box_of`, `scaled`: the ink's bounding box, its longest side to 20 by area averaging, full contrast.
7. `centred`: the centre of mass to the centre.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIDE: Final = 28
BOX: Final = 20
LARGEST_SIDE: Final = 1024
MOSTLY_OPAQUE: Final = 170
"""Mean alpha above which transparency is a margin around a picture, rather than paper under ink."""
FRAME_SHARE: Final = 1 / 64
"""Of the longest side: how thick a frame may be and still be dropped."""
FRAME_CONTRAST: Final = 64
"""In levels: how far a frame differs from the paper inside it."""
FRAME_WHOLE: Final = 0.9
"""Share of an edge's pixels that differ where it is a frame, and of those inside it that do not."""
CLEAN_CONTRAST: Final = 16
"""In levels: how far clean paper inside a frame may differ from its median."""
LARGEST_SLOPE: Final = 64
"""How far the middle of one side may differ from the paper's median brightness and still be paper."""
NOISE_WIDTHS: Final = 5
"""Of the median absolute deviation: 3.4 standard deviations where noise is normal."""
RINGING: Final = 16 / 255
"""Of the strongest ink: what the ringing of codecs and of sharp filters stays under."""
BOX_CONTRAST: Final = 1 / 4
"""Of the strongest ink: what the bounding box is drawn around."""
SPECK_CONTRAST: Final = 1 / 8
"""Of the strongest ink: the mean of 3x3 pixels that one pixel alone, a speck, stays under."""
LEAST_CONTRAST: Final = 16
"""In levels: less than this anywhere is an empty picture."""
FULL_CONTRAST: Final = 253.5
"""In levels: the strongest ink of every MNIST digit is 254 or 255, so only weaker ink is stretched."""


@dataclass(frozen=True)
class Normalized:
    """A normalised picture, and what was done to it.

    pixels: uint8 [28, 28]. box: top, left, bottom, right (the last two just outside) of the ink in the
    picture as given, all 0 where there is nothing to see. inverted: whether bright paper was made dark.
    """

    pixels: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    inverted: bool


def normalize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Any picture, uint8 [height, width, 1 | 3 | 4] → uint8 [28, 28], ink bright on dark 0.

    All zero where there is nothing to see. Idempotent; an MNIST digit comes back unchanged.
    """
    return examined(image).pixels


def examined(image: NDArray[np.uint8]) -> Normalized:
    """What `normalize` makes of a picture, uint8 [height, width, 1 | 3 | 4], and what it does to it."""
    step = stride(image)
    light, dropped = unframed(grey(thinned(image, step)))
    above, noise, inverted = ink_on_dark(light)
    ink, level = without_noise(above, noise)
    box = box_of(without_specks(ink, level), level)
    if box is None:
        return Normalized(np.zeros((SIDE, SIDE), np.uint8), (0, 0, 0, 0), inverted)
    return Normalized(centred(scaled(ink, box)), as_given(box, dropped, step, image.shape), inverted)


def stride(image: NDArray[np.uint8]) -> int:
    """The least n of which every n-th row and column are at most `LARGEST_SIDE` of either."""
    longest: int = max(image.shape[:2])
    return -(-longest // LARGEST_SIDE)


def thinned(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Every n-th row and column."""
    return image[::step, ::step]


def as_given(
    box: tuple[int, int, int, int], dropped: tuple[int, int], step: int, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """A box of `box_of` in the picture before it was thinned and unframed, as `Normalized` has it.

    dropped: rows at the top and columns at the left. A row or column that was kept stands for those that
    were skipped after it.
    """
    top, bottom, left, right = box
    return (
        (top + dropped[0]) * step,
        (left + dropped[1]) * step,
        min((bottom + dropped[0]) * step, shape[0]),
        min((right + dropped[1]) * step, shape[1]),
    )


def grey(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Brightness 0 to 255, int32 [height, width], by ITU-R BT.601.

    In whole numbers, so that every runtime agrees.
    """
    channels = image.astype(np.int32)
    red, green, blue = (channels[..., min(index, channels.shape[2] - 1)] for index in range(3))
    light: NDArray[np.int32] = (299 * red + 587 * green + 114 * blue + 500) // 1000
    if channels.shape[2] < 4:
        return light
    alpha = channels[..., 3]
    covered = np.mean(alpha, dtype=np.float32)
    brightness = np.mean(alpha * light, dtype=np.float32) / max(covered, np.float32(1))
    paper = int(brightness) if covered > MOSTLY_OPAQUE else 0 if brightness > 127 else 255
    return (light * alpha + paper * (255 - alpha) + 127) // 255


def unframed(light: NDArray[np.int32]) -> tuple[NDArray[np.int32], tuple[int, int]]:
    """Drop a frame, or a line along one edge, where clean paper lies just inside; else nothing.

    Returns what is left, and how many rows at the top and columns at the left are not.
    """
    height, width = light.shape
    thickness = max(1, (max(height, width) + 32) // round(1 / FRAME_SHARE))
    thickness = min(thickness, (height - 1) // 2, (width - 1) // 2)
    inset = light[[thickness, -1 - thickness]], light[:, [thickness, -1 - thickness]]
    inner = np.concatenate([each.ravel() for each in inset])
    paper = median(inner)
    clean = np.mean(np.abs(inner - paper) <= CLEAN_CONTRAST, dtype=np.float32) >= FRAME_WHOLE
    top, bottom, left, right = (
        thickness
        if clean and np.mean(np.abs(edge - paper) > FRAME_CONTRAST, dtype=np.float32) > FRAME_WHOLE
        else 0
        for edge in (light[0], light[-1], light[:, 0], light[:, -1])
    )
    return light[top : height - bottom, left : width - right], (top, left)


def ink_on_dark(light: NDArray[np.int32]) -> tuple[NDArray[np.float32], np.float32, bool]:
    """How far each pixel stands out from the paper, brighter or, on bright paper, darker; and the noise.

    Paper is what the outermost pixels show: a plane through the medians of the four sides, where a
    side that differs much from the others (ink runs along it) counts as they do.
    Returns float32 [height, width], 0 to 255, the median absolute deviation of the outermost pixels, and
    whether the paper was bright.
    """
    bright = bool(median(ring(light)) > 127)
    if bright:
        light = 255 - light
    height, width = light.shape
    paper = median(ring(light))
    top, bottom, left, right = (
        side if abs(side - paper) <= LARGEST_SLOPE else paper
        for side in map(median, (light[0], light[-1], light[:, 0], light[:, -1]))
    )
    down = np.arange(height, dtype=np.float32) / np.float32(max(height - 1, 1)) - np.float32(0.5)
    across = np.arange(width, dtype=np.float32) / np.float32(max(width - 1, 1)) - np.float32(0.5)
    level = (top + bottom + left + right) / np.float32(4)
    plane = level + (bottom - top) * down[:, None] + (right - left) * across
    # Light multiplies: where there is half of it, ink stands out half as far. On black or white, 1.
    above = (light.astype(np.float32) - plane) * (255 / np.maximum(255 - plane, LEAST_CONTRAST))
    noise = median(np.abs(ring(above)))
    return np.maximum(above, 0), noise, bright


def without_noise(ink: NDArray[np.float32], noise: np.float32) -> tuple[NDArray[np.float32], np.float32]:
    """Zero what is noise or ringing; returns the ink left and the level to draw its box at.

    What comes out of here, enlarged by a whole factor or not at all, is left as it is, and every trace
    of ink counts: 93 % of MNIST's digits have pixels of 1 to 15.
    """
    if noise == 0 and is_exact(ink):
        return ink, np.float32(0)
    strongest = ink.max()
    cut = max(NOISE_WIDTHS * noise, RINGING * strongest)
    return np.where(ink > cut, ink, np.float32(0)), max(cut, BOX_CONTRAST * strongest)


def is_exact(ink: NDArray[np.float32]) -> bool:
    """Whether the ink's longest side is `BOX` times a whole number, and it is made of squares that size."""
    box = box_of(ink, np.float32(0))
    if box is None:
        return False
    top, bottom, left, right = box
    factor, rest = divmod(max(bottom - top, right - left), BOX)
    if rest:
        return False
    down = np.abs(np.diff(ink, axis=0)).max(1, initial=0)
    across = np.abs(np.diff(ink, axis=1)).max(0, initial=0)
    edges_down, edges_across = np.arange(1, len(down) + 1) - top, np.arange(1, len(across) + 1) - left
    return not (down * (edges_down % factor > 0)).any() and not (across * (edges_across % factor > 0)).any()


def without_specks(ink: NDArray[np.float32], level: np.float32) -> NDArray[np.float32]:
    """The ink to draw the bounding box around: all of it, or, of a noisy picture, all but lone pixels."""
    if level == 0:
        return ink
    height, width = ink.shape
    padded = np.pad(ink, 1)
    around = sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3)) / np.float32(9)
    kept = np.where(around > SPECK_CONTRAST * ink.max(), ink, np.float32(0))
    return kept if (kept > level).any() else ink


def box_of(ink: NDArray[np.float32], level: np.float32) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right (the second and fourth just outside) of ink above a level; None for no ink."""
    if ink.max() < LEAST_CONTRAST:
        return None
    rows, columns = np.flatnonzero(ink.max(1) > level), np.flatnonzero(ink.max(0) > level)
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def scaled(ink: NDArray[np.float32], box: tuple[int, int, int, int]) -> NDArray[np.int32]:
    """The box by area averaging, longest side `BOX`: int32 [rows, columns], strongest ink at least 254.

    Any ink stays at least 1, so that the box of the result is the whole result.
    """
    top, bottom, left, right = box
    longest = max(bottom - top, right - left)
    averaged = (
        overlaps(top, bottom - top, longest, ink.shape[0])
        @ ink
        @ overlaps(left, right - left, longest, ink.shape[1]).T
    )
    strongest = averaged.max()
    if strongest < FULL_CONTRAST:
        averaged = averaged * (255 / strongest)
    # A little more than half up: averages of flat colours fall on halves exactly, where runtimes differ.
    rounded = np.floor(averaged + (0.5 + 1 / 512))
    return np.where(averaged > 0, np.maximum(rounded, 1), 0).astype(np.int32)


def overlaps(start: int, length: int, longest: int, size: int) -> NDArray[np.float32]:
    """Weights float32 [outputs, size] that average `length` pixels from `start` on, each row summing to 1.

    An output's weight for a pixel is the share of the output's extent that the pixel covers; where
    `longest` is a multiple of `BOX` that is exact.
    """
    outputs = max(1, (2 * length * BOX + longest) // (2 * longest))
    extent = np.float32(length) / np.float32(outputs)
    begin = np.float32(start) + np.arange(outputs, dtype=np.float32)[:, None] * extent
    pixel = np.arange(size, dtype=np.float32)
    covered = np.minimum(pixel + 1, begin + extent) - np.maximum(pixel, begin)
    shares: NDArray[np.float32] = np.maximum(covered, 0) / extent
    return shares


def centred(digit: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Paste at most 20x20 pixels into 28x28 so that their centre of mass is nearest to the centre."""
    top, left = offset(digit.sum(1)), offset(digit.sum(0))
    result = np.zeros((SIDE, SIDE), np.uint8)
    result[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return result


def offset(mass: NDArray[np.int64]) -> int:
    """Where a profile of mass must begin for its centre to fall nearest to the middle, kept inside.

    MNIST counts pixels from 0 and takes 14 for the middle. In whole numbers, so that every runtime agrees.
    """
    total = int(mass.sum())
    moment = int((mass * np.arange(len(mass))).sum())
    nearest = (SIDE * total - 2 * moment + total) // (2 * total)
    return min(max(nearest, 0), SIDE - len(mass))


def ring(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """The outermost rows and columns, the corners twice."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def median(values: NDArray[np.generic]) -> np.float32:
    """The upper median: a value that occurs, so that no runtime has to average two."""
    return np.float32(np.sort(values)[len(values) // 2])
