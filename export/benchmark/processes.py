"""An app in a process of its own, and what is known of processes from /proc (Linux only)."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.benchmark.harness import ROOT
from export.errors import ExportError

PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Server:
    """A running server. lines: what it printed until it was ready; the first ends with its address."""

    lines: list[str]
    pid: int

    @property
    def address(self) -> str:
        """Its URL, ending in a slash."""
        return self.lines[0].split()[-1]


@contextmanager
def served(command: Sequence[str], checkout: Path = ROOT, **environment: str) -> Iterator[Server]:
    """Run `python -m COMMAND` as a server in a checkout; it is killed at the end.

    environment: variables added to this process's own.

    Raises:
        ExportError: it did not start.
    """
    with (
        tempfile.TemporaryDirectory() as temporary,
        # Not a pipe, which would stop the server once it is full.
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=checkout,
            # A killed server cannot delete its uploads itself.
            env=os.environ | {"TMPDIR": temporary} | environment,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            lines: list[str] = []
            # The last line that it prints at its start names the device.
            while not lines or "runs on" not in lines[-1]:
                lines.append(process.stdout.readline().rstrip())
                if not lines[-1]:
                    errors.seek(0)
                    reason = errors.read().strip().rpartition("\n")[2]
                    raise ExportError(
                        f"The server did not start ({reason}). Try it by hand: python -m {' '.join(command)}"
                    )
            yield Server(lines, process.pid)
        finally:
            process.kill()


def peak_mebibytes(pid: int) -> float:
    """Return the peak memory of a running process in MiB.

    Raises:
        ProcessLookupError: it has ended.
    """
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {pid} has ended")


def children(pid: int) -> list[int]:
    """Return the ids of a process's running children."""
    lists = (PROC / str(pid) / "task").glob("*/children")
    return [int(child) for path in lists for child in path.read_text().split()]
