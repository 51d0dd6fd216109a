"""Pictures to hold the any-image graph to: digits as people's files, canvases and cameras show them."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FILTERS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def any_image_groups(digits: NDArray[np.uint8], seed: int) -> dict[str, list[NDArray[np.uint8]]]:
    """Group → pictures uint8 [height, width, channels], made of digits uint8 [n, 28, 28], by seed."""
    random = np.random.default_rng(seed)
    return {
        "as they are": [digit[..., None] for digit in digits],
        "inverted": [255 - digit[..., None] for digit in digits],
        "on a canvas": [on_canvas(digit, random)[..., None] for digit in digits],
        "transparent": [transparent(digit, 255 * (index % 2)) for index, digit in enumerate(digits)],
        "enlarged": [enlarged(digit, random)[..., None] for digit in digits],
        "coloured": [coloured(enlarged(digit, random), random) for digit in digits],
        "photographed": [photographed(enlarged(digit, random), random) for digit in digits],
        "compressed": [compressed(on_canvas(enlarged(d, random), random), random) for d in digits],
        "nothing": [np.full((side, 3 * side, 3), side, np.uint8) for side in (1, 2, 28, 255)],
        "noise": [random.integers(0, 256, (37, 53, channels), np.uint8) for channels in (1, 3, 4)],
        "strips": [random.integers(0, 256, shape, np.uint8) for shape in ((1, 5000, 3), (3000, 2, 1))],
    }


def on_canvas(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Anywhere on a larger black canvas: uint8 [height, width]."""
    top, bottom, left, right = random.integers(1, 2 * len(digit), 4)
    return np.pad(digit, ((top, bottom), (left, right)))


def transparent(digit: NDArray[np.uint8], ink: int) -> NDArray[np.uint8]:
    """Ink of one brightness whose alpha is the digit: uint8 [28, 28, 4]."""
    colour = np.full((*digit.shape, 3), ink, np.uint8)
    return np.concatenate([colour, digit[..., None]], axis=2)


def enlarged(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Two to twelve times as large, by any filter: uint8 [height, width]."""
    factor = int(random.integers(2, 13))
    size = (digit.shape[1] * factor, digit.shape[0] * factor)
    return np.asarray(Image.fromarray(digit).resize(size, FILTERS[int(random.integers(len(FILTERS)))]))


def coloured(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Ink of any colour on paper of any colour of other brightness: uint8 [height, width, 3]."""
    paper, ink = random.integers(0, 100, 3), random.integers(150, 256, 3)
    if random.random() < 0.5:
        paper, ink = ink, paper
    share = digit[..., None] / 255
    return np.round(paper * (1 - share) + ink * share).astype(np.uint8)


def photographed(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Dark ink on paper under light from one side, with a camera's noise: uint8 [height, width, 3]."""
    height, width = digit.shape
    light = np.add.outer(
        np.linspace(0, random.uniform(-40, 40), height), np.linspace(0, random.uniform(-40, 40), width)
    )
    grey = 190 + light - digit * (130 / 255) + random.normal(0, 2, digit.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def compressed(picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Dark ink on white, through JPEG of quality 40 to 95: uint8 [height, width, 3]."""
    stream = io.BytesIO()
    Image.fromarray(255 - picture).convert("RGB").save(stream, "JPEG", quality=int(random.integers(40, 96)))
    return np.asarray(Image.open(stream))


def golden_picture(digit: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """One picture that exercises every step of the normaliser: uint8 [84, 84, 3]."""
    large = np.asarray(Image.fromarray(digit).resize((84, 84), Image.Resampling.BICUBIC))
    return photographed(large, np.random.default_rng(seed))
