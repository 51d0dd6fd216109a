"""How the app ends when it is told to (SIGTERM): what was asked is answered, then it exits with 0."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SECONDS_TO_FINISH: Final = 6.0
"""How long what was asked before may still take; with the server's own end it is below ten."""

QUIET: Final = 0.3
"""Seconds without anything to do after which all is answered: a client may yet come to fetch an answer."""


@contextmanager
def exits_when_terminated() -> Iterator[None]:
    """Within, SIGTERM raises SystemExit with code 0, once; a second one changes nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def wait_until_quiet(busy: Callable[[], bool], longest: float = SECONDS_TO_FINISH) -> bool:
    """Wait until nothing is busy for a while; whether that was reached in time."""
    until = time.monotonic() + longest
    quiet_since = time.monotonic()
    while (now := time.monotonic()) < until:
        if busy():
            quiet_since = now
        elif now - quiet_since >= QUIET:
            return True
        time.sleep(0.02)
    return False
