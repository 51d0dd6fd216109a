"""The reference normalizer: converts any picture to the 28x28 pixels that a discriminator takes, as in MNIST.

MNIST's digits were scaled to fit a 20x20 box and pasted so that their centre of mass falls on the
centre of a 28x28 field (http://yann.lecun.com/exdb/mnist/). The same treatment leaves an MNIST digit
unchanged, and brings any other picture into MNIST's form. All training pictures pass through it;
`normalizer.onnx` does the same inside a graph.

Its steps, one function each, for ink of any colour on paper of any colour:

1. `thinned`: keep every n-th pixel, so that the longest side is at most 1,024.
2. `grey`: brightness, with transparency over white, or over black if the visible part is bright.
3. `unframed`: drop a line along an edge that is not paper.
4. `ink_on_dark`: the contrast of each pixel with the paper, whose brightness may slope.
5. `without_noise`: zero contrasts within the paper's noise; clean paper has none.
6. `box_of`, `scaled`: scale the ink's bounding box to a longest side of 20 by area averaging, and stretch
   its contrast.
7. `centred`: move the centre of mass to the centre.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

VERSION: Final = 2
"""Grows with every change of the results."""
SIDE: Final = 28
BOX: Final = 20
LARGEST_SIDE: Final = 1024
MOSTLY_OPAQUE: Final = 170
"""Mean alpha above which transparency is a margin around a picture rather than the paper."""
FRAME_SHARE: Final = 1 / 64
"""Largest thickness of a frame, as a share of the longest side."""
FRAME_CONTRAST: Final = 64
"""Smallest contrast of a frame with the paper inside it, in levels."""
FRAME_WHOLE: Final = 0.9
"""Share of an edge's pixels that must have this contrast, and of the pixels inside that must be clean."""
CLEAN_CONTRAST: Final = 16
"""Largest difference of clean paper from its median, in levels."""
LARGEST_SLOPE: Final = 64
"""Largest difference of one side's median from the paper's, in levels; beyond it, the side shows ink."""
NOISE_WIDTHS: Final = 5
"""Threshold in median absolute deviations; 3.4 standard deviations of normal noise."""
RINGING: Final = 16 / 255
"""Upper bound of the ringing of codecs and sharp filters, as a share of the strongest ink."""
BOX_CONTRAST: Final = 1 / 4
"""Level of the bounding box, as a share of the strongest ink."""
SPECK_CONTRAST: Final = 1 / 8
"""Upper bound of the 3x3 mean around a lone pixel, as a share of the strongest ink."""
LEAST_CONTRAST: Final = 16
"""A picture with less contrast than this, in levels, is empty."""
FULL_CONTRAST: Final = 253.5
"""In levels. The strongest ink of every MNIST digit is 254 or 255; only weaker ink is stretched."""


NONE, BLANK, SEVERAL_DIGITS, TOO_SMALL, CUT_OFF = range(5)
"""Why no single digit could be isolated; `NONE` if one was."""


@dataclass(frozen=True)
class Normalized:
    """A normalized picture, and where it came from.

    pixels: uint8 [28, 28]. box: top, left, bottom, right (the last two just outside) of the ink in the
    original picture; all 0 if it is empty. inverted: whether the paper was bright. reason: `NONE` to
    `CUT_OFF`. boxes: int64 [n, 4], one like `box` per digit found.
    """

    pixels: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    inverted: bool
    reason: int
    boxes: NDArray[np.int64]


def normalize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Normalize a picture, uint8 [height, width, 1 | 3 | 4], to uint8 [28, 28], bright ink on 0.

    An empty picture becomes all 0. Idempotent; leaves MNIST digits unchanged.
    """
    return examined(image).pixels


def examined(image: NDArray[np.uint8]) -> Normalized:
    """Normalize a picture, uint8 [height, width, 1 | 3 | 4], and return the details too."""
    step = stride(image)
    light, dropped = unframed(grey(thinned(image, step)))
    above, noise, inverted = ink_on_dark(light)
    ink, level = without_noise(above, noise)
    box = box_of(without_specks(ink, level), level)
    if box is None:
        nowhere = np.zeros((0, 4), np.int64)
        return Normalized(np.zeros((SIDE, SIDE), np.uint8), (0, 0, 0, 0), inverted, BLANK, nowhere)
    given = as_given(box, dropped, step, image.shape)
    return Normalized(centred(scaled(ink, box)), given, inverted, NONE, np.array([given]))


def stride(image: NDArray[np.uint8]) -> int:
    """Return the smallest n for which every n-th row and column fit `LARGEST_SIDE`."""
    longest: int = max(image.shape[:2])
    return -(-longest // LARGEST_SIDE)


def thinned(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Keep every n-th row and column."""
    return image[::step, ::step]


def as_given(
    box: tuple[int, int, int, int], dropped: tuple[int, int], step: int, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Convert a box of `box_of` to the coordinates of the original picture, in the order of `Normalized`.

    dropped: rows at the top and columns at the left that `unframed` dropped. A kept row or column also
    covers the skipped ones after it.
    """
    top, bottom, left, right = box
    return (
        (top + dropped[0]) * step,
        (left + dropped[1]) * step,
        min((bottom + dropped[0]) * step, shape[0]),
        min((right + dropped[1]) * step, shape[1]),
    )


def grey(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return brightness 0 to 255, int32 [height, width], by ITU-R BT.601.

    Computed in integers, so that all runtimes agree.
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
    """Drop a frame, or a line along one edge, if clean paper lies just inside it.

    Returns the rest, and the number of rows dropped at the top and of columns at the left.
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
    """Return each pixel's contrast with the paper, the noise, and whether the paper is bright.

    The paper is a plane through the medians of the four sides; a side that differs much from the others,
    because ink runs along it, counts as they do. Contrast is float32 [height, width], 0 to 255, where the
    pixel is brighter than dark paper or darker than bright paper. The noise is the median absolute
    deviation of the outermost pixels.
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
    # Light is multiplicative: half the light halves ink's contrast. The factor is 1 on black or white.
    above = (light.astype(np.float32) - plane) * (255 / np.maximum(255 - plane, LEAST_CONTRAST))
    noise = median(np.abs(ring(above)))
    return np.maximum(above, 0), noise, bright


def without_noise(ink: NDArray[np.float32], noise: np.float32) -> tuple[NDArray[np.float32], np.float32]:
    """Zero noise and ringing; return the remaining ink and the level of its bounding box.

    A normalized picture, enlarged by a whole factor or not at all, is left unchanged, and every trace of
    ink counts: 93 % of MNIST's digits have pixels of 1 to 15.
    """
    if noise == 0 and is_exact(ink):
        return ink, np.float32(0)
    strongest = ink.max()
    cut = max(NOISE_WIDTHS * noise, RINGING * strongest)
    return np.where(ink > cut, ink, np.float32(0)), max(cut, BOX_CONTRAST * strongest)


def is_exact(ink: NDArray[np.float32]) -> bool:
    """Whether the ink's longest side is a multiple of `BOX`, and it consists of squares of that factor."""
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
    """Return the ink that defines the bounding box: all of it, or in a noisy picture all but lone pixels."""
    if level == 0:
        return ink
    height, width = ink.shape
    padded = np.pad(ink, 1)
    around = sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3)) / np.float32(9)
    kept = np.where(around > SPECK_CONTRAST * ink.max(), ink, np.float32(0))
    return kept if (kept > level).any() else ink


def box_of(ink: NDArray[np.float32], level: np.float32) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left, right (bottom, right just outside) of ink above a level; None without ink."""
    if ink.max() < LEAST_CONTRAST:
        return None
    rows, columns = np.flatnonzero(ink.max(1) > level), np.flatnonzero(ink.max(0) > level)
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def scaled(ink: NDArray[np.float32], box: tuple[int, int, int, int]) -> NDArray[np.int32]:
    """Scale the box by area averaging to longest side `BOX`: int32 [rows, columns], maximum at least 254.

    All ink stays at least 1, so that the ink fills the result.
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
    # Slightly more than half up: averages of flat colours fall exactly on halves, where runtimes differ.
    rounded = np.floor(averaged + (0.5 + 1 / 512))
    return np.where(averaged > 0, np.maximum(rounded, 1), 0).astype(np.int32)


def overlaps(start: int, length: int, longest: int, size: int) -> NDArray[np.float32]:
    """Return weights float32 [outputs, size] that average `length` pixels from `start`; rows sum to 1.

    A weight is the share of the output's extent that the pixel covers; it is exact if `longest` is a
    multiple of `BOX`.
    """
    outputs = max(1, (2 * length * BOX + longest) // (2 * longest))
    extent = np.float32(length) / np.float32(outputs)
    begin = np.float32(start) + np.arange(outputs, dtype=np.float32)[:, None] * extent
    pixel = np.arange(size, dtype=np.float32)
    covered = np.minimum(pixel + 1, begin + extent) - np.maximum(pixel, begin)
    shares: NDArray[np.float32] = np.maximum(covered, 0) / extent
    return shares


def centred(digit: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Paste at most 20x20 pixels into 28x28, with the centre of mass nearest to the centre."""
    top, left = offset(digit.sum(1)), offset(digit.sum(0))
    result = np.zeros((SIDE, SIDE), np.uint8)
    result[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return result


def offset(mass: NDArray[np.int64]) -> int:
    """Return where a profile of mass must begin for its centre to be nearest to the middle, kept inside.

    MNIST counts pixels from 0 and takes 14 as the middle. Computed in integers, so that all runtimes agree.
    """
    total = int(mass.sum())
    moment = int((mass * np.arange(len(mass))).sum())
    nearest = (SIDE * total - 2 * moment + total) // (2 * total)
    return min(max(nearest, 0), SIDE - len(mass))


def ring(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the outermost rows and columns, corners twice."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def median(values: NDArray[np.generic]) -> np.float32:
    """Return the upper median, a value that occurs: runtimes may average two values differently."""
    return np.float32(np.sort(values)[len(values) // 2])
