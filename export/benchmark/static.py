"""A local web server for a folder, for pages that are measured or tested."""

import functools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple


class Served(NamedTuple):
    """A served folder: its URL, and the paths that have been requested so far."""

    address: str
    asked: list[str]


@contextmanager
def serving(folder: Path, headers: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve a folder on a free port of 127.0.0.1. headers: added to every response."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

        def end_headers(self) -> None:
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
