"""The reference normalizer leaves MNIST unchanged, and treats other pictures as MNIST would."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from export.conformance import strokes_of
from export.from_image import any_image_groups
from train.data import mnist
from train.data.pendigits import draw, read_unipen
from train.normalize import BLANK, NONE, SEVERAL_DIGITS, examined, normalize

Pixels = NDArray[np.uint8]

BORDERS: dict[str, Callable[[Pixels], Pixels]] = {
    "off-centre on a canvas": lambda digit: np.pad(digit, ((3, 40), (21, 5)))[..., None],
    "inverted": lambda digit: 255 - digit[..., None],
    "RGBA": lambda digit: np.dstack([digit] * 3 + [np.full_like(digit, 255)]),
    "white on transparent": lambda digit: np.dstack([np.full_like(digit, 255)] * 3 + [digit]),
    "black on transparent": lambda digit: np.dstack([np.zeros_like(digit)] * 3 + [digit]),
}
SHIFTS = {"off-centre on a canvas": (3, 21)}
BRIGHT = {"inverted", "black on transparent"}


@pytest.fixture(scope="module")
def digits(dataset: str) -> Pixels:
    """Test digits as MNIST makes them: MNIST's own, or normalized ones."""
    images = mnist.load(dataset, "test").images.numpy()
    if dataset == "mnist":
        return images
    return np.stack([normalize(image[..., None]) for image in images])


def test_a_digit_comes_back_unchanged(digits: Pixels) -> None:
    # 9,996 of MNIST's 10,000 test digits come back; the rest are not 20 long or not centred.
    some = digits[::4]
    assert sum(not np.array_equal(normalize(digit[..., None]), digit) for digit in some) <= len(some) // 1000


@pytest.mark.parametrize("border", BORDERS)
def test_pixels_box_and_polarity_do_not_depend_on_border_and_channels(digits: Pixels, border: str) -> None:
    down, across = SHIFTS.get(border, (0, 0))
    for digit in digits[:20]:
        rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
        found = examined(BORDERS[border](digit))
        assert np.array_equal(found.pixels, digit)
        corners = rows[0] + down, columns[0] + across, rows[-1] + 1 + down, columns[-1] + 1 + across
        assert found.box == corners
        assert found.reason == NONE
        assert found.boxes.tolist() == [list(corners)]
        assert found.inverted == (border in BRIGHT)


def test_normalizing_twice_changes_nothing(digits: Pixels) -> None:
    for group, pictures in any_image_groups(digits[:16], seed=0).items():
        for picture in pictures:
            once = normalize(picture)
            assert np.array_equal(normalize(once[..., None]), once), group


@pytest.mark.parametrize("factor", [2, 13])
@pytest.mark.parametrize(
    ("resampling", "limit"), [(Image.Resampling.NEAREST, 0.5), (Image.Resampling.LANCZOS, 9)]
)
def test_an_enlarged_digit_comes_back(
    digits: Pixels, factor: int, resampling: Image.Resampling, limit: float
) -> None:
    size = (28 * factor, 28 * factor)
    differences = [
        np.abs(
            normalize(np.asarray(Image.fromarray(digit).resize(size, resampling))[..., None])
            - digit.astype(int)
        )
        for digit in digits[:40]
    ]
    assert np.mean(differences) <= limit


def jpeg(picture: Pixels, quality: int) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def mixed(drawing: Pixels, paper: tuple[int, int, int], ink: tuple[int, int, int]) -> Pixels:
    share = drawing[..., None] / 255
    return np.round(np.array(paper) * (1 - share) + np.array(ink) * share).astype(np.uint8)


def photo(drawing: Pixels, slope: float, noise: float, blur: float) -> Pixels:
    """Dark ink on paper in light that fades to one side, blurred, with a camera's noise."""
    height, width = drawing.shape
    soft = np.asarray(Image.fromarray(drawing).filter(ImageFilter.GaussianBlur(blur))) / 255
    light = 190 + np.add.outer(
        np.linspace(-slope / 2, slope / 2, height), np.linspace(-slope / 3, slope / 3, width)
    )
    grey = light * (1 - 0.7 * soft) + np.random.default_rng(0).normal(0, noise, drawing.shape)
    return np.dstack([np.clip(grey, 0, 255).astype(np.uint8)] * 3)


@pytest.fixture(scope="module")
def drawings() -> list[Pixels]:
    """The project's own strokes on a canvas, and those of other writers if their file exists."""
    strokes = [strokes_of(digit) for digit in range(10)]
    unipen = Path(os.environ.get(mnist.DATA_VARIABLE, "")) / "pendigits" / "pendigits-orig.tra.gz"
    if unipen.exists():
        strokes += [drawing.strokes for drawing in read_unipen(unipen)[::500]]
    widths = np.random.default_rng(0).uniform(14, 30, len(strokes))
    return [draw(each, 280, width) for each, width in zip(strokes, widths, strict=True)]


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 2, 3), (1, 5000, 3), (300, 200, 4)])
@pytest.mark.parametrize("value", [0, 128])
def test_an_empty_picture_has_no_pixels_and_no_box(shape: tuple[int, int, int], value: int) -> None:
    found = examined(np.full(shape, value, np.uint8))
    assert not found.pixels.any()
    assert found.box == (0, 0, 0, 0)
    assert found.reason == BLANK
    assert found.boxes.shape == (0, 4)


def test_ink_that_touches_the_edge_is_still_ink() -> None:
    drawing = draw(strokes_of(7), 280, 22)
    rows, columns = np.flatnonzero(drawing.any(1)), np.flatnonzero(drawing.any(0))
    cropped = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    whole = normalize(drawing[..., None])
    assert np.abs(normalize(cropped[..., None]) - whole.astype(int)).mean() < 1
    assert np.abs(normalize(255 - cropped[..., None]) - whole.astype(int)).mean() < 1


def framed(drawing: Pixels) -> Pixels:
    """Dark ink on white paper, with a grey frame."""
    paper = 255 - drawing
    for edge in (paper[0], paper[-1], paper[:, 0], paper[:, -1]):
        edge[:] = 120
    return paper[..., None]


def edged(drawing: Pixels) -> Pixels:
    """Dark ink on white paper, with three grey rows at the bottom, like a scanner's."""
    paper = 255 - drawing
    paper[-3:] = 90
    return paper[..., None]


def specked(drawing: Pixels) -> Pixels:
    """Dark ink on white paper, with a distant black pixel."""
    paper = 255 - drawing
    paper[7, 9] = 0
    return paper[..., None]


def noisy(drawing: Pixels) -> Pixels:
    """Dark ink on noisy grey paper."""
    noise = np.random.default_rng(0).normal(0, 25, (*drawing.shape, 3))
    return np.clip(200 - 0.6 * drawing[..., None] + noise, 0, 255).astype(np.uint8)


def card(drawing: Pixels, paper: int) -> Pixels:
    """An opaque card, white or dark, with a transparent margin."""
    inner = drawing if paper == 0 else 255 - drawing
    colour = np.pad(np.dstack([inner] * 3), ((20, 20), (20, 20), (0, 0)))
    alpha = np.pad(np.full_like(inner, 255), 20)
    return np.dstack([colour, alpha])


# The same strokes in other media and surroundings, and the largest mean difference from white strokes on
# black, in levels. In photographs, the box is less exact, which moves some digits by a pixel.
MEDIA: dict[str, tuple[Callable[[Pixels], Pixels], float]] = {
    "dark blue on yellow": (lambda drawing: mixed(drawing, (250, 240, 120), (20, 20, 90)), 2),
    "chalk on a blackboard": (lambda drawing: mixed(drawing, (40, 60, 50), (220, 225, 220)), 2),
    "very uneven light": (lambda drawing: photo(drawing, 120, 0, 0), 7),
    "photograph, JPEG 40": (lambda drawing: jpeg(photo(drawing, 60, 3, 1), 40), 7),
}
SPOILED: dict[str, tuple[Callable[[Pixels], Pixels], float]] = {
    "grey frame": (framed, 0.5),
    "edge of a scan": (edged, 0.5),
    "speck": (specked, 0.5),
    "noise": (noisy, 8),
    "white card": (lambda drawing: card(drawing, 255), 2),
    "dark card": (lambda drawing: card(drawing, 0), 2),
}


@pytest.mark.parametrize("name", [*MEDIA, *SPOILED])
def test_medium_and_surroundings_make_little_difference(drawings: list[Pixels], name: str) -> None:
    change, limit = (MEDIA | SPOILED)[name]
    pairs = [(normalize(change(drawing)), normalize(drawing[..., None])) for drawing in drawings]
    assert np.mean([np.abs(one.astype(int) - other) for one, other in pairs]) <= limit


def test_small_digits_of_a_drawing_are_several_digits(digits: Pixels) -> None:
    """Four digits, 20 pixels long, in a corner of a large canvas."""
    canvas = np.zeros((480, 640, 1), np.uint8)
    canvas[440:468, 500:612, 0] = np.hstack(list(digits[:4]))
    found = examined(canvas)
    assert found.reason == SEVERAL_DIGITS
    assert len(found.boxes) == 4


def test_a_solid_area_around_a_digit_is_no_ink(digits: Pixels) -> None:
    """A green card on black, with a digit."""
    card = np.zeros((300, 400, 3), np.uint8)
    ink = np.kron(digits[0], np.ones((5, 5), np.uint8))[..., None] / 255
    card[50:250, 60:340] = (70, 160, 90)
    card[80:220, 130:270] = (1 - ink) * (70, 160, 90) + ink * (240, 240, 240)
    found = examined(card)
    assert found.reason == NONE
    assert found.box[2] - found.box[0] <= 110


def test_ink_away_from_the_edge_is_not_cut_off(digits: Pixels) -> None:
    for digit in digits[:20]:
        large = np.kron(digit, np.ones((7, 9), np.uint8))
        rows, columns = np.flatnonzero(large.any(1)), np.flatnonzero(large.any(0))
        tight = large[rows[0] - 9 : rows[-1] + 10, columns[0] - 9 : columns[-1] + 10]
        assert examined(tight[..., None]).reason == NONE


@pytest.mark.parametrize(("step", "frame"), [(1, 0), (1, 3), (5, 3)])
def test_the_box_is_in_the_original_picture(step: int, frame: int) -> None:
    """A black rectangle on white paper, with or without a black frame, every pixel `step` pixels wide."""
    paper = np.full((300, 900), 255, np.uint8)
    paper[100:190, 600:647] = 0
    framed = np.pad(paper, frame)
    large = np.kron(framed, np.ones((step, step), np.uint8))
    # Beyond the largest side, blocks of pixels are averaged.
    assert (max(large.shape) > 1024) == (step > 1)
    found = examined(large[..., None])
    expected = (100 + frame, 600 + frame, 190 + frame, 647 + frame)
    assert np.abs(np.array(found.box) - step * np.array(expected)).max() < step
    assert found.inverted
    dark = examined(255 - large[..., None])
    assert dark.box == found.box
    assert not dark.inverted
