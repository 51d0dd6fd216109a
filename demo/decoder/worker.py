"""The program of a decoding worker: hostile requests on standard input, replies on standard output."""

import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    READY,
    REPLY,
    REQUEST,
    Outcome,
    limit_next_request,
    limit_process,
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
HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
LARGEST_BRAND_BOX: Final = 256
# Excludes the 0 after each 255 in the pixel data, restart markers and fill bytes.
JPEG_MARKER: Final = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
MOST_SCANS: Final = 64
"""Scans of a progressive JPEG; programs write about ten."""

# Processor time. Opening reads only what precedes the pixels: milliseconds for an honest file.
OPENING_SECONDS: Final = 0.5
# Many times what the slowest decoder needs.
SECONDS_PER_PIXEL: Final = 1e-7
# Smaller files have no room for many steps.
SMALLEST_TIMED_FILE: Final = 64 << 10
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
BAND_BYTES: Final = 1 << 20


class RefusedError(Exception):
    """The bytes are refused; `outcome` is the reason."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome


class OutOfTimeError(BaseException):
    """A step used too much processor time. Not an `Exception`: decoders catch those and go on."""


def main() -> None:
    """Serve until standard input ends, which means that the app closed it or is gone."""
    requests, replies = sys.stdin.buffer, private_output()
    configure()
    limit_process()
    replies.write(READY)
    replies.flush()
    while header := requests.read(REQUEST.size):
        limit_next_request()
        serve(requests.read(*REQUEST.unpack(header)), replies)


def private_output() -> BinaryIO:
    """Return standard output under another number, so that a decoder's messages cannot pass for replies."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)
    return replies


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


def serve(content: bytes, replies: BinaryIO) -> None:
    """Decode one picture and write the reply."""
    try:
        picture, several = decode(content)
    except RefusedError as error:
        replies.write(REPLY.pack(error.outcome, 0, 0, 0, 0))
    else:
        channels = len(picture.getbands())
        replies.write(REPLY.pack(Outcome.PICTURE, channels, several, picture.height, picture.width))
        # In bands: in one piece the picture would be held twice more.
        rows = max(1, BAND_BYTES // (picture.width * channels))
        for top in range(0, picture.height, rows):
            band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
            replies.write(band.tobytes())
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
    except MemoryError as error:
        raise RefusedError(Outcome.TOO_MUCH_MEMORY) from error
    except Image.DecompressionBombError as error:
        raise RefusedError(Outcome.TOO_MANY_PIXELS) from error
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
    if name == "WEBP":
        refuse_pixels(webp_pixels(content))
    # Setting a timer takes as long as decoding a digit.
    timed = len(content) >= SMALLEST_TIMED_FILE
    with time_limit(OPENING_SECONDS, Outcome.TOO_MUCH_METADATA, timed):
        # The decoder goes over all pixels in each scan.
        if name == "JPEG" and jpeg_scans(content, MOST_SCANS) > MOST_SCANS:
            raise RefusedError(Outcome.TOO_MUCH_WORK)
        opened = OPENERS[name](io.BytesIO(content))
        refuse_size(opened)
        several = name != "JPEG" and bool(undamaged(lambda: getattr(opened, "is_animated", False), False))
    seconds = OPENING_SECONDS + SECONDS_PER_PIXEL * opened.width * opened.height
    with opened, time_limit(seconds, Outcome.TOO_MUCH_WORK, timed):
        scale_transparency(opened)
        opened.load()
        # A GIF's first frame and a HEIC may be larger than their headers claim.
        refuse_size(opened)
        picture = simplify(opened)
        refuse_bytes(picture.width * picture.height * len(picture.getbands()))
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
    end = min(int.from_bytes(content[:4], "big"), LARGEST_BRAND_BOX)
    brands = {content[8:12]} | {content[start : start + 4] for start in range(16, end, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & HEIC_BRANDS else None


def webp_pixels(content: bytes) -> int:
    """Return the pixels that a WebP's header claims, 0 if unknown; its decoder allocates first."""
    kind = content[12:16]
    if kind == b"VP8X":
        return (1 + little(content[24:27])) * (1 + little(content[27:30]))
    if kind == b"VP8 ":
        return (little(content[26:28]) & 0x3FFF) * (little(content[28:30]) & 0x3FFF)
    if kind == b"VP8L":
        sizes = little(content[21:25])
        return (1 + (sizes & 0x3FFF)) * (1 + (sizes >> 14 & 0x3FFF))
    return 0


def little(field: bytes) -> int:
    return int.from_bytes(field, "little")


def jpeg_scans(content: bytes, most: int) -> int:
    """Count the scans of a JPEG, up to one more than `most`."""
    count, start = 0, 2
    while count <= most and (marker := JPEG_MARKER.search(content, start)) and marker[1] != b"\xd9":
        count += marker[1] == b"\xda"
        # A segment's length includes its own two bytes.
        start = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return count


@contextmanager
def time_limit(seconds: float, outcome: Outcome, active: bool = True) -> Iterator[None]:
    """Raise RefusedError if a block uses more processor time, as soon as Python code runs again.

    A single long call into a library is ended by the app's own time limit. Without effect on Windows.
    """
    if not active or not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    except OutOfTimeError as error:
        raise RefusedError(outcome) from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def refuse_size(opened: Image.Image) -> None:
    """Raise RefusedError for a picture with too many pixels, a side that is too long, or too many bytes."""
    refuse_pixels(opened.width * opened.height)
    if max(opened.size) > LONGEST_SIDE:
        raise RefusedError(Outcome.TOO_LONG)
    # A palette may not have been read yet.
    if opened.mode not in ("1", "L", "I;16", "P"):
        refuse_bytes((4 if opened.has_transparency_data else 3) * opened.width * opened.height)


def refuse_pixels(count: int) -> None:
    if count > LARGEST_PIXELS:
        raise RefusedError(Outcome.TOO_MANY_PIXELS)


def refuse_bytes(count: int) -> None:
    if count > LARGEST_PICTURE_BYTES:
        raise RefusedError(Outcome.TOO_MUCH_MEMORY)


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
