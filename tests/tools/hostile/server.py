"""The real app in a process of its own, and the memory of it and of its workers."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
MEGABYTE: Final = 1_000_000


@dataclass
class Served:
    """The running app. peak, worker_peak: the most resident bytes when last measured."""

    address: str
    process: subprocess.Popen[str]
    log: Path
    peak: int = 0
    worker_peak: int = 0

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def measure(self) -> None:
        """Read the peaks of memory from the system."""
        self.peak = max(self.peak, most_resident(self.process.pid))
        for path in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):
                workers = map(int, path.read_text().split())
                self.worker_peak = max([self.worker_peak, *map(most_resident, workers)])


@contextmanager
def served() -> Iterator[Served]:
    """Start `python -m demo`, which ends if it contacts another machine; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "tests.support.offline", "--device", "cpu", "--port", "0"]
        # Into a file: a pipe that nobody reads would stop the app once it is full.
        with (
            log.open("w") as stream,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                cwd=ROOT,
                env=os.environ | {"TMPDIR": folder},
            ) as process,
        ):
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while "runs on" not in lines[-1]:
                lines.append(process.stdout.readline())
                if not lines[-1]:
                    raise RuntimeError(f"The app did not start: {log.read_text()}")
            try:
                yield Served(lines[0].split()[-1], process, log)
            finally:
                process.kill()


def most_resident(process: int) -> int:
    """Return the most bytes of memory that a process has held; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0
