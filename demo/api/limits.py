"""Limits of the served app: sizes of request bodies, connections, calls, sessions and uploads.

They bound what one process holds. Limits per client address belong to the proxy in front of it: see
`demo/deploy/nginx.conf`.
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
"""Bytes of a call's JSON: 2,000 files by their paths take about one half of it, a drawing 30 KiB."""
LARGEST_VALUES: Final = 256 * KIB
"""Bytes of a call's values other than files: as many calls as may wait hold 32 MiB of them."""
LARGEST_CANCEL: Final = 4 * KIB
LARGEST_FIELD: Final = 64 * KIB
"""Bytes of a part of a form that is no file."""
LARGEST_IN_MEMORY: Final = 128 * MIB
"""Bytes of the bodies of all requests that are being received or answered."""
SMALL_BODY: Final = 64 * KIB
"""Bytes of each body that do not count against `LARGEST_IN_MEMORY`."""

CONNECTIONS: Final = 1000
"""Connections, open pages among them; uvicorn answers 503 to requests on more."""
BACKLOG: Final = 2048
"""Connections that wait to be accepted."""
KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open: longer than nginx keeps it, which so never uses a closed one."""
SHUTDOWN_SECONDS: Final = 6
"""How long requests may still take once the server is told to stop."""
EXIT_SECONDS: Final = 9
"""After how long the process ends, although a thread still works."""
LONGEST_HEAD: Final = 32 * KIB
"""Bytes of a request's line and headers."""

WAITING_CALLS: Final = 128
"""Calls that wait in gradio's queue; it answers 503 to more."""
CALLS_AT_ONCE: Final = 4
"""Calls of one endpoint that run at once."""
SESSIONS: Final = 500
"""Sessions whose state gradio keeps, about 85 kB each; of more it drops the one used longest ago."""

CLEANUP_SECONDS: Final = 30.0
"""How often uploads are looked through."""
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
        wanted = 2 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * CONNECTIONS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit_heap() -> None:
    """Have glibc give the memory of large pictures and bodies back to the system; do nothing elsewhere.

    From the first large block that is freed, glibc keeps blocks up to 32 MB in the heap of each thread. Fixed
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
