"""The loader of app, command line and API: a file or its bytes → uint8 [height, width, channels]."""

import atexit
import functools
import io
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.decoder.client import Picture, Pool
from demo.decoder.limits import LARGEST_FILE_BYTES as LARGEST_FILE_BYTES
from demo.errors import MachineError, PictureError

PREVIEW_SIDE: Final = 1024
"""Pixels: twice as many as the page shows, for screens of high density."""

EMPTY: Final = "The file is empty; choose one that holds a picture."
MISSING: Final = "There is no such file; check the name."
TOO_LARGE: Final = (
    f"The file has more than {LARGEST_FILE_BYTES >> 20} MiB; save the picture smaller and try again."
)


def load_picture(source: Path | bytes, pool: Pool | None = None) -> Picture:
    """Decode a PNG, JPEG, WebP, AVIF, BMP, GIF or HEIC in a worker process, the shared pool's by default.

    The rules by which every decoder of the project reads a file are in the README of `demo`; of several
    frames the first is read, with a note.

    Raises:
        PictureError: the picture is too large, of another format, damaged, or crashes its decoder.
        MachineError: the file cannot be read, or there is no decoder or no room for it now.
    """
    content = source if isinstance(source, bytes) else read_file(source)
    if not content:
        raise PictureError(EMPTY)
    if len(content) > LARGEST_FILE_BYTES:
        raise PictureError(TOO_LARGE)
    return (pool or shared_pool()).decode(content)


@functools.cache
def shared_pool() -> Pool:
    """Return the pool of this process; its workers start with the first picture and end with the process."""
    pool = Pool()
    atexit.register(pool.close)
    return pool


def read_file(path: Path, most: int = LARGEST_FILE_BYTES + 1) -> bytes:
    """Return a file's first bytes, by default one more than allowed; raise MachineError if that fails."""
    try:
        with path.open("rb") as stream:
            return stream.read(most)
    except FileNotFoundError as error:
        raise MachineError(MISSING) from error
    except OSError as error:
        raise MachineError(f"The file cannot be read ({error.strerror}).") from error


def encode_preview(array: NDArray[np.uint8]) -> bytes:
    """Encode any picture, uint8 [height, width, 1 | 3 | 4], as a WebP of at most `PREVIEW_SIDE` a side."""
    from PIL import Image

    # Pillow keeps four bytes for a pixel, which would be much for the largest pictures.
    step = -(-max(array.shape) // (2 * PREVIEW_SIDE))
    pixels = array[::step, ::step]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=80, method=0)
    return stream.getvalue()


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode uint8 [height, width] as a grey PNG, or [height, width, 3] as one in colour."""
    # Not needed to read pictures, which only the workers decode.
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
