"""Change pictures like scanners, viewers and codecs do, then normalize them.

Real and generated digits go through the same code: a codec, a scale or a smooth edge that only one class
has would give the class away. Each picture's random numbers depend on the seed and its index alone, so
results do not depend on the number of processes.
"""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from train.isolation.together import results_of
from train.normalize import SIDE, Normalized, examining
from train.processes import Workers

Picture = NDArray[np.uint8]
"""uint8 [height, width, 1 | 3], 0 to 255."""
Range = tuple[float, float]
"""Bounds of a value that is drawn for each picture."""
Change = Callable[[NDArray[np.uint8], np.random.Generator], Picture]
"""Changes uint8 [height, width] before normalization; picklable."""
BoundedChange = Callable[[NDArray[np.uint8], Range, np.random.Generator], Picture]
"""Changes a `Picture` by a random amount within bounds."""
Changes = Sequence[tuple[float, BoundedChange, Range]]
"""In order: the probability, the change, and the bounds of its amount."""

PART: Final = 1000
"""Pictures per call of a worker process."""
AT_ONCE: Final = 64
"""Pictures that are normalized together."""
FILTERS: Final = (
    Image.Resampling.NEAREST,
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
AVERAGING: Final = FILTERS[1:]
"""Filters that keep thin strokes when shrinking."""

INK_LEVEL: Final = (0.25, 0.55)
FINE: Final = 4
"""Factor of the finer grid on which strokes are redrawn."""
UNTOUCHED: Final = 0.1
"""Probability that a picture is not changed at all."""


def augment(pixels: NDArray[np.uint8], random: np.random.Generator) -> Picture:
    """Change a digit, uint8 [height, width] with bright ink on 0, at random, by some of `CHANGES`."""
    picture = pixels[..., np.newaxis]
    if random.random() < UNTOUCHED:
        return picture
    return change_some(picture, random, CHANGES)


def change_some(picture: Picture, random: np.random.Generator, changes: Changes) -> Picture:
    """Change a picture with bright ink on 0 by some of `changes`, in order."""
    for chance, change, bounds in changes:
        if random.random() < chance:
            picture = change(picture, bounds, random)
    return picture


def keep(pixels: NDArray[np.uint8], random: np.random.Generator) -> Picture:  # noqa: ARG001
    """Leave uint8 [height, width] as it is: a `Change` that changes nothing."""
    return pixels[..., np.newaxis]


def nudged(images: NDArray[np.uint8], share: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Change about a share of the pixels of uint8 [n, height, width] by one level, up or down."""
    values = random.random(images.shape, np.float32)
    change = (values < share / 2).astype(np.int16) - (values > 1 - share / 2)
    result: NDArray[np.uint8] = np.clip(images + change, 0, 255).astype(np.uint8)
    return result


def prepare(
    pixels: NDArray[np.uint8], seed: int, workers: Workers, change: Change = augment
) -> NDArray[np.uint8]:
    """Change and normalize pictures, uint8 [n, height, width] with bright ink on 0: uint8 [n, 28, 28].

    There must be at least one.
    """
    parts = [(pixels[start : start + PART], start, seed, change) for start in range(0, len(pixels), PART)]
    return np.concatenate(workers.starmap(prepare_part, parts))


def prepare_part(pixels: NDArray[np.uint8], start: int, seed: int, change: Change) -> NDArray[np.uint8]:
    """Prepare consecutive pictures, uint8 [n, 28, 28]; start: index of the first one."""
    return normalize_all(
        change(each, np.random.default_rng((seed, index))) for index, each in enumerate(pixels, start)
    )


def normalize_all(pictures: Iterable[Picture]) -> NDArray[np.uint8]:
    """Normalize at least one picture uint8 [height, width, 1 | 3 | 4], of any sizes: uint8 [n, 28, 28]."""
    return np.stack([each.pixels for each in examine_all(pictures)])


def examine_all(pictures: Iterable[Picture]) -> list[Normalized]:
    """Normalize pictures like `normalize_all`, and return the details too."""
    left, found = iter(pictures), []
    while part := [examining(picture) for picture in islice(left, AT_ONCE)]:
        found += results_of(part)
    return found


def restroke(picture: Picture, levels: Range, random: np.random.Generator) -> Picture:
    """Imitate another pen or scanner: thicker or thinner strokes, softer edges, or black and white.

    levels: bounds of the share of full ink that lies in the middle of a stroke's edge.
    """
    finer = resize(picture, FINE, Image.Resampling.BICUBIC)
    smooth = np.asarray(as_image(finer).filter(ImageFilter.GaussianBlur(FINE * random.uniform(0.3, 0.8))))
    level, softness = random.uniform(*levels), math.exp(random.uniform(math.log(0.02), math.log(0.6)))
    share = smooth / np.float32(max(int(smooth.max()), 1))
    drawn = np.clip((share - np.float32(level)) / np.float32(softness) + np.float32(0.5), 0, 1)
    drawn_finer = as_picture(Image.fromarray(np.round(drawn * 255).astype(np.uint8)))
    return drawn_finer if random.random() < 0.5 else resize(drawn_finer, 1 / FINE, Image.Resampling.BOX)


def shrink(picture: Picture, sides: Range, random: np.random.Generator) -> Picture:
    """Shrink with any averaging filter; sides: bounds of the longest side in pixels."""
    height, width = picture.shape[:2]
    factor = random.uniform(*sides) / max(height, width)
    return resize(picture, min(factor, 1), AVERAGING[random.integers(len(AVERAGING))])


def enlarge(picture: Picture, factors: Range, random: np.random.Generator) -> Picture:
    """Enlarge with any filter; half of the factors are whole numbers, and small ones are more frequent."""
    low, high = factors
    factor = math.exp(random.uniform(math.log(low), math.log(high)))
    if random.random() < 0.5:
        factor = min(max(round(factor), math.ceil(low)), math.floor(high))
    return resize(picture, factor, FILTERS[random.integers(len(FILTERS))])


def resize(picture: Picture, factor: float, resampling: Image.Resampling) -> Picture:
    """Resize by a factor, to whole pixels."""
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    return as_picture(as_image(picture).resize((width, height), resampling))


def shift(picture: Picture, distances: Range, random: np.random.Generator) -> Picture:
    """Move in a random direction by a fraction of pixels, bilinearly; the frame grows so nothing is cut."""
    scale = max(picture.shape[:2]) / SIDE
    distance, angle = random.uniform(*distances) * scale, random.uniform(0, 2 * math.pi)
    margin = math.ceil(distances[1] * scale)
    wider = as_image(np.pad(picture, ((margin, margin), (margin, margin), (0, 0))))
    motion = (1, 0, distance * math.cos(angle), 0, 1, distance * math.sin(angle))
    return as_picture(
        wider.transform(wider.size, Image.Transform.AFFINE, motion, resample=Image.Resampling.BILINEAR)
    )


def blur(picture: Picture, deviations: Range, random: np.random.Generator) -> Picture:
    """Blur with a Gaussian; deviations: bounds of its standard deviation."""
    scale = max(picture.shape[:2]) / SIDE
    return as_picture(as_image(picture).filter(ImageFilter.GaussianBlur(random.uniform(*deviations) * scale)))


def place_on_canvas(picture: Picture, factors: Range, random: np.random.Generator) -> Picture:
    """Place anywhere on a black canvas; factors: bounds of its height and width, relative to the picture."""
    height, width, channels = picture.shape
    tall, wide = (round(side * random.uniform(*factors)) for side in (height, width))
    top, left = random.integers(tall - height + 1), random.integers(wide - width + 1)
    canvas = np.zeros((tall, wide, channels), np.uint8)
    canvas[top : top + height, left : left + width] = picture
    return canvas


def paint(picture: Picture, fading: Range, random: np.random.Generator) -> Picture:
    """Turn grey ink on black into ink on paper, or chalk on a blackboard; one in three is coloured.

    fading: bounds of the loss of contrast between paper and ink, from 0 (strongest) to 1 (weakest).
    """
    faded = random.uniform(*fading)
    channels = 3 if random.random() < 1 / 3 else 1
    dark, bright = random.uniform(0, 80, channels) * faded, 255 - random.uniform(0, 80, channels) * faded
    paper, ink = (dark, bright) if random.random() < 1 / 3 else (bright, dark)
    share = np.arange(256)[:, np.newaxis] / 255
    table = np.round(paper + (ink - paper) * share).astype(np.uint8)
    return np.dstack([column[picture[..., 0]] for column in table.T])


def add_noise(picture: Picture, deviations: Range, random: np.random.Generator) -> Picture:
    """Add normal noise, the same on each channel; deviations: in levels of 255."""
    noise = random.standard_normal((*picture.shape[:2], 1), np.float32)
    values = picture + noise * np.float32(random.uniform(*deviations))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def jpeg(picture: Picture, qualities: Range, random: np.random.Generator) -> Picture:
    """Save as JPEG and open again, with colours at full or half resolution."""
    subsampling = int(random.choice([0, 2]))
    return save_and_open(picture, "JPEG", quality=round(random.uniform(*qualities)), subsampling=subsampling)


def webp(picture: Picture, qualities: Range, random: np.random.Generator) -> Picture:
    """Save as lossy WebP and open again."""
    # The fastest method: larger files, but about the same picture.
    return save_and_open(picture, "WEBP", quality=round(random.uniform(*qualities)), method=0)


def save_and_open(picture: Picture, codec: str, **options: int) -> Picture:
    stream = io.BytesIO()
    as_image(picture).save(stream, codec, **options)
    with Image.open(stream) as image:
        return as_picture(image)


def as_image(picture: Picture) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)


def as_picture(image: Image.Image) -> Picture:
    return np.atleast_3d(np.asarray(image))


CHANGES: Final[Changes] = (
    (0.2, restroke, INK_LEVEL),
    # MNIST's 20 pixels of digit become 10 to 19; a 16x16 scan is among them.
    (0.25, shrink, (14, 26)),
    (0.15, shift, (0, 2)),
    # A picture may be both shrunk and enlarged, like a small scan in an image viewer.
    (0.75, enlarge, (1, 20)),
    (0.25, blur, (0.2, 0.8)),
    (0.5, place_on_canvas, (1, 2)),
    (0.6, paint, (0, 1)),
    (0.25, add_noise, (1, 8)),
    (0.15, webp, (40, 95)),
    (0.45, jpeg, (40, 95)),
)
"""In order: the probability, the change, and the bounds of its amount.

Distances are in pixels of a 28x28 picture, and grow with a larger one."""
