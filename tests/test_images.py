"""The one loader: every mode a format can hold, and a sentence for every refusal."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from demo.errors import PictureError
from demo.images import LARGEST_FILE_BYTES, encode_png, load_picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def grey() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (11, 17), np.uint8)


def test_png_round_trip(grey: NDArray[np.uint8]) -> None:
    assert np.array_equal(load_picture(encode_png(grey))[..., 0], grey)


def test_a_path_and_its_bytes_are_the_same(grey: NDArray[np.uint8], tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(encode_png(grey))
    assert np.array_equal(load_picture(tmp_path / "x.png"), load_picture(encode_png(grey)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_every_mode_of_png(grey: NDArray[np.uint8], mode: str) -> None:
    loaded = load_picture(encoded(Image.fromarray(grey).convert(mode)))
    assert loaded.dtype == np.uint8
    assert loaded.shape == (11, 17, {"1": 1, "L": 1, "LA": 4, "RGBA": 4}.get(mode, 3))
    if mode in ("L", "RGB", "RGBA", "LA"):
        assert np.array_equal(loaded[..., 0], grey)


def test_sixteen_bits_are_scaled(grey: NDArray[np.uint8]) -> None:
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(load_picture(encoded(wide))[..., 0], grey)


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("BMP", 0), ("GIF", 0), ("WEBP", 40), ("JPEG", 40), ("AVIF", 60)]
)
def test_other_formats(kind: str, tolerance: int) -> None:
    ramp = np.tile(np.arange(0, 256, 8).astype(np.uint8), (32, 1))
    loaded = load_picture(encoded(Image.fromarray(ramp), kind))
    assert np.abs(loaded[..., 0].astype(int) - ramp).max() <= tolerance


def test_cmyk_jpeg() -> None:
    assert load_picture(encoded(Image.new("CMYK", (9, 8)), "JPEG")).shape == (8, 9, 3)


def test_exif_orientation_is_applied() -> None:
    picture = Image.fromarray(np.tile(np.arange(0, 256, 8).astype(np.uint8), (16, 1)))
    exif = Image.Exif()
    exif[0x0112] = 6
    loaded = load_picture(encoded(picture, "JPEG", exif=exif))
    assert loaded.shape == (32, 16, 1)
    assert loaded[0].mean() < loaded[-1].mean()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "no picture that can be read; use PNG, JPEG"),
        (b"II*\x00" + b"\x00" * 100, "no picture that can be read"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "no picture that can be read|damaged"),
        (b"x" * (LARGEST_FILE_BYTES + 1), "more than 32 MiB"),
    ],
)
def test_a_refusal_is_one_sentence(content: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        load_picture(content)


def test_a_truncated_picture_is_refused(grey: NDArray[np.uint8]) -> None:
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "AVIF"):
        content = encoded(Image.fromarray(np.tile(grey, (20, 20))), kind)
        with pytest.raises(PictureError):
            load_picture(content[: len(content) // 2])


def test_a_huge_picture_is_refused_before_it_is_decoded() -> None:
    content = bytearray(encoded(Image.new("1", (10, 10)), "BMP"))
    content[18:26] = (60000).to_bytes(4, "little") * 2
    with pytest.raises(PictureError, match="more than 67,000,000 pixels"):
        load_picture(bytes(content))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="There is no such file"):
        load_picture(tmp_path / "nothing.png")
    with pytest.raises(PictureError, match="cannot be read"):
        load_picture(tmp_path)
