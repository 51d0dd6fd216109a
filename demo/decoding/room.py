"""How much of large pictures the app holds at once: their workers wait with them, in memory of their own."""

import functools
import threading
from typing import Final

from demo.decoding.wire import LARGEST_PICTURE_BYTES

LARGE: Final = 1 << 20
"""Bytes of pixels from which on a picture counts."""


class Room:
    """Bytes that are taken and given back. Safe to share between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._changed = threading.Condition()

    def take(self, size: int, seconds: float) -> bool:
        """Wait until there is room, no longer than this; returns whether there is, and it is taken then."""
        with self._changed:
            if not self._changed.wait_for(lambda: size <= self._free, seconds):
                return False
            self._free -= size
            return True

    def give(self, size: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._free += size
            self._changed.notify_all()


@functools.cache
def pixels_room() -> Room:
    """The one of this process: for one picture of the largest kind, or several smaller ones."""
    return Room(LARGEST_PICTURE_BYTES)
