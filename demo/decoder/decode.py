"""Encoded bytes → a grey, RGB or RGBA picture. Runs inside a worker: what it reads may be hostile."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeAlias

# Not used by name: reading EXIF imports it, and a worker can open no file once it is limited.
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

from demo.decoder.limits import OutOfTimeError, processor_seconds
from demo.decoder.sniff import jpeg_scans, sniff, webp_pixels
from demo.decoder.wire import LARGEST_PICTURE_BYTES, LARGEST_PIXELS, LONGEST_SIDE, Outcome

Opener: TypeAlias = Callable[[io.BytesIO], ImageFile.ImageFile]

# Called directly, not through Image.open: that tries every decoder Pillow has.
OPENERS: Final[dict[str, Opener]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "HEIC": pillow_heif.HeifImageFile,
}
# Processor time. To open is to read what stands before the pixels: of an honest file, milliseconds.
OPENING_SECONDS: Final = 0.5
# In fewer there is no room for steps that are very many.
FEWEST_BYTES_TIMED: Final = 64 << 10
# Many times what the slowest of the decoders takes.
SECONDS_A_PIXEL: Final = 1e-7
# Of a progressive JPEG; programs write about ten.
MOST_SCANS: Final = 64
LARGEST_METADATA_CHUNK: Final = 1 << 20
LARGEST_METADATA: Final = 8 << 20
# Pillow has no class of its own for these; the words are its own since 2014.
METADATA_COMPLAINTS: Final = ("Decompressed data too large", "Too much memory used in text chunks")

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
# What a PNG's transparent grey, given in the file's own depth, is multiplied by to match 8-bit pixels.
GREY_SCALES: Final = {"1": 255, "L;2": 85, "L;4": 17}


class RefusedError(Exception):
    """The bytes are not turned into a picture; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome


@dataclass(frozen=True)
class Decoded:
    """A picture of mode L, RGB or RGBA, and whether the file holds further frames that were not read."""

    picture: Image.Image
    several: bool


def configure() -> None:
    """Set the decoders' own limits, for the whole process: one thread each, little metadata, no warnings."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = LARGEST_PIXELS
    PngImagePlugin.MAX_TEXT_CHUNK = LARGEST_METADATA_CHUNK
    PngImagePlugin.MAX_TEXT_MEMORY = LARGEST_METADATA
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False


def decode(content: bytes) -> Decoded:
    """Decode one picture; EXIF orientation is applied, 16 bits are scaled to 8.

    Raises:
        RefusedError: for whatever reason no picture came of it; no other exception leaves here.
    """
    try:
        name = sniff(content)
        if name is None:
            raise RefusedError(Outcome.UNKNOWN_FORMAT)
        if name == "WEBP":
            refuse_size(webp_pixels(content))
        return read(name, content)
    except RefusedError:
        raise
    except MemoryError as error:
        raise RefusedError(Outcome.TOO_MUCH_MEMORY) from error
    except Image.DecompressionBombError as error:
        raise RefusedError(Outcome.TOO_MANY_PIXELS) from error
    # A decoder meets broken bytes with almost any exception: OSError, SyntaxError, ValueError, EOFError,
    # struct.error, zlib.error, IndexError, KeyError, OverflowError, RuntimeError ...
    except Exception as error:
        metadata = any(complaint in str(error) for complaint in METADATA_COMPLAINTS)
        raise RefusedError(Outcome.TOO_MUCH_METADATA if metadata else Outcome.DAMAGED) from error


def read(name: str, content: bytes) -> Decoded:
    """Open, check the size by the header, and only then decode."""
    timed = within if len(content) >= FEWEST_BYTES_TIMED else untimed
    with timed(OPENING_SECONDS, Outcome.TOO_MUCH_METADATA):
        # Each one goes over all pixels, inside the library.
        if name == "JPEG" and jpeg_scans(content, MOST_SCANS) > MOST_SCANS:
            raise RefusedError(Outcome.TOO_MUCH_WORK)
        opened = OPENERS[name](io.BytesIO(content))
        refuse_picture(opened)
        several = name != "JPEG" and holds_several(opened)
    seconds = OPENING_SECONDS + SECONDS_A_PIXEL * opened.width * opened.height
    with opened, timed(seconds, Outcome.TOO_MUCH_WORK):
        mend_transparency(opened)
        opened.load()
        # A GIF's first frame and a HEIC may turn out larger than their headers say.
        refuse_picture(opened)
        picture = simplify(opened)
        refuse_bytes(picture.width * picture.height * len(picture.getbands()))
        if name == "BMP" and picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
            # Programs that know no transparency leave these bytes 0 and mean an opaque picture.
            picture = picture.convert("RGB")
        turn = ORIENTATIONS.get(orientation(opened))
    return Decoded(picture if turn is None else picture.transpose(turn), several)


@contextmanager
def within(seconds: float, outcome: Outcome) -> Iterator[None]:
    """Raise RefusedError with an outcome for a block that uses more processor time than this."""
    try:
        with processor_seconds(seconds):
            yield
    except OutOfTimeError as error:
        raise RefusedError(outcome) from error


def untimed(_seconds: float, _outcome: Outcome) -> AbstractContextManager[None]:
    """As `within`, of which it has no part: to set a timer takes as long as to decode a digit."""
    return nullcontext()


def refuse_picture(opened: Image.Image) -> None:
    """Raise RefusedError for a picture that is larger, longer or takes more memory than is allowed."""
    refuse_size(opened.width * opened.height)
    if max(opened.size) > LONGEST_SIDE:
        raise RefusedError(Outcome.TOO_LONG)
    # A palette may not be there yet.
    if opened.mode not in ("1", "L", "I;16", "P"):
        refuse_bytes((4 if opened.has_transparency_data else 3) * opened.width * opened.height)


def refuse_bytes(count: int) -> None:
    """Raise RefusedError for more bytes of pixels than are allowed."""
    if count > LARGEST_PICTURE_BYTES:
        raise RefusedError(Outcome.TOO_MUCH_MEMORY)


def refuse_size(pixels: int) -> None:
    """Raise RefusedError for more pixels than are allowed."""
    if pixels > LARGEST_PIXELS:
        raise RefusedError(Outcome.TOO_MANY_PIXELS)


def holds_several(opened: ImageFile.ImageFile) -> bool:
    """Whether further frames follow; damage there is none of the first frame's."""
    try:
        return bool(getattr(opened, "is_animated", False))
    except MemoryError:
        raise
    except Exception:
        return False


def orientation(opened: ImageFile.ImageFile) -> int:
    """The EXIF orientation, 1 where there is none or the EXIF data are damaged."""
    try:
        return int(opened.getexif().get(ORIENTATION_TAG, 1))
    except MemoryError:
        raise
    except Exception:
        return 1


def mend_transparency(opened: ImageFile.ImageFile) -> None:
    """Bring a PNG's one transparent colour from the file's depth to the depth that Pillow decodes to."""
    transparent = opened.info.get("transparency")
    layout = opened.tile[0].args if opened.tile else None
    if isinstance(transparent, int) and layout in GREY_SCALES:
        opened.info["transparency"] = min(transparent * GREY_SCALES[layout], 255)
    elif isinstance(transparent, tuple) and layout == "RGB;16B":
        opened.info["transparency"] = tuple(value >> 8 for value in transparent)


def simplify(opened: Image.Image) -> Image.Image:
    """Mode L for grey, RGBA where there is transparency, else RGB."""
    if opened.mode == "I;16":
        return simplify_wide_grey(opened)
    opaque = "L" if opened.mode in ("1", "L") else "RGB"
    mode = "RGBA" if opened.has_transparency_data else opaque
    return opened if opened.mode == mode else opened.convert(mode)


def simplify_wide_grey(opened: Image.Image) -> Image.Image:
    """The high byte of 16-bit grey, which is what Pillow itself takes of 16-bit colour."""
    wide = opened.tobytes()
    high = Image.frombytes("L", opened.size, wide[1::2])
    transparent = opened.info.get("transparency")
    if not isinstance(transparent, int):
        return high
    low = Image.frombytes("L", opened.size, wide[0::2])
    differs = ImageChops.lighter(differing(high, transparent >> 8), differing(low, transparent & 255))
    return Image.merge("RGBA", (high, high, high, differs))


def differing(grey: Image.Image, value: int) -> Image.Image:
    """255 where a grey picture differs from a value, else 0."""
    return grey.point([0 if level == value else 255 for level in range(256)])
