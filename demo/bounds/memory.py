"""The server's memory: what a large picture or body took goes back to the system at once."""

import contextlib
import ctypes
import sys
from typing import Final

# glibc's names for them, from <malloc.h>.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BLOCK: Final = 1 << 20
ARENAS: Final = 2


def keep_little() -> None:
    """Have glibc map each large block by itself and share few heaps among threads; nothing elsewhere.

    It learns otherwise from the first large block that is freed: from then on those up to 32 MB lie between
    small ones, in a heap for each thread, and are seldom given back.
    """
    if sys.platform != "linux":
        return
    # Of another C library, musl's for one, that has no such function.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in (
            (M_MMAP_THRESHOLD, LARGE_BLOCK),
            (M_TRIM_THRESHOLD, LARGE_BLOCK),
            (M_ARENA_MAX, ARENAS),
        ):
            library.mallopt(option, value)
