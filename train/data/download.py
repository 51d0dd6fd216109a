"""Download a data set's file from the first mirror that delivers the expected content."""

import gzip
import hashlib
import http.client
import io
import sys
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from train.errors import DataError

TIMEOUT_SECONDS = 30
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class IdxFile:
    """A file of a data set: its name without `.gz`, and size and SHA-256 of its decompressed content."""

    name: str
    size: int
    sha256: str


def download(file: IdxFile, mirrors: tuple[str, ...], folder: Path) -> None:
    """Download one file into the folder, as `NAME.gz`, atomically.

    Raises:
        DataError: the folder is not writable, or no mirror delivered; the message lists every answer.
    """
    failures = []
    for mirror in mirrors:
        try:
            print(f"Downloading {mirror}{file.name}.gz", file=sys.stderr)
            with urllib.request.urlopen(f"{mirror}{file.name}.gz", timeout=TIMEOUT_SECONDS) as response:
                packed = response.read()
            unpack_verified(packed, file)
        except (OSError, http.client.HTTPException, DataError) as error:
            failures.append(f"{mirror} ({error})")
            continue
        target = folder / f"{file.name}.gz"
        partial = target.with_suffix(".partial")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(packed)
            partial.replace(target)
        except OSError as error:
            raise DataError(
                f"{target} cannot be written ({error.strerror}); free some space there"
            ) from error
        return
    raise DataError(
        f"{file.name} could not be downloaded from "
        f"{' or '.join(failures) or 'anywhere: no mirror is known'}; check the network"
    )


def unpack_verified(packed: bytes, file: IdxFile) -> bytes:
    """Decompress if necessary, and check the size and the SHA-256 of the content.

    Raises:
        DataError: the content is truncated, damaged or another file's.
    """
    try:
        # One byte more than expected is enough to notice that a file is too long.
        if packed.startswith(GZIP_MAGIC):
            with gzip.open(io.BytesIO(packed)) as plain:
                content = plain.read(file.size + 1)
        else:
            content = packed[: file.size + 1]
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"it is truncated or damaged: {error}") from error
    if len(content) != file.size:
        found = f"more than {file.size:,}" if len(content) > file.size else f"{len(content):,}"
        raise DataError(f"it holds {found} bytes instead of {file.size:,}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DataError("it has the right size but the wrong content (its SHA-256 differs)")
    return content
