"""Download a data set's file from the first mirror that delivers the expected content."""

import gzip
import hashlib
import http.client
import sys
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from train.checkpoint import write_atomically
from train.errors import DataError

TIMEOUT_SECONDS = 30
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class IdxFile:
    """A file of a data set: its name without `.gz`, and the SHA-256 of its decompressed content."""

    name: str
    sha256: str


def download(file: IdxFile, mirrors: tuple[str, ...], folder: Path) -> None:
    """Download one file into the folder, as `NAME.gz`, atomically.

    Raises:
        DataError: no mirror delivered; the message lists every answer.
        RunError: the folder is not writable.
    """
    failures = []
    for mirror in mirrors:
        address = f"{mirror}{file.name}.gz"
        print(f"Downloading {address}", file=sys.stderr)
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
                packed = response.read()
            unpack_verified(packed, file)
        except (OSError, http.client.HTTPException, DataError) as error:
            failures.append(f"{address} ({error})")
        else:
            write_atomically(folder / f"{file.name}.gz", packed)
            return
    raise DataError(f"{file.name} could not be downloaded: {' or '.join(failures) or 'no mirror is known'}")


def unpack_verified(packed: bytes, file: IdxFile) -> bytes:
    """Return the content, decompressed if necessary.

    Raises:
        DataError: it is truncated, damaged or another file's.
    """
    try:
        content = gzip.decompress(packed) if packed.startswith(GZIP_MAGIC) else packed
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"it is truncated or damaged: {error}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DataError("it is not the expected file (its SHA-256 differs)")
    return content
