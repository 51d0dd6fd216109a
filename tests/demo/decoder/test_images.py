"""The one loader: every mode a format can hold, and a sentence for every refusal."""

import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from demo.decoder.client import SEVERAL_FRAMES, Pool
from demo.decoder.images import load_picture
from demo.decoder.limits import LARGEST_FILE_BYTES
from demo.errors import PictureError
from tests.support.pictures import (
    CHANNELS,
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGBA,
    chunk,
    encoded,
    png,
    png_header,
)
from tests.tools.hostile.bombs import bombs

RAMP = np.tile(np.arange(0, 256, 4).astype(np.uint8), (32, 1))


def load(content: bytes) -> NDArray[np.uint8]:
    return load_picture(content).array


def reason_of(content: bytes) -> str:
    with pytest.raises(PictureError) as refusal:
        load(content)
    return str(refusal.value)


@pytest.fixture
def rgba() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (11, 17, 4), np.uint8)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour", "depth"),
    [(GREY, depth) for depth in (1, 2, 4, 8, 16)]
    + [(c, d) for c in (RGB, GREY_ALPHA, RGBA) for d in (8, 16)],
)
def test_every_depth_of_png_is_scaled(colour: int, depth: int, interlaced: bool) -> None:
    samples = np.random.default_rng(2).integers(0, 2**depth, (13, 19, CHANNELS[colour]))
    loaded = load(png(samples, depth, colour, interlaced=interlaced))
    expected = samples >> 8 if depth == 16 else samples * 255 // (2**depth - 1)
    if colour == GREY_ALPHA:
        expected = expected[..., [0, 0, 0, 1]]
    assert np.array_equal(loaded, expected)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_every_depth_of_palette(depth: int, interlaced: bool) -> None:
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, (2**depth, 3), np.uint8)
    alpha = rng.integers(0, 256, 2**depth, np.uint8)
    samples = rng.integers(0, 2**depth, (13, 19, 1))
    chunks = {b"PLTE": palette.tobytes()}
    assert np.array_equal(load(png(samples, depth, PALETTE, chunks, interlaced)), palette[samples[..., 0]])
    loaded = load(png(samples, depth, PALETTE, chunks | {b"tRNS": alpha.tobytes()}, interlaced))
    assert np.array_equal(loaded, np.dstack([palette[samples[..., 0]], alpha[samples[..., 0]]]))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png(depth: int) -> None:
    samples = np.random.default_rng(4).integers(0, 2**depth, (13, 19, 1))
    value = int(samples[0, 0, 0])
    loaded = load(png(samples, depth, GREY, {b"tRNS": struct.pack(">H", value)}))
    expected = samples >> 8 if depth == 16 else samples * 255 // (2**depth - 1)
    alpha = np.where(samples == value, 0, 255)
    assert np.array_equal(loaded, np.dstack([expected, expected, expected, alpha]))


@pytest.mark.parametrize("depth", [8, 16])
def test_the_transparent_colour_of_a_png(depth: int) -> None:
    samples = np.random.default_rng(5).integers(0, 2**depth, (13, 19, 3))
    loaded = load(png(samples, depth, RGB, {b"tRNS": struct.pack(">HHH", *samples[2, 3])}))
    alpha = np.where((samples == samples[2, 3]).all(-1), 0, 255)
    assert np.array_equal(loaded, np.dstack([samples >> (depth - 8), alpha]))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "HEIC", "AVIF"])
def test_lossless_colour_is_exact(kind: str, rgba: NDArray[np.uint8]) -> None:
    options: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True},
        "HEIC": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    pixels = np.kron(rgba[:8, :8, :3], np.ones((8, 8, 1), np.uint8))
    loaded = load(encoded(Image.fromarray(pixels), kind, **options.get(kind, {})))
    # libavif offers Pillow no identity matrix: 8-bit YCbCr is off by up to three.
    assert np.abs(loaded.astype(int) - pixels).max() <= (3 if kind == "AVIF" else 0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIC", "AVIF"])
def test_alpha_stays(kind: str) -> None:
    pixels = np.dstack([np.full_like(RAMP, 40)] * 3 + [RAMP])
    loaded = load(encoded(Image.fromarray(pixels), kind))
    assert loaded.shape == (*RAMP.shape, 4)
    assert np.abs(loaded[..., 3].astype(int) - RAMP).max() <= 8


@pytest.mark.parametrize("ink", [(0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0), (30, 60, 90, 40)])
def test_cmyk_jpeg(ink: tuple[int, int, int, int]) -> None:
    """Adobe's files hold CMYK inverted, which is how Pillow writes them."""
    loaded = load(encoded(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95))
    expected = [(255 - part) * (255 - ink[3]) / 255 for part in ink[:3]]
    assert np.abs(loaded - np.array(expected)).max() <= 4


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_several_frames_the_first_is_read_with_a_note(kind: str) -> None:
    first, second = Image.new("RGB", (32, 32), "white"), Image.new("RGB", (32, 32), "black")
    picture = load_picture(encoded(first, kind, save_all=True, append_images=[second]))
    assert picture.note == SEVERAL_FRAMES
    assert picture.array[..., :3].min() >= 250
    assert load_picture(encoded(first, kind)).note is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty; choose one that holds a picture."),
        (b"hello", "This is no picture that can be read; use PNG, JPEG, WebP, AVIF, BMP, GIF or HEIC."),
        (encoded(Image.new("L", (9, 9)), "TIFF"), "no picture that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no picture that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture that can be read"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "no picture that can be read"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "damaged or cut short"),
        (b"BM", "damaged or cut short"),
        (b"x" * (LARGEST_FILE_BYTES + 1), "more than 32 MiB"),
    ],
)
def test_a_refusal_is_one_sentence(content: bytes, reason: str) -> None:
    assert reason in reason_of(content)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="There is no such file"):
        load_picture(tmp_path / "nothing.png")
    with pytest.raises(PictureError, match="cannot be read"):
        load_picture(tmp_path)


def test_the_largest_picture_that_is_allowed() -> None:
    """Turned, in colour, and as many bytes with transparency: the most memory that a PNG can take."""
    assert load(turned(8190, 8180, GREY)).shape == (8190, 8180, 1)
    assert load(turned(8192, 6144, RGB)).shape == (8192, 6144, 3)
    assert load(turned(6144, 6144, RGBA)).shape == (6144, 6144, 4)
    for width, height, colour in ((8192, 6145, RGB), (6144, 6145, RGBA)):
        assert "37 million with transparency" in reason_of(turned(width, height, colour))


def turned(width: int, height: int, colour: int) -> bytes:
    """A blank PNG whose EXIF turns it by a quarter."""
    zeros = zlib.compressobj(1)
    line = bytes(1 + width * CHANNELS[colour])
    body = b"".join(zeros.compress(line) for _ in range(height)) + zeros.flush()
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    content = png_header(width, height, 8, colour) + chunk(b"eXIf", exif) + chunk(b"IDAT", body)
    return content + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("more than 67 million pixels", "65535x65535.png most.png narrow.png 60000.bmp 65535.gif 12000.heic"),
        # Millions of empty blocks, each of which would take seconds.
        ("too much text or colour data", "chunks.png chunks-behind.png comments.jpg filled.jpg comments.gif"),
    ],
)
def test_small_files_that_need_much_are_refused_with_the_reason(sentence: str, names: str) -> None:
    for name in names.split():
        assert sentence in reason_of(bombs()[name]), name


def test_a_picture_of_thousands_of_scans_takes_too_long() -> None:
    with (
        closing(Pool(size=1, time_limit=1.0)) as pool,
        pytest.raises(PictureError, match="longer than 1 sec"),
    ):
        load_picture(bombs()["scans.jpg"], pool)
