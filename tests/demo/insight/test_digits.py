"""Finding real digits: where, in which order, and what is no such file."""

import gzip
import os
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from demo.insight import digits
from demo.insight.digits import FILE, real_digits
from train.data.mnist import DATA_VARIABLE, MNIST


def idx(pixels: np.ndarray, kind: int = 0x0803) -> bytes:
    """An IDX file of uint8 [n, height, width]."""
    return np.array([kind, *pixels.shape], ">u4").tobytes() + pixels.tobytes()


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Three pictures, and no real ones at hand but those that a test puts there."""
    monkeypatch.setattr(digits, "DIGITS_FOLDER", tmp_path / "beside")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    return np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)


def put(folder: Path, content: bytes, name: str = FILE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_nothing_at_hand_is_none(few: np.ndarray) -> None:
    assert len(few) == 3
    assert real_digits() is None


@pytest.mark.parametrize("name", [FILE, f"{FILE}.gz"])
@pytest.mark.parametrize("folder", ["beside", "data/mnist", "cache/touchstone/mnist"])
def test_digits_are_found_in_each_place(few: np.ndarray, tmp_path: Path, folder: str, name: str) -> None:
    content = idx(few)
    put(tmp_path / folder, gzip.compress(content) if name.endswith(".gz") else content, name)
    found = real_digits()
    assert found is not None
    assert np.array_equal(found, few)


def test_the_nearest_place_is_taken(few: np.ndarray, tmp_path: Path) -> None:
    put(tmp_path / "data" / "mnist", idx(few))
    put(tmp_path / "beside", idx(few[:1]))
    found = real_digits()
    assert found is not None
    assert len(found) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"short", idx(np.zeros((2, 8, 8), np.uint8)), idx(np.zeros((2, 28, 28), np.uint8))[:-1]],
    ids=["empty", "short", "other shape", "cut short"],
)
def test_what_cannot_be_read_is_passed_over(few: np.ndarray, tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "beside", content)
    put(tmp_path / "beside", gzip.compress(content)[:-2], f"{FILE}.gz")
    assert real_digits() is None
    put(tmp_path / "data" / "mnist", idx(few))
    found = real_digits()
    assert found is not None
    assert len(found) == 3


def test_they_lie_where_training_puts_them() -> None:
    assert MNIST.test_images.name == FILE
    if os.environ.get(DATA_VARIABLE):
        found = real_digits()
        assert found is not None
        assert found.shape == (10_000, 28, 28)
        assert found.max() == 255
