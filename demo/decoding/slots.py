"""Who may use a decoder next: small files and the others stand in lines of their own, which take turns."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SMALL: Final = 32 << 10
"""Bytes of a file below which it is a small one: a digit's picture has no more."""


class Slots:
    """As many decoders as may work at once. Safe to share between threads.

    However many large pictures wait, a small one waits for one or two of them to be done, and the other way
    round.
    """

    def __init__(self, count: int) -> None:
        lock = threading.Lock()
        self._free = count
        self._lines = (threading.Condition(lock), threading.Condition(lock))
        self._waiting = [0, 0]
        self._turn = 0

    @contextmanager
    def one_for(self, size: int) -> Iterator[None]:
        """Wait for a slot for a file of so many bytes, and give it back in the end."""
        self.take(size)
        try:
            yield
        finally:
            self.give()

    def take(self, size: int) -> None:
        """Wait for a slot for a file of so many bytes."""
        line = int(size < SMALL)
        with self._lines[line]:
            while not self._free:
                self._waiting[line] += 1
                self._lines[line].wait()
            self._free -= 1

    def give(self) -> None:
        """Give a slot back."""
        with self._lines[0]:
            self._free += 1
            self._turn = 1 - self._turn
            line = self._turn if self._waiting[self._turn] else 1 - self._turn
            if self._waiting[line]:
                # Here, and not by the one that wakes: until then another slot would be given to it, too.
                self._waiting[line] -= 1
                self._lines[line].notify()
