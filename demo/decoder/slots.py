"""Who may use a decoder next: small files and the others stand in lines of their own, which take turns."""

import threading
from collections import deque
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
        self._lock = threading.Lock()
        self._free = count
        self._lines: tuple[deque[threading.Event], ...] = (deque(), deque())
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
        line = self._lines[int(size < SMALL)]
        with self._lock:
            if self._free:
                self._free -= 1
                return
            handed = threading.Event()
            line.append(handed)
        try:
            handed.wait()
        except BaseException:
            with self._lock:
                waited = handed in line
                if waited:
                    line.remove(handed)
            if not waited:
                self.give()
            raise

    def give(self) -> None:
        """Give a slot back: to whoever waits longest in the line whose turn it is.

        Handed over, and not free in between: whoever asks again at once would take it before who waits.
        """
        with self._lock:
            self._turn = 1 - self._turn
            line = self._lines[self._turn] or self._lines[1 - self._turn]
            if line:
                line.popleft().set()
            else:
                self._free += 1
