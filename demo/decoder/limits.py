"""What a decoding worker may use, set by itself before it reads a picture, as far as the system can."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# The largest picture that is allowed takes 268 MB as RGBA, and a decoder holds it up to five times.
MEMORY_LIMIT: Final = 2 << 30
CPU_SECONDS: Final = 15


class OutOfTimeError(BaseException):
    """A block used more processor time than it was given. No `Exception`: decoders catch those and go on."""


@contextlib.contextmanager
def processor_seconds(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError in a block that uses more processor time than this, as soon as Python runs again.

    It ends what is long because of many steps, not the one that is long in a library: that is for whoever
    watches the process. On Windows, and outside the main thread, it does nothing.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def limit_process() -> None:
    """Bound the memory, and take away core dumps, writing to files, and new files or sockets at all."""
    # First: once no file can be opened, this one cannot either. The kernel, short of memory, takes the
    # worker before the app.
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
    """Grant processor time for one more picture: what outlives the app's own time limit ends here."""
    lower("RLIMIT_CPU", int(time.process_time()) + CPU_SECONDS, final=False)


def lower(name: str, value: int, *, final: bool = True) -> None:
    """Set a limit no higher than it may be; `final` ones cannot be raised again."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if not hasattr(resource, name):
        return
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # macOS knows some limits by name only and refuses to set them.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, soft if final else hard))
