"""What processes cost, read from /proc (Linux only)."""

from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def mebibytes(pid: int, which: str = "VmHWM") -> float:
    """Return the memory of a running process in MiB: the peak, or with `VmRSS` the present one.

    Raises:
        ProcessLookupError: it has ended.
    """
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {pid} has ended")


def children(pid: int) -> list[int]:
    """Return the ids of a process's running children."""
    found: list[int] = []
    for path in (PROC / str(pid) / "task").glob("*/children"):
        # A thread may end in between.
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found
