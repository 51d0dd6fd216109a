"""Limits of the served app: sizes of request bodies, connections, calls, sessions and uploads.

They limit what one process holds. Limits per client address belong to a proxy: see `demo/deploy/nginx.conf`.
"""

import contextlib
import ctypes
import sys
from typing import Final

from demo.decoder.images import LARGEST_FILE_BYTES

KIB: Final = 1 << 10
MIB: Final = 1 << 20

LARGEST_UPLOAD: Final = LARGEST_FILE_BYTES + MIB
"""Bytes of an upload's form: one file of the largest size, or several that are as large together."""
LARGEST_FORM: Final = LARGEST_FILE_BYTES + 12 * MIB
"""Bytes of a form for `POST /v1/check`, and of a request to `/mcp`, where base64 adds a third."""
LARGEST_CALL: Final = 2 * MIB
"""Bytes of a call's JSON: the paths of 2,000 files take about one half of it, a drawing 30 KiB."""
LARGEST_VALUES: Final = 256 * KIB
"""Bytes of a call's values other than files; those of all waiting calls have up to 32 MiB."""
LARGEST_CANCEL: Final = 4 * KIB
LARGEST_FIELD: Final = 64 * KIB
"""Bytes of a form's part without a file name."""
LARGEST_IN_MEMORY: Final = 128 * MIB
"""Bytes of the bodies of all requests that are being received or answered."""
SMALL_BODY: Final = 64 * KIB
"""Bytes of a body that are accepted also beyond `LARGEST_IN_MEMORY`."""

CONNECTIONS: Final = 1000
"""Connections, open pages among them; uvicorn answers 503 to requests on more."""
BACKLOG: Final = 2048
"""Connections that wait to be accepted."""
KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open: longer than in nginx, which therefore never reuses a closed one."""
SHUTDOWN_SECONDS: Final = 6
"""How long requests in progress may take once the server stops."""
EXIT_SECONDS: Final = 9
"""How long until the process ends even if a thread still works."""
LONGEST_HEAD: Final = 32 * KIB
"""Bytes of a request's line and headers."""

WAITING_CALLS: Final = 128
"""Calls that wait in gradio's queue; it answers 503 to more."""
CALLS_AT_ONCE: Final = 4
"""Calls of one endpoint that run at once."""
SESSIONS: Final = 500
"""Sessions whose state gradio keeps, about 85 kB each; then it drops the least recently used one."""

CLEANUP_SECONDS: Final = 30.0
"""Interval of the search for old uploads."""
KEPT_WHILE_IDLE: Final = 240.0
"""Seconds that an upload stays after the last request: with the interval above, gone within five minutes."""
KEPT_AT_MOST: Final = 3600.0
"""Seconds that an upload stays while others use the app."""
FREE_DISK: Final = 256 * MIB
"""Bytes free on the disk with the uploads; below that, uploads are refused and old ones go sooner."""


def allow_connections() -> None:
    """Raise the number of files that the process may have open, for `CONNECTIONS` and as many others."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # -1 stands for no limit; ValueError where the system allows fewer.
        with contextlib.suppress(ValueError):
            if 0 <= soft < 2 * CONNECTIONS:
                resource.setrlimit(resource.RLIMIT_NOFILE, (2 * CONNECTIONS, hard))


def limit_heap() -> None:
    """Have glibc return the memory of large pictures and bodies to the system; do nothing elsewhere.

    Once a large block is freed, glibc keeps blocks of up to 32 MB in the heap of each thread. Fixed
    thresholds and two heaps prevent that: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    if sys.platform != "linux":
        return
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8
    # musl has no mallopt.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in ((mmap_threshold, MIB), (trim_threshold, MIB), (arena_max, 2)):
            library.mallopt(option, value)
