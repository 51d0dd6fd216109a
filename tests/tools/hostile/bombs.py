"""Small or permitted files that need much: pixels, frames, metadata, time."""

import functools
import struct
import zlib
from typing import Final

import numpy as np
from PIL import Image

from demo.decoder.containers import PNG_SIGNATURE, chunk
from demo.decoder.limits import LARGEST_FILE_BYTES
from demo.decoder.worker import SIGNATURES
from tests.support.pictures import GREY, RGB, RGBA, encoded, png, png_header
from tests.tools.hostile.seeds import HTML, SVG, packed

RAMP: Final = np.tile(np.arange(0, 256, 4).astype(np.uint8), (32, 1))[..., None]
END: Final = chunk(b"IEND", b"")
UNPACKED: Final = 64 << 20
FRAMES: Final = 10_000


@functools.cache
def bombs() -> dict[str, bytes]:
    """Return all of them by name; about 100 MB."""
    return {**pixels(), **frames(), **metadata(), **work(), **polyglots(), **nothing()}


def zeros(size: int) -> bytes:
    """`size` zero bytes as zlib packs them, put together from parts that are packed once."""
    part = 1 << 20
    packer = zlib.compressobj(9, wbits=-15)
    whole = packer.compress(bytes(part)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, wbits=-15)
    last = rest.compress(bytes(size % part)) + rest.flush()
    # Of nothing but zeros, Adler's first sum stays 1 and the second counts them.
    return b"\x78\xda" + whole * (size // part) + last + struct.pack(">HH", size % 65521, 1)


def blank_png(width: int, height: int, colour: int, channels: int, depth: int = 8) -> bytes:
    """A black PNG of any size."""
    line = 1 + (width * channels * depth + 7) // 8
    return png_header(width, height, depth, colour) + chunk(b"IDAT", zeros(line * height)) + END


def pixels() -> dict[str, bytes]:
    """More pixels than are taken, or than the file has, and the most that are taken."""
    little = chunk(b"IDAT", zlib.compress(bytes(1000))) + END
    side = struct.pack("<HH", 16383, 16383)
    vp8 = b"VP8 " + struct.pack("<I", 30) + b"\0\0\0\x9d\x01\x2a" + side + bytes(20)
    vp8l = b"VP8L" + struct.pack("<I", 30) + b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(25)
    bitmap = bytearray(encoded(Image.new("1", (10, 10)), "BMP"))
    bitmap[18:26] = (60000).to_bytes(4, "little") * 2
    gif = bytearray(encoded(Image.new("L", (10, 10)), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    jpeg = encoded(Image.new("L", (16, 16)), "JPEG")
    frame = jpeg.index(b"\xff\xc0") + 5
    large = struct.pack(">II", 12000, 12000)
    heic, avif = (encoded(Image.new("L", (64, 64)), kind) for kind in ("HEIC", "AVIF"))
    heic_extents, avif_extents = (each.index(b"ispe") + 8 for each in (heic, avif))
    return {
        "65535x65535.png": png_header(65535, 65535, 8, RGBA) + little,
        "most.png": png_header(2**31 - 1, 2**31 - 1, 1, GREY) + little,
        "13000x13000.png": blank_png(13000, 13000, RGBA, 4),
        "7000x7000.png": blank_png(7000, 7000, RGBA, 4),
        "6144x6144.png": blank_png(6144, 6144, RGBA, 4),
        "8192x6144.png": blank_png(8192, 6144, RGB, 3),
        "narrow.png": blank_png(1, 60_000_000, GREY, 1),
        "wide.png": blank_png(60_000_000, 1, GREY, 1),
        "4096x4096.png": blank_png(4096, 4096, RGBA, 4),
        "8180x8180-grey.png": blank_png(8180, 8180, GREY, 1),
        "8180x8180.png": blank_png(8180, 8180, RGBA, 4),
        "8180x8180-deep.png": blank_png(8180, 8180, RGB, 3, 16),
        "promised.png": png_header(8000, 8000, 8, RGBA) + little,
        "16383.vp8.webp": riff(vp8),
        "16383.vp8l.webp": riff(vp8l),
        "16383.vp8x.webp": riff(b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xfe\x3f\0\xfe\x3f\0"),
        "60000.bmp": bytes(bitmap),
        "65535.gif": bytes(gif),
        "65535.jpg": jpeg[:frame] + b"\xff\xff\xff\xff" + jpeg[frame + 4 :],
        "8180.jpg": jpeg[:frame] + struct.pack(">HH", 8180, 8180) + jpeg[frame + 4 :],
        "12000.heic": heic[:heic_extents] + large + heic[heic_extents + 8 :],
        "12000.avif": avif[:avif_extents] + large + avif[avif_extents + 8 :],
    }


def riff(body: bytes) -> bytes:
    """A WebP of chunks."""
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def frames() -> dict[str, bytes]:
    """Thousands of frames where the first is asked for."""
    first, second = Image.new("L", (500, 500)), Image.new("L", (500, 500), 9)
    gif = encoded(first, "GIF", save_all=True, append_images=[second])
    frame = gif.rindex(b"\x21\xf9")
    apng = encoded(first, save_all=True, append_images=[second])
    end = apng.rindex(b"IEND") - 4
    control = apng.rindex(b"fcTL") - 4
    webp = encoded(first, "WEBP", save_all=True, append_images=[second], lossless=True)
    shown = webp.rindex(b"ANMF")
    return {
        "frames.gif": gif[:-1] + gif[frame:-1] * FRAMES + b";",
        "frames.apng": apng[:control] + apng[control:end] * FRAMES + END,
        "frames.webp": riff(webp[12:shown] + webp[shown:] * FRAMES),
    }


def metadata() -> dict[str, bytes]:
    """Text, profiles and blocks that are large, unpack to much, or are very many."""
    unpacks, whole = zeros(UNPACKED), png(RAMP, 8, GREY)
    jpeg = encoded(Image.fromarray(RAMP[..., 0]), "JPEG")
    gif = encoded(Image.fromarray(RAMP[..., 0]), "GIF")
    comment = gif.index(b",")
    profile = b"ICC_PROFILE\0\x01\xff"
    segment = b"\xff\xe2" + struct.pack(">H", 65533) + profile + bytes(65531 - len(profile))
    webp = encoded(Image.fromarray(RAMP[..., 0]), "WEBP", lossless=True, xmp=b"x" * 8)
    large = 20 << 20
    return {
        "ztxt.png": png(RAMP, 8, GREY, {b"zTXt": b"key\0\0" + unpacks}),
        "itxt.png": png(RAMP, 8, GREY, {b"iTXt": b"key\0\x01\0\0\0" + unpacks}),
        "iccp.png": png(RAMP, 8, GREY, {b"iCCP": b"profile\0\0" + unpacks}),
        "text.png": png(RAMP, 8, GREY, {b"tEXt": b"key\0" + b"x" * large}),
        "chunks.png": whole[:33] + chunk(b"tEXt", b"") * (large // 12) + whole[33:],
        "chunks-behind.png": whole[:-12] + chunk(b"tEXt", b"") * (large // 12) + END,
        "unknown.png": whole[:33] + chunk(b"abCd", b"x") * (large // 13) + whole[33:],
        "profile.jpg": jpeg[:2] + segment * 255 + jpeg[2:],
        "comments.jpg": jpeg[:2] + b"\xff\xfe\0\2" * (large // 4) + jpeg[2:],
        "filled.jpg": jpeg[:2] + b"\xff" * large + jpeg[2:],
        "comments.gif": gif[:comment] + b"\x21\xfe\x01x\0" * (large // 5) + gif[comment:],
        "xmp.webp": webp.replace(
            b"XMP \x08\0\0\0" + b"x" * 8, b"XMP " + struct.pack("<I", large) + bytes(large)
        ),
    }


def work() -> dict[str, bytes]:
    """Few bytes that take a decoder long."""

    def scans(side: int, count: int) -> bytes:
        progressive = encoded(Image.new("L", (side, side), 99), "JPEG", progressive=True)
        scan = progressive.rindex(b"\xff\xda")
        return progressive[:scan] + progressive[scan:-2] * count + b"\xff\xd9"

    return {
        "scans.jpg": scans(4096, 2000),
        "scans-small.jpg": scans(2048, 400),
        "interlaced.png": png(np.zeros((3000, 3000, 1), np.uint8), 8, GREY, interlaced=True),
        "too-long.png": PNG_SIGNATURE + bytes(LARGEST_FILE_BYTES),
    }


def polyglots() -> dict[str, bytes]:
    """Two files in one."""
    picture = Image.fromarray(RAMP[..., 0])
    whole, jpeg, gif, bitmap = (encoded(picture, kind) for kind in ("PNG", "JPEG", "GIF", "BMP"))
    archive = packed({"x.png": whole})
    return {
        "png-and-zip": whole + archive,
        "gif-and-html": gif + HTML,
        "gif-and-script": b"GIF89a=1;" + gif[9:] + b"/*" + HTML + b"*/",
        "jpeg-and-php": jpeg[:2] + b"\xff\xfe\0\x20<?php system($_GET['c']); ?> " + jpeg[2:],
        "bmp-and-svg": bitmap + SVG,
        "pdf-and-png": b"%PDF-1.7\n" + whole,
        "two-pngs": whole + whole,
        "png-in-webp": riff(whole),
        "avif-as-heic": encoded(picture, "AVIF").replace(b"avif", b"heic"),
        "heic-as-avif": encoded(picture, "HEIC").replace(b"heic", b"avif"),
        "tiff-in-heic": encoded(picture, "HEIC")[:40] + encoded(picture, "TIFF"),
    }


def nothing() -> dict[str, bytes]:
    """Empty files, and those that end where they begin."""
    beginnings = {f"only-{name}-{index}": each for index, (each, name) in enumerate(SIGNATURES.items())}
    return {
        "empty": b"",
        "zero": b"\0",
        "zeros": bytes(1 << 20),
        "only-webp": b"RIFF\x04\0\0\0WEBP",
        "only-avif": b"\0\0\0\x14ftypavif\0\0\0\0avif",
        "only-heic": b"\0\0\0\x14ftypheic\0\0\0\0heic",
        **beginnings,
    }
