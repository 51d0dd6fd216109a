"""Encoded pictures in every format and mode, built by hand where Pillow cannot write them."""

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

from demo.decoder.containers import PNG_SIGNATURE
from demo.decoder.containers import chunk as chunk

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS: Final = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture encoded by Pillow, or by pillow-heif for HEIC."""
    stream = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(picture).save(stream, **options)
    else:
        picture.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int, depth: int, colour: int, interlaced: bool = False) -> bytes:
    """Return a PNG's signature and first chunk."""
    fields = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return PNG_SIGNATURE + chunk(b"IHDR", fields)


def png(
    samples: NDArray[Any],
    depth: int,
    colour: int,
    chunks: Mapping[bytes, bytes] | None = None,
    interlaced: bool = False,
) -> bytes:
    """Return a PNG of samples [height, width, channels] below 2**depth, with chunks before its pixels."""
    height, width, _ = samples.shape
    passes = adam7(samples) if interlaced else [samples]
    lines = b"".join(scanlines(part, depth) for part in passes if part.size)
    extra = b"".join(chunk(name, content) for name, content in (chunks or {}).items())
    return (
        png_header(width, height, depth, colour, interlaced)
        + extra
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def adam7(samples: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the seven passes of an interlaced PNG."""
    grid = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    return [samples[top::down, left::right] for top, left, down, right in grid]


def scanlines(samples: NDArray[Any], depth: int) -> bytes:
    """Return rows of samples, packed from the left, each after filter type 0."""
    rows = samples.reshape(samples.shape[0], -1)
    if depth == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif depth == 8:
        packed = rows.astype(np.uint8)
    else:
        bits = (rows[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        packed = np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def bmp32(pixels: NDArray[np.uint8]) -> bytes:
    """Return a 32-bit BMP with an alpha mask, of uint8 [height, width, 4] RGBA."""
    height, width, _ = pixels.shape
    masks = struct.pack("<IIII", 0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    body = pixels[::-1][..., [2, 1, 0, 3]].tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(body), 2835, 2835, 0, 0)
    header += masks + b"BGRs" + bytes(48)
    return struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(body), 0, 0, 14 + len(header)) + header + body


def samples_of_every_format() -> dict[str, bytes]:
    """Return one small picture in every format, and in modes that take other paths through a decoder."""
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (12, 10, 4), np.uint8)).resize((70, 60))
    rgb = colour.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [rgb.rotate(turn) for turn in (90, 180)]
    wide = rng.integers(0, 65536, (20, 30, 1))
    return {
        "png": encoded(colour),
        "png-exif": encoded(rgb, exif=exif),
        "png-16": png(wide, 16, GREY, {b"tRNS": b"\x12\x34"}, interlaced=True),
        "png-palette": encoded(rgb.quantize(16), transparency=3),
        "apng": encoded(rgb, save_all=True, append_images=frames),
        "jpeg": encoded(rgb, "JPEG", exif=exif),
        "jpeg-cmyk": encoded(rgb.convert("CMYK"), "JPEG"),
        "jpeg-progressive": encoded(rgb, "JPEG", progressive=True),
        "webp": encoded(colour, "WEBP"),
        "webp-lossless": encoded(colour, "WEBP", lossless=True, exif=exif),
        "webp-frames": encoded(rgb, "WEBP", save_all=True, append_images=frames),
        "avif": encoded(colour, "AVIF", speed=10),
        "avif-frames": encoded(rgb, "AVIF", speed=10, save_all=True, append_images=frames),
        "bmp": encoded(rgb, "BMP"),
        "bmp-alpha": bmp32(np.asarray(colour)),
        "bmp-palette": encoded(rgb.quantize(16), "BMP"),
        "gif": encoded(rgb, "GIF"),
        "gif-frames": encoded(rgb, "GIF", save_all=True, append_images=frames),
        "heic": encoded(colour, "HEIC"),
        "heic-exif": encoded(rgb, "HEIC", exif=exif.tobytes()),
    }
