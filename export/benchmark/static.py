"""A local web server for a folder, for pages that are measured or tested."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple


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
