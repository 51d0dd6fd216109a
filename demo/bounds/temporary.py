"""What was uploaded, and what stopped uploads left, is gone some minutes after the last request.

Gradio's own cleaning removes whole files alone, an hour old: their folders stay, and parts of files whose
upload was given up.
"""

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

KEPT_IDLE: Final = 240.0
"""Seconds after the last request: with a check each minute at most, all is gone five minutes after it."""

KEPT_AT_MOST: Final = 3600.0
"""Seconds that a file is kept while others still ask, and while there is room."""


class Cleaner:
    """Empties a folder of what was put into it since, in a thread of its own; a context manager.

    busy: whether any request still runs. last_request: when, by `time.monotonic`, one ended last. crowded:
    whether so much lies there that all goes after `idle`, also while others ask. cleaned: is called after
    each look. Nothing is removed that has changed within `idle`, whatever runs; nothing that was there
    before; nothing outside the folder. In the end all goes. clock: what the folder's disk takes times from.
    """

    def __init__(
        self,
        folder: Path,
        busy: Callable[[], bool],
        last_request: Callable[[], float],
        crowded: Callable[[], bool],
        cleaned: Callable[[], None],
        idle: float = KEPT_IDLE,
        at_most: float = KEPT_AT_MOST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._busy = busy
        self._last_request = last_request
        self._crowded = crowded
        self._cleaned = cleaned
        self._idle = idle
        self._at_most = at_most
        self._clock = clock
        self._busy_at = time.monotonic()
        # But for folders with nothing in them, of which gradio makes one when it starts.
        self._own = {each.name for each in folder.glob("*") if not each.is_dir() or any(each.iterdir())}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cleaner", daemon=True)

    def __enter__(self) -> "Cleaner":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._remove_older(self._clock() + 1)

    def _run(self) -> None:
        while not self._ended.wait(self._idle / 8):
            # A thread that ended would remove nothing any more, and soon there would be no room.
            try:
                self.clean()
            except Exception:
                logging.getLogger("touchstone").exception("The folder of uploads was not cleaned")

    def clean(self) -> None:
        """Remove what is too old by now."""
        if self._busy():
            self._busy_at = time.monotonic()
        quiet = time.monotonic() - max(self._busy_at, self._last_request())
        age = self._idle if quiet >= self._idle or self._crowded() else self._at_most
        self._remove_older(self._clock() - age)
        self._cleaned()

    def _remove_older(self, before: float) -> None:
        # A folder that cannot be read now is tried again.
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._folder):
                if entry.name not in self._own:
                    remove_older(Path(entry.path), before)


def remove_older(path: Path, before: float) -> bool:
    """Remove a file, or a folder with what is in it, that was changed last before a time; whether it is gone.

    Links are removed and not followed. before: seconds as `time.time` counts them.
    """
    with contextlib.suppress(OSError):
        state = path.lstat()
        if not stat.S_ISDIR(state.st_mode):
            if state.st_ctime < before:
                path.unlink()
                return True
            return False
        inside = [remove_older(Path(entry.path), before) for entry in os.scandir(path)]
        # Emptied just now it has a new time of change; one that was empty may be about to be filled.
        if all(inside) and state.st_ctime < before:
            path.rmdir()
            return True
    return False
