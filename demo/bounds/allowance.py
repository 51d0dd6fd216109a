"""How many bytes the bodies of requests may take: in memory while they come, in the folder of uploads."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

MOST_UPLOADED: Final = 1 << 30
"""Bytes of uploads in their folder, whole and in part."""

BLOCK: Final = 512
"""Bytes of a block, as `os.stat` counts them."""


class Allowance:
    """So many bytes that may be held at once; for one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self, size: int) -> bool:
        """Count what has come; False, and nothing is counted, where it is too much."""
        if self._taken + size > self._most:
            return False
        self._taken += size
        return True

    def give(self, size: int) -> None:
        """Count no longer what is let go of."""
        self._taken -= size


class FolderAllowance(Allowance):
    """So many bytes that may lie in a folder, and never more than half of what its disk has free.

    What comes between two looks is counted as it comes, and counted until the next look, also where it is
    given up, or comes twice. crowded: whether more lies there than may still come.
    """

    def __init__(self, folder: Path, most: int = MOST_UPLOADED) -> None:
        super().__init__(0)
        self._folder = folder
        self._largest = most
        self.crowded = False
        self.look()

    def give(self, size: int) -> None:
        """Nothing: what was written lies there until it is removed."""

    def look(self) -> None:
        """Count what lies there; in whichever thread."""
        # Before the count: what comes meanwhile counts twice rather than not at all.
        taken = self._taken
        # A folder that is gone for now is counted the next time.
        with contextlib.suppress(OSError):
            lying = bytes_in(self._folder)
            room = min(self._largest - lying, shutil.disk_usage(self._folder).free // 2)
            self.crowded = lying > room
            self._most = taken + room


def bytes_in(folder: Path) -> int:
    """Bytes that what is in a folder takes on the disk, folders included."""
    size = 0
    for entry in os.scandir(folder):
        # Some may be removed meanwhile.
        with contextlib.suppress(OSError):
            state = entry.stat(follow_symlinks=False)
            size += max(state.st_size, getattr(state, "st_blocks", 0) * BLOCK)
            if entry.is_dir(follow_symlinks=False):
                size += bytes_in(Path(entry.path))
    return size
