"""What happens to a picture between being made and being judged: the same for real and generated digits.

Whatever only one of the two classes went through would tell the class instead of the digit: a codec,
a scale, a smooth edge. So both go through `wild`, and then through the one door, `train.normalize`.
"""

import io
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Picture = NDArray[np.uint8]
"""uint8 [height, width, 1 | 3], 0 to 255."""
Range = tuple[float, float]
"""The least and the most of a number that is drawn anew for each picture."""

FILTERS: Final = (
    Image.Resampling.NEAREST,
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
AVERAGING: Final = FILTERS[1:]
"""Those that leave no stroke out when they make a picture smaller."""
SIDE: Final = 28
"""Distances are in pixels of a picture this high and wide; in a larger one they grow with it."""

PEN: Final = (0.25, 0.55)
FINE: Final = 4
"""How much finer the grid is that strokes are drawn on again."""
SHRUNK: Final = (14, 26)
"""Pixels a side; MNIST's 20 pixels of digit become 10 to 19, and a 16x16 scan is among them."""
ENLARGED: Final = (1, 20)
BLUR: Final = (0.2, 0.8)
SHIFT: Final = (0, 2)
CANVAS: Final = (1, 2)
NOISE: Final = (1, 8)
QUALITY: Final = (40, 95)


@dataclass(frozen=True)
class Chances:
    """How often each thing happens to a picture, each from 0 to 1, in the order in which they happen.

    untouched: that nothing of it all does. shrunk, enlarged: see `shrunk`, `enlarged`; a picture may be
    both, as a small scan is that a viewer enlarges. painted: on paper or a blackboard of any colour.
    """

    untouched: float = 0.1
    inked: float = 0.2
    shrunk: float = 0.25
    shifted: float = 0.15
    enlarged: float = 0.75
    blurred: float = 0.25
    canvas: float = 0.5
    painted: float = 0.6
    noisy: float = 0.25
    webp: float = 0.15
    jpeg: float = 0.45


CHANCES: Final = Chances()


def wild(pixels: NDArray[np.uint8], random: np.random.Generator, chances: Chances = CHANCES) -> Picture:
    """A picture of a digit, uint8 [height, width] with ink bright on dark 0, as it may reach a reader.

    The same arguments, and the same state of `random`, give the same picture.
    """
    picture = pixels[..., np.newaxis]
    if random.random() < chances.untouched:
        return picture
    for chance, happen, reach in (
        (chances.inked, inked, PEN),
        (chances.shrunk, shrunk, SHRUNK),
        (chances.shifted, shifted, SHIFT),
        (chances.enlarged, enlarged, ENLARGED),
        (chances.blurred, blurred, BLUR),
        (chances.canvas, on_canvas, CANVAS),
        (chances.painted, painted, (0, 1)),
        (chances.noisy, noisy, NOISE),
        (chances.webp, webp, QUALITY),
        (chances.jpeg, jpeg, QUALITY),
    ):
        if random.random() < chance:
            picture = happen(picture, reach, random)
    return picture


def inked(picture: Picture, levels: Range, random: np.random.Generator) -> Picture:
    """As if by another pen or scanner: strokes thicker or thinner, their edges softer, or black and white.

    levels: from it is drawn which share of full ink is in the middle of a stroke's edge.
    """
    finer = resized(picture, FINE, Image.Resampling.BICUBIC)
    smooth = np.asarray(as_image(finer).filter(ImageFilter.GaussianBlur(FINE * random.uniform(0.3, 0.8))))
    level, softness = random.uniform(*levels), math.exp(random.uniform(math.log(0.02), math.log(0.6)))
    share = smooth / np.float32(max(int(smooth.max()), 1))
    drawn = np.clip((share - np.float32(level)) / np.float32(softness) + np.float32(0.5), 0, 1)
    drawn_finer = as_picture(Image.fromarray(np.round(drawn * 255).astype(np.uint8)))
    return drawn_finer if random.random() < 0.5 else resized(drawn_finer, 1 / FINE, Image.Resampling.BOX)


def shrunk(picture: Picture, sides: Range, random: np.random.Generator) -> Picture:
    """Made smaller by any averaging filter, its longest side as many pixels as drawn from `sides`."""
    height, width = picture.shape[:2]
    factor = random.uniform(*sides) / max(height, width)
    return resized(picture, min(factor, 1), AVERAGING[random.integers(len(AVERAGING))])


def enlarged(picture: Picture, factors: Range, random: np.random.Generator) -> Picture:
    """Enlarged by any filter; half of the factors are whole numbers, and small ones are more frequent."""
    low, high = factors
    factor = math.exp(random.uniform(math.log(low), math.log(high)))
    if random.random() < 0.5:
        factor = min(max(round(factor), math.ceil(low)), math.floor(high))
    return resized(picture, factor, FILTERS[random.integers(len(FILTERS))])


def resized(picture: Picture, factor: float, resampling: Image.Resampling) -> Picture:
    """By a factor, to whole pixels."""
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    return as_picture(as_image(picture).resize((width, height), resampling))


def shifted(picture: Picture, distances: Range, random: np.random.Generator) -> Picture:
    """Moved in any direction, not by whole pixels: bilinear. The frame grows so that nothing is cut."""
    scale = max(picture.shape[:2]) / SIDE
    distance, angle = random.uniform(*distances) * scale, random.uniform(0, 2 * math.pi)
    margin = math.ceil(distances[1] * scale)
    wider = as_image(np.pad(picture, ((margin, margin), (margin, margin), (0, 0))))
    motion = (1, 0, distance * math.cos(angle), 0, 1, distance * math.sin(angle))
    return as_picture(
        wider.transform(wider.size, Image.Transform.AFFINE, motion, resample=Image.Resampling.BILINEAR)
    )


def blurred(picture: Picture, deviations: Range, random: np.random.Generator) -> Picture:
    """Out of focus: a normal distribution's standard deviation."""
    scale = max(picture.shape[:2]) / SIDE
    return as_picture(as_image(picture).filter(ImageFilter.GaussianBlur(random.uniform(*deviations) * scale)))


def on_canvas(picture: Picture, factors: Range, random: np.random.Generator) -> Picture:
    """Somewhere on a dark canvas, whose height and width are each that many times the picture's."""
    height, width, channels = picture.shape
    tall, wide = (round(side * random.uniform(*factors)) for side in (height, width))
    top, left = random.integers(tall - height + 1), random.integers(wide - width + 1)
    canvas = np.zeros((tall, wide, channels), np.uint8)
    canvas[top : top + height, left : left + width] = picture
    return canvas


def painted(picture: Picture, whiteness: Range, random: np.random.Generator) -> Picture:
    """A grey picture's ink on paper, or on a blackboard, in greys or, a time in three, in colours.

    whiteness: from it is drawn how far paper and ink go from the strongest contrast, 0, to the weakest.
    """
    washed = random.uniform(*whiteness)
    channels = 3 if random.random() < 1 / 3 else 1
    dark, bright = random.uniform(0, 80, channels) * washed, 255 - random.uniform(0, 80, channels) * washed
    paper, ink = (dark, bright) if random.random() < 1 / 3 else (bright, dark)
    share = np.arange(256)[:, np.newaxis] / 255
    table = np.round(paper + (ink - paper) * share).astype(np.uint8)
    return np.dstack([column[picture[..., 0]] for column in table.T])


def noisy(picture: Picture, deviations: Range, random: np.random.Generator) -> Picture:
    """Normal noise, the same on each channel, its standard deviation in levels of 255."""
    noise = random.standard_normal((*picture.shape[:2], 1), np.float32)
    values = picture + noise * np.float32(random.uniform(*deviations))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def jpeg(picture: Picture, qualities: Range, random: np.random.Generator) -> Picture:
    """Saved as JPEG and opened again, colours at half the resolution or at the whole."""
    subsampling = int(random.choice([0, 2]))
    return saved(picture, "JPEG", quality=drawn_quality(qualities, random), subsampling=subsampling)


def webp(picture: Picture, qualities: Range, random: np.random.Generator) -> Picture:
    """Saved as lossy WebP and opened again."""
    # The quickest method: it spends more bytes, for about the same picture.
    return saved(picture, "WEBP", quality=drawn_quality(qualities, random), method=0)


def drawn_quality(qualities: Range, random: np.random.Generator) -> int:
    return round(random.uniform(*qualities))


def saved(picture: Picture, codec: str, **options: int) -> Picture:
    """What comes back out of a file."""
    stream = io.BytesIO()
    as_image(picture).save(stream, codec, **options)
    with Image.open(stream) as image:
        return as_picture(image)


def as_image(picture: Picture) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)


def as_picture(image: Image.Image) -> Picture:
    return np.atleast_3d(np.asarray(image))
