"""The reference normalizer: converts any picture to the 28x28 pixels that a discriminator takes, as in MNIST.

MNIST's digits were scaled to fit a 20x20 box and pasted so that their centre of mass falls on the
centre of a 28x28 field (http://yann.lecun.com/exdb/mnist/). The same treatment leaves an MNIST digit
unchanged, and brings any other picture into MNIST's form. All training pictures pass through it;
`normalizer.onnx` does the same inside a graph.

1. `reduced`: average blocks of pixels, so that the longest side is at most 1,024. `opaque`: lay transparency
   over paper.
2. `drawn`: in a drawing, whose paper has one brightness, ink is the contrast of each pixel with the paper.
   MNIST's digits, enlarged by a whole factor or not at all, are done, and so are small drawings.
3. `train.isolation` finds the digits in any other picture, and so the `reason` why there is no single one.
4. `drawn_within`: in a drawing, the digit is the ink where it was found, or all ink if that is hardly more.
   `photographing`: from any other picture, `train.isolation` separates the digit's ink.
5. `box_of`, `centred`: scale the ink's bounding box to a longest side of 20 by area averaging, stretch its
   contrast, and move its centre of mass to the centre.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.isolation.isolate import FURTHER, SUREST, Found, crop_around, isolating, locating
from train.isolation.layers import Steps, result_of
from train.isolation.scaling import WHOLE, shares

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


SMALLEST: Final = 10
"""Longest side of a digit that is not too small, in pixels of the reduced picture."""
SINGLE: Final = 40
"""Largest side of a drawing that must be a single digit, in pixels; several would be too small."""
SOLID: Final = 160
"""Mean level of a box from which its ink is no digit but an area, of 255."""
ROOM: Final = 32
"""A digit that is cut off is nearer to the picture's edge than this part of its longest side."""
MARGIN: Final = 4
"""Ink of a drawing belongs to a digit up to this part of its longest side beyond the box it was found in."""


@dataclass(frozen=True)
class Normalized:
    """A normalized picture, and where it came from.

    pixels: uint8 [28, 28]. box: top, left, bottom, right (the last two just outside) of the ink in the
    original picture; all 0 if it is empty. inverted: whether the paper was brighter than the ink. reason:
    `NONE` to `CUT_OFF`. boxes: int64 [n, 4], one like `box` per digit found.
    """

    pixels: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    inverted: bool
    reason: int
    boxes: NDArray[np.int64]


@dataclass(frozen=True)
class Drawing:
    """A picture whose paper has one brightness, or a part of one.

    light: int32 [height, width], 0 to 255. corner: int64 [2], its top and left in the picture.
    """

    light: NDArray[np.int32]
    corner: NDArray[np.int64]
    paper: np.float32


@dataclass(frozen=True)
class Isolated:
    """One digit. levels: int32 [rows, columns], longest side `BOX`. box: int64 [4], see `Normalized`."""

    levels: NDArray[np.int32]
    box: NDArray[np.int64]
    inverted: bool


def normalize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Normalize a picture, uint8 [height, width, 1 | 3 | 4], to uint8 [28, 28], bright ink on 0.

    A picture without a digit becomes all 0. Idempotent; leaves MNIST digits unchanged.
    """
    return examined(image).pixels


def examined(image: NDArray[np.uint8]) -> Normalized:
    """Normalize a picture, uint8 [height, width, 1 | 3 | 4], and return the details too."""
    return result_of(examining(image))


def examining(image: NDArray[np.uint8]) -> Steps[Normalized]:
    """Do what `examined` does."""
    step = stride(image)
    picture = opaque(reduced(image, step))
    drawing = drawing_of(picture)
    digit, single = (None, False) if drawing is None else drawn(drawing)
    boxes, reason = np.zeros((0, 4), np.int64), NONE
    if not single:
        begin, end = surroundings(None if digit is None else digit.box, picture)
        part = picture[begin[0] : end[0], begin[1] : end[1]]
        found = yield from locating(part, SUREST if drawing is None else FURTHER)
        if len(found.boxes):
            boxes, main, reason = found.boxes + np.tile(begin, 2), *chosen(found)
            # The ink of several may be connected.
            several = reason == SEVERAL_DIGITS
            near = None if drawing is None or several else drawn_within(drawing, boxes[main])
            if near is not None or digit is None or several or not whole_digit(digit, boxes[main]):
                digit = near or (yield from photographing(picture, boxes[main])) or digit
            if digit is not None:
                boxes[main] = digit.box
                if reason == CUT_OFF and within(digit.box, picture):
                    reason = NONE
    if digit is None:
        empty = np.zeros((SIDE, SIDE), np.uint8)
        return Normalized(empty, (0, 0, 0, 0), False, BLANK, np.zeros((0, 4), np.int64))
    if not len(boxes):
        boxes = digit.box[np.newaxis]
    box, boxes = (np.minimum(each * step, np.tile(image.shape[:2], 2)) for each in (digit.box, boxes))
    top, left, bottom, right = box.tolist()
    return Normalized(centred(digit.levels), (top, left, bottom, right), digit.inverted, reason, boxes)


def isolating_at(picture: NDArray[np.uint8], box: NDArray[np.int64]) -> Steps[NDArray[np.uint8]]:
    """Normalize a picture uint8 [height, width, 1 | 3] to uint8 [28, 28], without looking for its digit.

    box: int64 [4], about where the digit is. Training knows it, and looking would take most of the time.
    """
    drawing = drawing_of(picture)
    digit = None if drawing is None else drawn_within(drawing, box)
    if digit is None:
        digit = yield from photographing(picture, box)
    return np.zeros((SIDE, SIDE), np.uint8) if digit is None else centred(digit.levels)


def drawing_of(picture: NDArray[np.uint8]) -> Drawing | None:
    """Return a picture uint8 [height, width, 1 | 3] as a drawing, if its paper has one brightness."""
    light, dropped = unframed(grey(picture))
    paper = median(ring(light))
    if np.mean(ring(light) == paper, dtype=np.float32) <= 0.5:
        return None
    return Drawing(light, np.array(dropped), paper)


def drawn(drawing: Drawing) -> tuple[Isolated | None, bool]:
    """Return all ink of a drawing, if there is any.

    Also whether it must be a single digit: because it has no room for two, or because it is a normalized
    digit, enlarged by a whole factor or not at all. Of that, every trace of ink counts: 93 % of MNIST's
    digits have pixels of 1 to 15.
    """
    ink, inverted = ink_on(drawing.light, drawing.paper)
    exact = is_exact(ink)
    if exact:
        box = box_of(ink, np.float32(0))
    else:
        ink = np.where(ink > RINGING * ink.max(), ink, np.float32(0))
        level = BOX_CONTRAST * ink.max()
        box = box_of(without_specks(ink, level), level)
    if box is None:
        return None, False
    digit = Isolated(stretched(scaled(ink, box)), box + np.tile(drawing.corner, 2), inverted)
    return digit, exact or max(ink.shape) <= SINGLE


def surroundings(
    box: NDArray[np.int64] | None, picture: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the corners of the part of a picture in which to look for digits.

    box: of a drawing's ink. If that touches an edge, or there is none, digits may be anywhere.
    """
    size = np.array(picture.shape[:2])
    if box is None or min(box[:2].min(), (size - box[2:]).min()) == 0:
        return np.zeros_like(size), size
    margin = (box[2:] - box[:2]).max() // 2 + 1
    return np.maximum(box[:2] - margin, 0), np.minimum(box[2:] + margin, size)


def drawn_within(drawing: Drawing, box: NDArray[np.int64]) -> Isolated | None:
    """Return the ink in a box and a margin around it, unless other ink reaches into that."""
    margin = (box[2:] - box[:2]).max() // MARGIN + 1
    size = np.array(drawing.light.shape)
    begin = np.clip(box[:2] - drawing.corner - margin, 0, size - 1)
    end = np.clip(box[2:] - drawing.corner + margin, begin + 1, size)
    part = drawing.light[begin[0] : end[0], begin[1] : end[1]]
    digit, _ = drawn(Drawing(part, drawing.corner + begin, drawing.paper))
    if digit is None:
        return None
    before, after = np.split(digit.box - np.tile(drawing.corner, 2), 2)
    crossed = ((before == begin) & (begin > 0)) | ((after == end) & (end < size))
    return None if crossed.any() else digit


def whole_digit(whole: Isolated, box: NDArray[np.int64]) -> bool:
    """Whether all ink can be the digit of a box: it is hardly larger, and not an area."""
    large = 5 * (whole.box[2:] - whole.box[:2]).max() > 8 * (box[2:] - box[:2]).max()
    return not large and int(whole.levels.sum()) < SOLID * whole.levels.size


def within(box: NDArray[np.int64], picture: NDArray[np.uint8]) -> bool:
    """Whether a digit is too far from the picture's edge to be cut off by it."""
    room = np.minimum(box[:2], picture.shape[:2] - box[2:]).min()
    return bool(ROOM * room > (box[2:] - box[:2]).max())


def photographing(picture: NDArray[np.uint8], box: NDArray[np.int64]) -> Steps[Isolated | None]:
    """Return the ink of the digit in a box of a picture uint8 [height, width, 1 | 3], if there is any."""
    crop = crop_around(picture, box)
    ink, inverted = yield from isolating(crop)
    whole = box_of(ink, BOX_CONTRAST * ink.max())
    if whole is None:
        return None
    begin, end = edges_of(ink, whole)
    corners = np.tile(crop.corner, 2) + np.concatenate([begin, end]) * crop.scale
    outer = np.clip(np.floor(corners + np.float32(0.5)), 0, np.tile(picture.shape[:2], 2)).astype(np.int64)
    return Isolated(stretched(exactly_scaled(ink, begin, end)), outer, inverted)


def edges_of(
    ink: NDArray[np.float32], box: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where in its outermost pixels the ink of a box begins and ends: float32 [2] each."""
    strongest = ink.max()
    rows, columns = ink.max(1), ink.max(0)
    first = np.array([rows[box[0]], columns[box[1]]]) / strongest
    last = np.array([rows[box[2] - 1], columns[box[3] - 1]]) / strongest
    begin, end = box[:2].astype(np.float32), box[2:].astype(np.float32)
    return begin + np.float32(1) - first, end - np.float32(1) + last


def chosen(found: Found) -> tuple[int, int]:
    """Return the index of the digit to judge, and the reason why there is no single one."""
    complete = np.flatnonzero(~found.cut)
    if not len(complete):
        return 0, CUT_OFF
    main = int(complete[0])
    if len(complete) > 1:
        return main, SEVERAL_DIGITS
    box = found.boxes[main]
    return main, TOO_SMALL if (box[2:] - box[:2]).max() < SMALLEST else NONE


def stride(image: NDArray[np.uint8]) -> int:
    """Return the smallest n for which blocks of n x n pixels fit `LARGEST_SIDE`."""
    longest: int = max(image.shape[:2])
    return -(-longest // LARGEST_SIDE)


def reduced(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Average blocks of step x step pixels, weighted by alpha if there is any; edges are repeated."""
    if step == 1:
        return image
    height, width, channels = image.shape
    padded = np.pad(image, ((0, -height % step), (0, -width % step), (0, 0)), "edge").astype(np.int64)
    blocks = padded.reshape(padded.shape[0] // step, step, -1, step, channels)
    count = step * step
    if channels < 4:
        mean: NDArray[np.uint8] = ((blocks.sum((1, 3)) * 2 + count) // (2 * count)).astype(np.uint8)
        return mean
    alpha = blocks[..., 3:]
    covered = alpha.sum((1, 3))
    colours = ((blocks[..., :3] * alpha).sum((1, 3)) * 2 + covered) // np.maximum(2 * covered, 1)
    return np.concatenate([colours, (covered * 2 + count) // (2 * count)], 2).astype(np.uint8)


def opaque(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay transparency over white, or over black if the visible part is bright: uint8 [height, width, 1 | 3].

    A small margin of it lies over the median of the visible part's middle row and column.
    """
    if image.shape[2] < 4:
        return image
    alpha = image[..., 3:].astype(np.int32)
    light = grey(image[..., :3])[..., np.newaxis]
    covered = np.mean(alpha, dtype=np.float32)
    brightness = np.mean(alpha * light, dtype=np.float32) / max(covered, np.float32(1))
    middle = alpha.shape[0] // 2, alpha.shape[1] // 2
    visible = np.concatenate([alpha[middle[0]], alpha[:, middle[1]]]) == 255
    known = np.concatenate([light[middle[0]], light[:, middle[1]]])[visible]
    # Without any, the mean.
    inner = int(median(np.append(known, int(brightness))))
    paper = inner if covered > MOSTLY_OPAQUE else 0 if brightness > 127 else 255
    mixed: NDArray[np.int32] = (image[..., :3] * alpha + paper * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)


def grey(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return brightness 0 to 255, int32 [height, width], by ITU-R BT.601; image: 1 or 3 channels.

    Computed in integers, so that all runtimes agree.
    """
    if image.shape[2] == 1:
        return image[..., 0].astype(np.int32)
    channels = image.astype(np.int32)
    red, green, blue = (channels[..., index] for index in range(3))
    light: NDArray[np.int32] = (299 * red + 587 * green + 114 * blue + 500) // 1000
    return light


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


def ink_on(light: NDArray[np.int32], paper: np.float32) -> tuple[NDArray[np.float32], bool]:
    """Return each pixel's contrast with the paper, on the side where it is larger; is that the darker one?

    Contrast is float32 [height, width], 0 to 255, the share of what the paper leaves room for.
    """
    inverted = bool(paper > (light.min() + light.max()) / np.float32(2))
    room = max(paper if inverted else 255 - paper, np.float32(LEAST_CONTRAST))
    gain = np.float32(-255 if inverted else 255) / room
    return np.maximum((light.astype(np.float32) - paper) * gain, 0), inverted


def is_exact(ink: NDArray[np.float32]) -> bool:
    """Whether the ink's longest side is a multiple of `BOX`, and it consists of squares of that factor."""
    box = box_of(ink, np.float32(0))
    if box is None:
        return False
    top, left, bottom, right = box.tolist()
    factor, rest = divmod(max(bottom - top, right - left), BOX)
    if rest:
        return False
    down = np.abs(np.diff(ink, axis=0)).max(1, initial=0)
    across = np.abs(np.diff(ink, axis=1)).max(0, initial=0)
    edges_down, edges_across = np.arange(1, len(down) + 1) - top, np.arange(1, len(across) + 1) - left
    return not (down * (edges_down % factor > 0)).any() and not (across * (edges_across % factor > 0)).any()


def without_specks(ink: NDArray[np.float32], level: np.float32) -> NDArray[np.float32]:
    """Return the ink that defines the bounding box: all but lone pixels, unless there are no others."""
    height, width = ink.shape
    padded = np.pad(ink, 1)
    around = sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3)) / np.float32(9)
    kept = np.where(around > SPECK_CONTRAST * ink.max(), ink, np.float32(0))
    return kept if (kept > level).any() else ink


def box_of(ink: NDArray[np.float32], level: np.float32) -> NDArray[np.int64] | None:
    """Return top, left, bottom, right (bottom, right just outside) of ink above a level; None without ink."""
    if ink.max() < LEAST_CONTRAST:
        return None
    rows, columns = np.flatnonzero(ink.max(1) > level), np.flatnonzero(ink.max(0) > level)
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])


def scaled(ink: NDArray[np.float32], box: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scale the box by area averaging to longest side `BOX`: float32 [rows, columns]."""
    top, left, bottom, right = box.tolist()
    longest = max(bottom - top, right - left)
    down = overlaps(top, bottom - top, longest, ink.shape[0])
    across = overlaps(left, right - left, longest, ink.shape[1])
    return (down @ ink @ across.T).astype(np.float32)


def exactly_scaled(
    ink: NDArray[np.float32], begin: NDArray[np.float32], end: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Do the same with integers, for whole levels of ink between the corners float32 [2] of a box."""
    length = end - begin
    counts = np.maximum(np.floor(length * np.float32(BOX) / length.max() + np.float32(0.5)), 1)
    down, across = (
        shares(float(start), float(extent), int(count), size)[0]
        for start, extent, count, size in zip(begin, length / counts, counts, ink.shape, strict=True)
    )
    return (down @ ink @ across.T / WHOLE**2).astype(np.float32)


def stretched(averaged: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return whole levels with a maximum of at least 254. Ink stays at least 1, so that it fills its box."""
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
