"""The real app in a process of its own, watched: whether it lives, its memory and that of its workers."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
LOOKS_EVERY: Final = 0.05
MEGABYTE: Final = 1_000_000


@dataclass
class Served:
    """The app that runs. peak, worker_peak: the most resident bytes so far, as the system tells them."""

    address: str
    process: subprocess.Popen[str]
    temporary: Path
    log: Path
    peak: int = 0
    worker_peak: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def watch(self) -> None:
        """Look at the memory until the end; for a thread of its own."""
        while not self.ended.wait(LOOKS_EVERY):
            self.look()

    def look(self) -> None:
        self.peak = max(self.peak, most_resident(self.process.pid))
        self.worker_peak = max([self.worker_peak, *map(most_resident, children(self.process.pid))])


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """Start `python -m demo`, which ends should it ever ask another machine; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        temporary, log = Path(folder) / "temporary", Path(folder) / "log"
        temporary.mkdir()
        command = [sys.executable, "-m", "tests.support.offline", "--device", "cpu", "--port", "0", *options]
        # Into a file: a pipe that nobody reads would stop the app once it is full.
        with (
            log.open("w") as stream,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(temporary)},
            ) as process,
        ):
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while "runs on" not in lines[-1]:
                lines.append(process.stdout.readline())
                if not lines[-1]:
                    raise RuntimeError(f"The app did not start: {log.read_text()}")
            app = Served(lines[0].split()[-1], process, temporary, log)
            watching = threading.Thread(target=app.watch)
            watching.start()
            try:
                yield app
            finally:
                app.ended.set()
                watching.join()
                process.kill()


def most_resident(process: int) -> int:
    """Bytes of memory that a process has held at most; 0 where it has gone, or the system does not say."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


def children(process: int) -> list[int]:
    """The processes that a process has started and that run."""
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:
            continue
    return found
