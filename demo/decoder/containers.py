"""What must be known of a picture's container before its decoder runs; `snippets/decoder.mjs` does the same.

Decoders differ in what they make of metadata, and Pillow refuses a picture for a broken comment. They get
files in which there is nothing to differ about.
"""

import struct
import zlib
from typing import Final

from demo.decoder.limits import Outcome, RefusedError

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS: Final = 100_000
"""Chunks of a PNG. The largest file, in chunks of 8 KiB as libpng writes them, has 4,096."""
CRITICAL: Final = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
ANIMATION, TRANSPARENCY = 0x02, 0x10
"""Flags of a WebP."""
UNCOMPRESSED: Final = (0, 3)
"""A BMP's codes for plain pixels, and for plain pixels with masks."""


def bare_png(content: bytes) -> tuple[bytes, bytes, bool]:
    """Keep a PNG's header, palette, transparency and pixels, and verify their checksums.

    Returns that file, the EXIF block, and whether it is an animation.

    Other chunks (text, profiles, animation) are dropped unread; where their checksum is wrong, they are not
    there.

    Raises:
        RefusedError: a chunk that is needed is damaged or unknown, the file is cut short, or has millions of
            chunks.
    """
    view = memoryview(content)
    kept: dict[bytes, memoryview] = {}
    pixels: list[memoryview] = []
    at = len(PNG_SIGNATURE)
    for number in range(MOST_CHUNKS):
        length, name = struct.unpack_from(">I4s", content, at)
        body = view[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, at + 8 + length)
        whole = zlib.crc32(body, zlib.crc32(name)) == checksum
        critical = not name[0] & 0x20
        if (critical and not (whole and name in CRITICAL)) or (number == 0) != (name == b"IHDR"):
            raise RefusedError(Outcome.DAMAGED)
        if name == b"IEND":
            break
        if name == b"IDAT":
            pixels.append(view[at : at + 12 + length])
        elif whole and (name == b"eXIf" or not pixels):
            kept.setdefault(name, body)
        at += 12 + length
    else:
        raise RefusedError(Outcome.TOO_MUCH_METADATA)
    needed = [chunk(name, kept[name]) for name in (b"IHDR", b"PLTE", b"tRNS") if name in kept]
    bare = b"".join((PNG_SIGNATURE, *needed, *pixels, chunk(b"IEND", b"")))
    # An animation's control chunk begins with the number of its frames.
    frames = int.from_bytes(kept.get(b"acTL", view[:0])[:4], "big")
    return bare, bytes(kept.get(b"eXIf", b"")), frames > 1


def chunk(name: bytes, body: bytes | memoryview) -> bytes:
    """Return a PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def transparent_webp(content: bytes) -> bytes:
    """Have what an animated WebP's first frame leaves free decoded as transparent, not as black."""
    if content[12:16] != b"VP8X" or not content[20] & ANIMATION:
        return content
    return content[:20] + bytes([content[20] | TRANSPARENCY]) + content[21:]


def still_avif(content: bytes) -> bytes:
    """Have an AVIF sequence decoded as its still image, as in all other files, not as its first frame."""
    return content[:8] + b"avif" + content[12:] if is_avif_sequence(content) else content


def is_avif_sequence(content: bytes) -> bool:
    """Whether an AVIF says that it is foremost a sequence."""
    return content[8:12] == b"avis"


def is_compressed_bmp(content: bytes) -> bool:
    """Whether a BMP is run-length encoded, or holds a file of another format."""
    header, compression = struct.unpack_from("<I12xI", content, 14)
    return header >= 40 and compression not in UNCOMPRESSED
