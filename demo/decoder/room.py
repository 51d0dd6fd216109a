"""How much of large pictures the app holds at once: their workers wait with them, in memory of their own."""

import functools
import threading
from collections import deque
from typing import Final

from demo.decoder.wire import LARGEST_PICTURE_BYTES

LARGE: Final = 1 << 20
"""Bytes of pixels from which on a picture counts."""

LONGEST_WAIT: Final = 5.0
"""Seconds that a picture waits for room. The largest needs it for about a quarter of one, and no more wait
than there are workers."""

NO_ROOM: Final = "Too many large pictures are being read here; try again in a few seconds."


class Room:
    """Bytes that are taken, in the order in which they are asked for, and given back. Safe to share between
    threads.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, size: int, seconds: float) -> bool:
        """Wait until there is room, no longer than this; returns whether there is, and it is taken then."""
        place = object()
        with self._changed:
            self._line.append(place)
            try:
                if not self._changed.wait_for(lambda: self._line[0] is place and size <= self._free, seconds):
                    return False
                self._free -= size
                return True
            finally:
                self._line.remove(place)
                # The next one may need less than what is left.
                self._changed.notify_all()

    def give(self, size: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._free += size
            self._changed.notify_all()


@functools.cache
def pixels_room() -> Room:
    """The one of this process: for one picture of the largest kind, or several smaller ones."""
    return Room(LARGEST_PICTURE_BYTES)
