"""What passes between the app and a decoding worker: fixed headers and raw bytes, never pickles."""

import struct
from enum import IntEnum
from typing import Final

# A worker's first bytes: its decoders are loaded and its limits set.
READY: Final = b"READY"
# Length of the encoded picture that follows.
REQUEST: Final = struct.Struct("<I")
# Outcome, channels, 1 where the file holds further frames, height, width; the pixels follow, row by row.
REPLY: Final = struct.Struct("<BBBxII")

LARGEST_FILE_BYTES: Final = 32 << 20
LARGEST_PIXELS: Final = 67_000_000
# Longer ones are all line and no picture, and a line costs a decoder more than its pixels.
LONGEST_SIDE: Final = 65_535
# Of pixels as they are handed over: 50 megapixels in colour, fewer with transparency, more in grey.
LARGEST_PICTURE_BYTES: Final = 3 * 8192 * 6144
CHANNELS: Final = (1, 3, 4)


class Outcome(IntEnum):
    """How a request ended; only `PICTURE` is followed by pixels."""

    PICTURE = 0
    UNKNOWN_FORMAT = 1
    DAMAGED = 2
    TOO_MANY_PIXELS = 3
    TOO_MUCH_METADATA = 4
    TOO_MUCH_MEMORY = 5
    TOO_LONG = 6
    TOO_MUCH_WORK = 7
