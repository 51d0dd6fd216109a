"""Non-digits and printed digits: no typeface and no kind of a split is in another."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray

from train.data import fonts, mnist
from train.data.fonts import FONTS, font_path, in_font, printed_digits
from train.data.non_digits import (
    CYRILLIC,
    GREEK,
    LETTERS,
    SYMBOLS,
    drawers_of,
    non_digits,
)
from train.data.splits import SPLITS, Split
from train.normalize import normalize

SHARED = {"letter", "symbol", "several digits", "half a digit", "blank"}


@pytest.fixture(scope="module")
def digits(dataset: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    known = mnist.load(dataset, "train")
    return known.images[:300].numpy(), known.labels[:300].numpy()


def family(name: str) -> str:
    """The typeface of a font; bold and slanted styles belong to the same one."""
    if name == fonts.PILLOW_DEFAULT:
        return name
    if name.startswith("cm"):
        return "Computer Modern"
    return FT2Font(str(font_path(name))).family_name


def test_no_typeface_is_in_two_splits() -> None:
    families = {split: {family(name) for name in names} for split, names in FONTS.items()}
    assert all(families.values())
    for one, other in combinations(SPLITS, 2):
        assert not families[one] & families[other]


@pytest.mark.parametrize("split", SPLITS)
def test_every_font_exists_and_has_its_characters(split: Split) -> None:
    for name in FONTS[split]:
        assert in_font(name, fonts.DIGITS) == fonts.DIGITS
        assert in_font(name, LETTERS) == LETTERS
    missing = [each for each in SYMBOLS if not any(in_font(name, each) for name in FONTS[split])]
    assert len(missing) <= 1
    assert any(in_font(name, GREEK) == GREEK for name in FONTS["evaluation"])
    assert any(in_font(name, CYRILLIC) == CYRILLIC for name in FONTS["validation"])


@pytest.mark.parametrize("split", SPLITS)
def test_non_digits_are_normalized_varied_and_reproducible(
    split: Split, digits: tuple[NDArray[np.uint8], NDArray[np.int64]]
) -> None:
    drawers = drawers_of(split, *digits)
    count = 4 * len(drawers)
    one, again, other = (non_digits(split, count, seed, *digits) for seed in (0, 0, 1))
    assert one.shape == (count, 28, 28)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert all(np.array_equal(normalize(image[..., None]), image) for image in one)
    elsewhere = {kind for each in SPLITS if each != split for kind in drawers_of(each, *digits)}
    assert set(drawers) & elsewhere == SHARED
    for index, kind in enumerate(drawers):
        if kind == "blank":
            continue
        shown = one[index :: len(drawers)]
        assert shown.any((1, 2)).mean() >= 0.75, kind
        assert len({image.tobytes() for image in shown}) >= 3, kind


def test_printed_digits_are_labelled_normalized_and_reproducible() -> None:
    images, labels = printed_digits("evaluation", 40, 0)
    assert labels.tolist() == list(range(10)) * 4
    assert all(np.array_equal(normalize(image[..., None]), image) for image in images)
    assert images.any((1, 2)).all()
    assert np.array_equal(printed_digits("evaluation", 40, 0)[0], images)
