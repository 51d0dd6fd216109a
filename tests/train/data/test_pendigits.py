"""Pen digits: split by writer, drawn with many brushes, and none without the file."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.conformance import strokes_of
from train.data.mnist import DATA_VARIABLE
from train.data.pendigits import FILE, find_drawings, pen_digits
from train.data.splits import SPLITS, Split
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


@pytest.mark.usefixtures("pen_file")
def test_pen_digits_are_normalized_labelled_and_reproducible() -> None:
    def drawn(split: Split, copies: int = 1, seed: int = 0) -> NDArray[np.uint8]:
        images, labels = pen_digits(split, copies, seed, 1000, Workers(1))
        assert labels.tolist() == [0, 1, 2] * (3 * copies)
        return images

    one = drawn("validation", 2)
    assert one.shape == (18, 28, 28)
    assert all(np.array_equal(normalize(image[..., None]), image) for image in one)
    assert np.array_equal(drawn("validation"), one[:9])
    # All writers write the same, yet no two copies, writers, seeds or splits share a drawing.
    everything = np.concatenate([one, drawn("validation", seed=1), drawn("evaluation")])
    assert len({image.tobytes() for image in everything}) == len(everything)
    ink = everything.mean((1, 2))
    assert ink.max() > 1.5 * ink.min(), "all brushes are alike"


def test_without_the_file_there_are_no_pen_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (str(tmp_path), ""):
        monkeypatch.setenv(DATA_VARIABLE, folder)
        images, labels = pen_digits("train", 2, 0, 1000, Workers(1))
        assert images.shape == (0, 28, 28)
        assert len(labels) == 0


def test_a_damaged_file_is_an_error(pen_file: Path) -> None:
    pen_file.write_bytes(pen_file.read_bytes()[:100])
    with pytest.raises(DataError, match="download it again"):
        find_drawings("train")
