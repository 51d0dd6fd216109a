"""Limits of a picture and of a decoding worker, and the protocol between app and worker.

The protocol is fixed headers and raw bytes, never pickles. A worker first writes `READY`. A request is
`REQUEST` and the encoded picture; the reply is `REPLY` and, for a picture, its pixels row by row.
"""

import contextlib
import struct
import time
from enum import IntEnum
from pathlib import Path
from typing import Final

LARGEST_FILE_BYTES: Final = 32 << 20
LARGEST_PIXELS: Final = 67_000_000
LONGEST_SIDE: Final = 65_535
"""Pixels. A decoder spends more on a line than on its pixels, so a longer side costs too much."""
LARGEST_PICTURE_BYTES: Final = 3 * 8192 * 6144
"""Decoded bytes: 50 megapixels in colour, fewer with transparency, more in grey."""
CHANNELS: Final = (1, 3, 4)

# The largest picture takes 268 MB as RGBA, and a decoder holds it up to five times.
MEMORY_LIMIT: Final = 2 << 30
CPU_SECONDS: Final = 15

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
    TOO_MANY_PIXELS = 3
    TOO_MUCH_METADATA = 4
    TOO_MUCH_MEMORY = 5
    TOO_LONG = 6
    TOO_MUCH_WORK = 7


def limit_process() -> None:
    """Limit this process's memory, and forbid core dumps, writing files, and opening any file or socket."""
    # First, because later no file can be opened. If memory runs out, the kernel ends the worker, not the app.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    for name, value in (
        ("RLIMIT_AS", MEMORY_LIMIT),
        ("RLIMIT_DATA", MEMORY_LIMIT),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", 0),
    ):
        lower(name, value)


def limit_next_request() -> None:
    """Allow processor time for one more picture, in case the app's own time limit fails."""
    lower("RLIMIT_CPU", int(time.process_time()) + CPU_SECONDS, final=False)


def lower(name: str, value: int, *, final: bool = True) -> None:
    """Lower a resource limit, as far as the system knows it; a final one cannot be raised again."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if not hasattr(resource, name):
        return
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # macOS has names for some limits that it refuses to set.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, soft if final else hard))
