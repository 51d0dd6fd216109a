"""Path or bytes → uint8 [height, width, channels]: the one loader of app, command line and API."""

import io
import warnings
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from demo.errors import PictureError

FORMATS: Final = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF")
FORMATS_SENTENCE: Final = "PNG, JPEG, WebP, AVIF, BMP or GIF"
LARGEST_FILE_BYTES: Final = 32 << 20
LARGEST_PIXELS: Final = 67_000_000


def load_picture(source: Path | bytes) -> NDArray[np.uint8]:
    """Decode a picture: uint8 [height, width, channels], channels 1 (grey), 3 (RGB) or 4 (RGBA).

    EXIF orientation is applied; 16-bit grey is scaled to 8; of an animation the first frame is taken.

    Raises:
        PictureError: it is missing, too large, of another format, or damaged.
    """
    content = source if isinstance(source, bytes) else read_file(source)
    if not content:
        raise PictureError("The file is empty; choose one that holds a picture.")
    if len(content) > LARGEST_FILE_BYTES:
        raise PictureError(
            f"The file has more than {LARGEST_FILE_BYTES >> 20} MiB; save the picture smaller and try again."
        )
    with warnings.catch_warnings():
        # Pillow warns of a size that is refused below with a sentence of our own.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > LARGEST_PIXELS:
                    raise Image.DecompressionBombError
                return to_array(ImageOps.exif_transpose(picture))
        except UnidentifiedImageError as error:
            raise PictureError(f"This is no picture that can be read; use {FORMATS_SENTENCE}.") from error
        except Image.DecompressionBombError as error:
            raise PictureError(
                f"The picture has more than {LARGEST_PIXELS:,} pixels; make it smaller and try again."
            ) from error
        # A decoder meets broken bytes with almost any exception: OSError, SyntaxError, ValueError,
        # EOFError, struct.error, zlib.error, IndexError, KeyError, OverflowError, MemoryError ...
        except Exception as error:
            raise PictureError("The picture is damaged or cut short; save or download it again.") from error


def read_file(path: Path) -> bytes:
    """A file's first bytes, one more than is allowed; raises PictureError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise PictureError("There is no such file; check the name.") from error
    except OSError as error:
        raise PictureError(f"The file cannot be read ({error.strerror}).") from error


def to_array(picture: Image.Image) -> NDArray[np.uint8]:
    """uint8 [height, width, 1 | 3 | 4] of a Pillow picture of any mode."""
    if picture.mode.startswith("I"):
        wide = np.asarray(picture).astype(np.int64)
        return (np.clip(wide, 0, 65535) // 257).astype(np.uint8)[..., None]
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))[..., None]
    return np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """uint8 [height, width] as a grey PNG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
