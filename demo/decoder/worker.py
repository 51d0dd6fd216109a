"""The program of a decoding worker: hostile requests on standard input, replies on standard output."""

import contextlib
import functools
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

from demo.decoder import containers, limits
from demo.decoder.limits import Outcome, RefusedError

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
    containers.PNG_SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
}
HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
LARGEST_BRAND_BOX: Final = 256
MOST_READS: Final = 300_000
"""Reads from a file. The largest GIF needs most, 263,000: two for each of its blocks of 255 bytes."""
LEAST_BITS: Final = 3
"""A picture is made brighter if no sample uses any of so many upper bits: if all are below 32 of 255."""

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
SIXTEEN_BITS: Final = {"I;16B": "I;16B", "RGB;16B": "RGB;16L"}
"""Pillow's names of a PNG's layouts with 16 bits and without alpha, and of the other byte order."""
PREPARED: Final = {"WEBP": containers.transparent_webp, "AVIF": containers.still_avif}


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
    replies.write(limits.READY)
    replies.flush()
    while header := requests.read(limits.REQUEST.size):
        serve(requests.read(*limits.REQUEST.unpack(header)), replies)


def configure() -> None:
    """Set the decoders' own limits for the whole process: one thread, no further images, no warnings."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = limits.LARGEST_PIXELS
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
        ("RLIMIT_AS", limits.MEMORY_LIMIT),
        ("RLIMIT_DATA", limits.MEMORY_LIMIT),
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
        replies.write(limits.REPLY.pack(error.outcome, 0, 0, 0, 0))
    else:
        channels = len(picture.getbands())
        replies.write(limits.REPLY.pack(Outcome.PICTURE, channels, several, picture.height, picture.width))
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
        raise RefusedError(Outcome.DAMAGED) from error


def read(content: bytes) -> tuple[Image.Image, bool]:
    """Open a picture, check its size by the header, and only then decode it."""
    name = sniff(content)
    if name is None:
        raise RefusedError(Outcome.UNKNOWN_FORMAT)
    if name == "BMP" and containers.is_compressed_bmp(content):
        raise RefusedError(Outcome.COMPRESSED_BMP)
    if name == "PNG":
        content, exif, several = containers.bare_png(content)
    else:
        exif, several = None, name == "AVIF" and containers.is_avif_sequence(content)
        content = PREPARED.get(name, bytes)(content)
    with OPENERS[name](CountedFile(content)) as opened:
        refuse_size(opened)
        # A photo's further images, such as a thumbnail, are no frames.
        several |= name != "JPEG" and bool(undamaged(lambda: getattr(opened, "is_animated", False), False))
        if name == "PNG" and opened.tile[0].args in SIXTEEN_BITS:
            picture = read_16_bits(opened, content)
        else:
            scale_transparency(opened)
            frame = opened.tile[0].extents if name == "GIF" else None
            opened.load()
            # A GIF's first frame and a HEIC may be larger than their headers claim.
            refuse_size(opened)
            picture = simplify(opened)
            if frame is not None:
                picture = on_transparent(picture, frame)
        refuse_size(picture)
        if name == "BMP" and picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
            # Programs without transparency leave these bytes 0 and mean an opaque picture.
            picture = picture.convert("RGB")
        turn = ORIENTATIONS.get(orientation(opened.info.get("exif") if exif is None else exif))
        picture = brightened(picture)
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
        pixels > limits.LARGEST_PIXELS
        or pixels * channels > limits.LARGEST_PICTURE_BYTES
        or max(picture.size) > limits.LONGEST_SIDE
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


def orientation(exif: bytes | None) -> int:
    """Return the orientation that an EXIF block asks for, 1 to 8; 1 where it is missing or damaged.

    Not `Image.getexif`, which also takes it from XMP, as browsers do not.
    """

    def read() -> int:
        block = Image.Exif()
        block.load(exif or b"")
        return int(block.get(ORIENTATION_TAG, 1))

    return undamaged(read, 1)


def scale_transparency(opened: ImageFile.ImageFile) -> None:
    """Scale a PNG's transparent grey from the file's depth to the depth that Pillow decodes to."""
    transparent = opened.info.get("transparency")
    layout = opened.tile[0].args if opened.tile else None
    if isinstance(transparent, int) and layout in GREY_SCALES:
        opened.info["transparency"] = min(transparent * GREY_SCALES[layout], 255)


def simplify(opened: Image.Image) -> Image.Image:
    """Convert to mode L for grey, RGBA for a picture with transparency, else RGB."""
    if opened.mode == "CMYK":
        return without_black(opened)
    opaque = "L" if opened.mode in ("1", "L") else "RGB"
    mode = "RGBA" if opened.has_transparency_data else opaque
    return opened if opened.mode == mode else opened.convert(mode)


def without_black(printed: Image.Image) -> Image.Image:
    """Convert CMYK to RGB by products rounded down, as browsers do; `Image.convert` rounds to nearest."""
    *colours, light = ImageChops.invert(printed).split()
    return Image.merge("RGB", [ImageChops.multiply(colour, light) for colour in colours])


def on_transparent(picture: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    """Make a GIF transparent where its first frame leaves it free, as browsers do."""
    if frame[:2] == (0, 0) and frame[2] >= picture.width and frame[3] >= picture.height:
        return picture
    whole = Image.new("RGBA", picture.size)
    whole.paste(picture.crop(frame).convert("RGBA"), frame)
    return whole


def read_16_bits(opened: ImageFile.ImageFile, content: bytes) -> Image.Image:
    """Decode a PNG of 16-bit grey or RGB: RGBA where it has a transparent colour, else L or RGB.

    Samples are reduced to the upper 8 of their bits, or of the bits that the brightest one uses.
    """
    other_order = SIXTEEN_BITS[str(opened.tile[0].args)]
    transparent = opened.info.pop("transparency", None)
    opened.load()
    if opened.mode == "I;16":
        wide = opened.tobytes()
        high, low = (Image.frombytes("L", opened.size, wide[offset::2]) for offset in (1, 0))
    else:
        high, low = opened, None
    if transparent is None and not unused_bits(high):
        return high
    if low is None:
        # In the other byte order Pillow takes the other byte.
        with PngImagePlugin.PngImageFile(CountedFile(content)) as low:
            low.tile = [low.tile[0]._replace(args=other_order)]
            low.load()
    if transparent is None:
        return joined(high, low)
    values = (transparent,) if isinstance(transparent, int) else transparent
    differences = [
        differing(band, part)
        for plane, parts in ((high, [v >> 8 for v in values]), (low, [v & 255 for v in values]))
        for band, part in zip(plane.split(), parts, strict=True)
    ]
    opaque = functools.reduce(ImageChops.lighter, differences)
    return Image.merge("RGBA", (*high.convert("RGB").split(), opaque))


def differing(band: Image.Image, value: int) -> Image.Image:
    """Return 255 where a band differs from a value, else 0."""
    return mapped(band, lambda level: 255 * (level != value))


def joined(high: Image.Image, low: Image.Image) -> Image.Image:
    """Return the 8 bits of each sample that begin with the first bit that any sample uses."""
    shift = unused_bits(high)
    if shift == 8:
        shift += unused_bits(low, least=0)
    return ImageChops.add(
        mapped(high, lambda level: level << shift), mapped(low, lambda level: level << shift >> 8)
    )


def brightened(picture: Image.Image) -> Image.Image:
    """Shift the samples of an opaque picture that uses none of the upper bits, so that it uses all."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() != (255, 255):
        return picture
    shift = unused_bits(picture)
    if shift in (0, 8):
        return picture
    if picture.mode == "RGBA":
        return mapped(picture.convert("RGB"), lambda level: level << shift).convert("RGBA")
    return mapped(picture, lambda level: level << shift)


def mapped(picture: Image.Image, change: Callable[[int], int]) -> Image.Image:
    """Return a picture of which every sample is changed; of the results the lower 8 bits stay."""
    return picture.point([change(level) & 255 for level in range(256)] * len(picture.getbands()))


def unused_bits(picture: Image.Image, least: int = LEAST_BITS) -> int:
    """Return how many upper bits are 0 in all colour samples, 8 if all are; 0 if fewer than `least` are."""
    # A histogram of 8 bits has 256 numbers a band.
    samples = picture.histogram()[: 3 * 256]
    brightest = max(index % 256 for index, count in enumerate(samples) if count)
    unused = 8 - brightest.bit_length()
    return unused if unused >= least else 0
