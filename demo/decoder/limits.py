"""Limits of a picture and of a decoding worker, and the protocol between app and worker.

The protocol is fixed headers and raw bytes, never pickles. A worker first writes `READY`. A request is
`REQUEST` and the encoded picture; the reply is `REPLY` and, for a picture, its pixels row by row.
"""

import struct
from enum import IntEnum
from typing import Final

LARGEST_FILE_BYTES: Final = 32 << 20
LARGEST_PIXELS: Final = 67_000_000
LONGEST_SIDE: Final = 65_535
"""Pixels. A decoder spends more on a line than on its pixels, so a longer side costs too much."""
LARGEST_PICTURE_BYTES: Final = 3 * 8192 * 6144
"""Decoded bytes: 50 megapixels in colour, 37 with transparency, more in grey."""
CHANNELS: Final = (1, 3, 4)

# The largest picture takes 268 MB as RGBA, and a decoder holds it up to five times.
MEMORY_LIMIT: Final = 2 << 30

READY: Final = b"READY"
REQUEST: Final = struct.Struct("<I")
"""Length of the encoded picture."""
REPLY: Final = struct.Struct("<BBBxII")
"""Outcome, channels, 1 if the file holds further frames, height, width."""


class Outcome(IntEnum):
    """How a request ended; only `PICTURE` is followed by pixels."""

    PICTURE = 0
    UNKNOWN_FORMAT = 1
    DAMAGED = 2
    TOO_LARGE = 3
    TOO_MUCH_METADATA = 4
    COMPRESSED_BMP = 5


class RefusedError(Exception):
    """The bytes are refused; `outcome` is the reason."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome
