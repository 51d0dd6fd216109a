"""Processes: their output, and what they cost, read from /proc (Linux only)."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
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


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python from the project's root, with changes to its environment; the output is text."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | environment,
    )
