"""Real digits to play with, where some are at hand: MNIST's test pictures. Nothing is downloaded."""

import gzip
import importlib.util
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.contract import PICTURE_SHAPE
from demo.inference.engine import MODELS_FOLDER

FILE: Final = "t10k-images-idx3-ubyte"
DIGITS_FOLDER: Final = MODELS_FOLDER.parent / "digits"
"""Where `python -m demo space --digits` puts them."""

IMAGES_OF_BYTES: Final = 0x0803
"""How an IDX file of unsigned bytes in three dimensions begins."""


def real_digits() -> NDArray[np.uint8] | None:
    """MNIST's test pictures, uint8 [n, 28, 28], ink bright on dark; None where they are not at hand.

    Looked for beside the models, then in `TOUCHSTONE_DATA`, then where `python -m train data` keeps what
    it downloads. A file that cannot be read counts as none; `python -m train data` says what is wrong
    with it.
    """
    for path in places():
        digits = read(path)
        if digits is not None:
            return digits
    return None


def places() -> Iterator[Path]:
    """Where the file may be, compressed or not, in the order of preference."""
    folders = [DIGITS_FOLDER]
    if given := os.environ.get("TOUCHSTONE_DATA"):
        folders.append(Path(given) / "mnist")
    # Training brings it along; where it is missing, nothing was downloaded by it.
    if importlib.util.find_spec("platformdirs"):
        import platformdirs

        folders.append(Path(platformdirs.user_cache_dir("touchstone")) / "mnist")
    for folder in folders:
        yield from (folder / f"{FILE}.gz", folder / FILE)


def read(path: Path) -> NDArray[np.uint8] | None:
    """The pictures of an IDX file, uint8 [n, 28, 28]; None where it is missing, damaged or another one."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None
    pixels = np.frombuffer(content, np.uint8)
    if len(pixels) < 16:
        return None
    kind, count, height, width = pixels[:16].view(">u4").tolist()
    if (kind, (height, width)) != (IMAGES_OF_BYTES, PICTURE_SHAPE):
        return None
    if len(pixels) != 16 + count * height * width:
        return None
    return pixels[16:].reshape(count, height, width)
