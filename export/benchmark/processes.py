"""What processes cost: from /proc where there is one, which only Linux has."""

import os
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
KNOWN: Final = (PROC / "self" / "stat").exists()
"""Whether this system tells what other processes cost."""


def processor_seconds(pid: int) -> float:
    """The processor time that a running process has taken so far, without its children's."""
    # Behind the name, which may hold anything: fields 14 and 15 of `man 5 proc_pid_stat`.
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mebibytes(pid: int) -> float:
    """The most memory that a running process has held so far, in MiB."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {pid} has ended")


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    found = (PROC / str(pid) / "task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]
