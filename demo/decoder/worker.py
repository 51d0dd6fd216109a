"""The program of a decoding worker: hostile requests on standard input, replies on standard output."""

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

# Unused here, but reading EXIF imports it, and a limited worker can open no file.
import PIL.TiffImagePlugin  # noqa: F401
import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from demo.decoder.limits import (
    LARGEST_PICTURE_BYTES,
    LARGEST_PIXELS,
    LONGEST_SIDE,
    MEMORY_LIMIT,
    READY,
    REPLY,
    REQUEST,
    Outcome,
)

# The allowed formats. Image.open would try every decoder that Pillow has.
OPENERS: Final[dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "HEIC": pillow_heif.HeifImageFile,
}
SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
}
HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
LARGEST_BRAND_BOX: Final = 256
MOST_READS: Final = 300_000
"""Reads from a file. The largest GIF needs most, 263,000: two for each of its blocks of 255 bytes."""
LARGEST_METADATA_CHUNK: Final = 1 << 20
LARGEST_METADATA: Final = 8 << 20
# Pillow raises plain ValueErrors for these; their texts have been the same since 2014.
METADATA_ERRORS: Final = ("Decompressed data too large", "Too much memory used in text chunks")

ORIENTATION_TAG: Final = 0x0112
ORIENTATIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Factors from a PNG's transparent grey, given in the file's own depth, to 8 bits.
GREY_SCALES: Final = {"1": 255, "L;2": 85, "L;4": 17}


class RefusedError(Exception):
    """The bytes are refused; `outcome` is the reason."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome


class CountedFile(io.BytesIO):
    """A file in memory that refuses to be read in millions of tiny blocks, which would take seconds."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MOST_READS:
            raise RefusedError(Outcome.TOO_MUCH_METADATA)
        return super().read(size)


def main() -> None:
    """Serve until standard input ends, which means that the app closed it or is gone."""
    requests = sys.stdin.buffer
    # Standard output gets another number, so that a decoder's messages cannot pass for replies.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    configure()
    limit_process()
    replies.write(READY)
    replies.flush()
    while header := requests.read(REQUEST.size):
        serve(requests.read(*REQUEST.unpack(header)), replies)


def configure() -> None:
    """Set the decoders' own limits for the whole process: one thread, little metadata, no warnings."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = LARGEST_PIXELS
    PngImagePlugin.MAX_TEXT_CHUNK = LARGEST_METADATA_CHUNK
    PngImagePlugin.MAX_TEXT_MEMORY = LARGEST_METADATA
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False


def limit_process() -> None:
    """Limit this process's memory, and forbid core dumps, writing files, and opening any file or socket."""
    # First, because later no file can be opened. If memory runs out, the kernel ends the worker, not the app.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, value in (
        ("RLIMIT_AS", MEMORY_LIMIT),
        ("RLIMIT_DATA", MEMORY_LIMIT),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", 0),
    ):
        # macOS refuses to set some limits; elsewhere an operator may have set lower ones.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def serve(content: bytes, replies: BinaryIO) -> None:
    """Decode one picture and write the reply."""
    try:
        picture, several = decode(content)
        pixels = picture.tobytes()
    except RefusedError as error:
        replies.write(REPLY.pack(error.outcome, 0, 0, 0, 0))
    else:
        channels = len(picture.getbands())
        replies.write(REPLY.pack(Outcome.PICTURE, channels, several, picture.height, picture.width))
        replies.write(pixels)
    replies.flush()


def decode(content: bytes) -> tuple[Image.Image, bool]:
    """Return a picture of mode L, RGB or RGBA, and whether the file holds further frames.

    EXIF orientation is applied, 16 bits are reduced to 8.

    Raises:
        RefusedError: for every failure; no other exception leaves here.
    """
    try:
        return read(content)
    except RefusedError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise RefusedError(Outcome.TOO_LARGE) from error
    # On broken bytes decoders raise almost anything: OSError, SyntaxError, ValueError, EOFError,
    # struct.error, zlib.error, IndexError, KeyError, OverflowError, RuntimeError ...
    except Exception as error:
        metadata = any(text in str(error) for text in METADATA_ERRORS)
        raise RefusedError(Outcome.TOO_MUCH_METADATA if metadata else Outcome.DAMAGED) from error


def read(content: bytes) -> tuple[Image.Image, bool]:
    """Open a picture, check its size by the header, and only then decode it."""
    name = sniff(content)
    if name is None:
        raise RefusedError(Outcome.UNKNOWN_FORMAT)
    with OPENERS[name](CountedFile(content)) as opened:
        refuse_size(opened)
        several = name != "JPEG" and bool(undamaged(lambda: getattr(opened, "is_animated", False), False))
        scale_transparency(opened)
        opened.load()
        # A GIF's first frame and a HEIC may be larger than their headers claim.
        refuse_size(opened)
        picture = simplify(opened)
        refuse_size(picture)
        if name == "BMP" and picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
            # Programs without transparency leave these bytes 0 and mean an opaque picture.
            picture = picture.convert("RGB")
        turn = ORIENTATIONS.get(undamaged(lambda: int(opened.getexif().get(ORIENTATION_TAG, 1)), 1))
        return picture if turn is None else picture.transpose(turn), several


def sniff(content: bytes) -> str | None:
    """Return the format that the first bytes claim, a key of `OPENERS`, or None for any other."""
    for signature, name in SIGNATURES.items():
        if content.startswith(signature):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] != b"ftyp":
        return None
    # AVIF and HEIC share a container and differ in the brands that it lists.
    brands = content[8 : min(int.from_bytes(content[:4], "big"), LARGEST_BRAND_BOX)]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return "HEIC" if any(brand in brands for brand in HEIC_BRANDS) else None


def refuse_size(picture: Image.Image) -> None:
    """Raise RefusedError for a picture with too many pixels or bytes, or a side that is too long."""
    pixels = picture.width * picture.height
    # A palette's colours may not have been read yet.
    grey = picture.mode in ("1", "L", "I;16", "P")
    channels = 1 if grey else 4 if picture.has_transparency_data else 3
    if (
        pixels > LARGEST_PIXELS
        or pixels * channels > LARGEST_PICTURE_BYTES
        or max(picture.size) > LONGEST_SIDE
    ):
        raise RefusedError(Outcome.TOO_LARGE)


def undamaged(field: Callable[[], int], default: int) -> int:
    """Return a field of a file's metadata, or the default if the metadata are damaged."""
    try:
        return field()
    except MemoryError:
        raise
    except Exception:
        return default


def scale_transparency(opened: ImageFile.ImageFile) -> None:
    """Scale a PNG's transparent colour from the file's depth to the depth that Pillow decodes to."""
    transparent = opened.info.get("transparency")
    layout = opened.tile[0].args if opened.tile else None
    if isinstance(transparent, int) and layout in GREY_SCALES:
        opened.info["transparency"] = min(transparent * GREY_SCALES[layout], 255)
    elif isinstance(transparent, tuple) and layout == "RGB;16B":
        opened.info["transparency"] = tuple(value >> 8 for value in transparent)


def simplify(opened: Image.Image) -> Image.Image:
    """Convert to mode L for grey, RGBA for a picture with transparency, else RGB."""
    if opened.mode == "I;16":
        return simplify_16_bits(opened)
    opaque = "L" if opened.mode in ("1", "L") else "RGB"
    mode = "RGBA" if opened.has_transparency_data else opaque
    return opened if opened.mode == mode else opened.convert(mode)


def simplify_16_bits(opened: Image.Image) -> Image.Image:
    """Take the high byte of 16-bit grey, as Pillow itself does for 16-bit colour."""
    wide = opened.tobytes()
    high = Image.frombytes("L", opened.size, wide[1::2])
    transparent = opened.info.get("transparency")
    if not isinstance(transparent, int):
        return high
    low = Image.frombytes("L", opened.size, wide[0::2])
    opaque = ImageChops.lighter(differing(high, transparent >> 8), differing(low, transparent & 255))
    return Image.merge("RGBA", (high, high, high, opaque))


def differing(grey: Image.Image, value: int) -> Image.Image:
    """Return 255 where a grey picture differs from a value, else 0."""
    return grey.point([0 if level == value else 255 for level in range(256)])
