"""Servers in processes of their own, for clients to ask."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.benchmark.processes import KNOWN, children, processor_seconds
from export.errors import ExportError

ROOT: Final = Path(__file__).parent.parent.parent
"""Where the project's commands are run."""


@dataclass(frozen=True)
class Server:
    """A server that runs. address: with a slash at its end."""

    address: str
    pid: int

    def processor_seconds(self) -> float:
        """What it and its decoders have taken so far; 0 where the system does not tell."""
        if not KNOWN:
            return 0.0
        spent = 0.0
        for process in (self.pid, *children(self.pid)):
            # A decoder may end in between.
            with suppress(OSError):
                spent += processor_seconds(process)
        return spent


@contextmanager
def served(command: Sequence[str], **environment: str) -> Iterator[Server]:
    """A module as a server in a process of its own, once it says that it serves; it ends afterwards.

    environment: what its environment has beside this process's.

    Raises:
        ExportError: it did not start.
    """
    with (
        tempfile.TemporaryDirectory() as temporary,
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # What is uploaded lies there; killed, a server cannot clear it away itself.
            env=os.environ | {"TMPDIR": temporary} | environment,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = None
            # The last line says which device runs.
            while "runs on" not in (line := process.stdout.readline()):
                if not line:
                    told = process.stderr.read().strip().rpartition("\n")[2]
                    raise ExportError(
                        f"The server {command[0]} did not start ({told}); start it by hand to see."
                    )
                address = address or line.split()[-1]
            assert address is not None
            yield Server(address, process.pid)
        finally:
            process.kill()
