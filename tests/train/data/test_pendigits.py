"""Pen digits: split by writer, drawn with many brushes, and none without the file."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from export.conformance import strokes_of
from train.data.mnist import DATA_VARIABLE
from train.data.pendigits import FILE, draw_randomly, find_drawings, pen_digits
from train.data.splits import SPLITS
from train.errors import DataError
from train.normalize import normalize
from train.processes import Workers

WRITERS = range(1, 31)


def unipen(digit: int, writer: int) -> str:
    """One of the project's own digits in the file's format: y upwards."""
    strokes = "".join(
        ".PEN_DOWN\n" + "".join(f" {x * 100:.0f} {y * -100:.0f}\n" for x, y in stroke) + ".PEN_UP\n"
        for stroke in strokes_of(digit)
    )
    return f'.SEGMENT DIGIT ? "{digit}"\n.COMMENT {digit} {writer} 1\n{strokes}.DT 100\n'


@pytest.fixture
def pen_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the digits 0 to 2 by each of 30 writers, who all write the same."""
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_bytes(gzip.compress("".join(unipen(d, w) for w in WRITERS for d in range(3)).encode()))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    return path


@pytest.mark.usefixtures("pen_file")
def test_no_writer_is_in_two_splits() -> None:
    found = {split: {drawing.writer for drawing in find_drawings(split)} for split in SPLITS}
    assert {split: len(writers) for split, writers in found.items()} == {
        "train": 24,
        "validation": 3,
        "evaluation": 3,
    }
    assert set.union(*found.values()) == set(WRITERS)
    for split, writers in found.items():
        assert set(pen_digits(split, 1, 0, 1000, Workers(1)).writers) == writers


@pytest.mark.usefixtures("pen_file")
def test_pen_digits_are_normalized_labelled_and_reproducible() -> None:
    one = pen_digits("validation", 2, 0, 1000, Workers(1))
    assert one.images.shape == (18, 28, 28)
    assert one.images.dtype == np.uint8
    assert one.labels.tolist() == [0, 1, 2] * 6
    assert one.writers.tolist() == [25] * 3 + [26] * 3 + [27] * 3 + [25] * 3 + [26] * 3 + [27] * 3
    assert all(np.array_equal(normalize(image[..., None]), image) for image in one.images)
    assert np.array_equal(pen_digits("validation", 2, 0, 1000, Workers(1)).images, one.images)
    assert np.array_equal(pen_digits("validation", 1, 0, 1000, Workers(1)).images, one.images[:9])
    # All writers write the same, yet no two copies, writers, seeds or splits share a drawing.
    others = [
        pen_digits("validation", 1, 1, 1000, Workers(1)).images,
        pen_digits("evaluation", 1, 0, 1000, Workers(1)).images,
    ]
    everything = np.concatenate([one.images, *others])
    assert len({image.tobytes() for image in everything}) == len(everything)


def test_without_the_file_there_are_no_pen_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (str(tmp_path), ""):
        monkeypatch.setenv(DATA_VARIABLE, folder)
        nothing = pen_digits("train", 2, 0, 1000, Workers(1))
        assert nothing.images.shape == (0, 28, 28)
        assert len(nothing.labels) == len(nothing.writers) == 0


def test_a_damaged_file_is_an_error(pen_file: Path) -> None:
    pen_file.write_bytes(pen_file.read_bytes()[:100])
    with pytest.raises(DataError, match="download it again"):
        find_drawings("train")


def test_brushes_are_of_many_widths() -> None:
    pictures = [
        normalize(draw_randomly(strokes_of(8), np.random.default_rng(seed))[..., None]) for seed in range(30)
    ]
    ink = np.array([picture.mean() for picture in pictures])
    assert ink.max() > 2.5 * ink.min()
