"""Local servers that are measured or tested: the app in a process of its own, and a folder of files."""

import functools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from export.benchmark.harness import ROOT
from export.errors import ExportError


class Server(NamedTuple):
    """A running server. lines: what it printed until it was ready; the first ends with its address."""

    lines: list[str]
    pid: int

    @property
    def address(self) -> str:
        """Its URL, ending in a slash."""
        return self.lines[0].split()[-1]


@contextmanager
def running(command: Sequence[str], checkout: Path = ROOT, **environment: str) -> Iterator[Server]:
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


class Served(NamedTuple):
    """A served folder: its URL, and the paths that have been requested so far."""

    address: str
    asked: list[str]


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder on a free port of 127.0.0.1."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
