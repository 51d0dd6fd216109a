"""A light load generator.

`python -m export.benchmark.load ADDRESS queue|route CLIENTS REQUESTS PICTURES FILE…` sends REQUESTS requests
of PICTURES pictures each, taken from the files in turn, and prints a `Load` as JSON.

It runs in a process of its own, and one thread serves all clients on plain sockets: on a machine of few
cores, what the clients cost is taken from the server.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

TIMEOUT: Final = 60.0
BOUNDARY: Final = "a-boundary-between-files"
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"

Exchange = Generator[bytes, bytes, None]
"""Yields HTTP requests and receives the bodies of their responses; together they are one task of a client."""


@dataclass(frozen=True)
class Load:
    """Seconds from the first request to the last answer, and the seconds that each task took."""

    seconds: float
    waits: list[float]


class Client:
    """One kept connection, which does its tasks one after the other."""

    def __init__(self, address: tuple[str, int], tasks: Iterable[Exchange]) -> None:
        self.socket = socket.create_connection(address, TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tasks = iter(tasks)
        self._received = bytearray()
        self.waits: list[float] = []

    def begin(self) -> bool:
        """Send the first request of the next task; return False if there is none."""
        task = next(self._tasks, None)
        if task is None:
            return False
        self._task = task
        self._began = time.perf_counter()
        self.socket.sendall(next(task))
        return True

    def receive(self) -> bool:
        """Read what has arrived and continue; return False once all tasks are done.

        Raises:
            ConnectionError: the server closed the connection, or answered with an error.
        """
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("The server has closed the connection.")
        self._received += data
        body = complete_body(self._received)
        if body is None:
            return True
        self._received.clear()
        try:
            self.socket.sendall(self._task.send(body))
        except StopIteration:
            self.waits.append(time.perf_counter() - self._began)
            return self.begin()
        return True


def complete_body(received: bytearray) -> bytes | None:
    """Return the body of a complete response (chunk sizes included), or None if part of it is missing.

    Raises:
        ConnectionError: the status is not 200.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    if not received.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(bytes(received[:500]).decode("latin-1"))
    length = LENGTH.search(received, 0, end)
    body = bytes(received[end + 4 :])
    if length is None:
        return body if body.endswith(LAST_CHUNK) else None
    return body if len(body) >= int(length[1]) else None


def drive(address: tuple[str, int], tasks: Sequence[Iterable[Exchange]]) -> Load:
    """Run one client per series of tasks, all at once.

    Raises:
        ConnectionError: as `Client.receive`, or nothing arrived for a minute.
    """
    clients = [Client(address, each) for each in tasks]
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.begin()
        busy = len(clients)
        while busy:
            ready = selector.select(TIMEOUT)
            if not ready:
                raise ConnectionError(f"The server sent nothing for {TIMEOUT:g} seconds.")
            for key, _ in ready:
                if not key.data.receive():
                    selector.unregister(key.fileobj)
                    busy -= 1
        seconds = time.perf_counter() - began
    for client in clients:
        client.socket.close()
    return Load(seconds, [wait for client in clients for wait in client.waits])


def request(host: str, path: str, kind: str = "", body: bytes = b"", method: str = "POST") -> bytes:
    """Return the bytes of an HTTP request. kind: its Content-Type."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    head += [f"Content-Type: {kind}"] if kind else []
    return "\r\n".join([*head, "", ""]).encode() + body


def form(files: Sequence[Path]) -> tuple[str, bytes]:
    """Return the Content-Type and the body of a form that holds the files."""
    parts = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{file.name}"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + file.read_bytes()
        + b"\r\n"
        for file in files
    )
    return f"multipart/form-data; boundary={BOUNDARY}", parts + f"--{BOUNDARY}--\r\n".encode()


def by_route(host: str, files: Sequence[Path]) -> Exchange:
    """Ask `POST /v1/check`: one file as the body, several as a form."""
    kind, body = ("image/png", files[0].read_bytes()) if len(files) == 1 else form(files)
    answer = yield request(host, "/v1/check", kind, body)
    expect(answer, b'"error":null', len(files))


def by_queue(host: str, files: Sequence[Path]) -> Exchange:
    """Ask through Gradio's queue: an upload, a call, and the event stream with the answer."""
    paths = json.loads((yield request(host, "/gradio_api/upload", *form(files))))
    uploads = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    name, value = ("check", uploads[0]) if len(files) == 1 else ("check_many", uploads)
    body = json.dumps({"data": [value]}).encode()
    call = yield request(host, f"/gradio_api/call/{name}", "application/json", body)
    event = json.loads(call)["event_id"]
    answer = yield request(host, f"/gradio_api/call/{name}/{event}", method="GET")
    expect(answer, b'"error": null', len(files))


def expect(answer: bytes, part: bytes, times: int) -> None:
    """Raise ConnectionError unless the answer judges as many pictures as were sent."""
    if answer.count(part) != times:
        raise ConnectionError(answer[:500].decode("utf-8", "replace"))


def main() -> None:
    """Run the command in the module's docstring."""
    address, entry, clients, requests, pictures, *names = sys.argv[1:]
    url = urlsplit(address)
    assert url.hostname is not None
    assert url.port is not None
    exchange = {"queue": by_queue, "route": by_route}[entry]
    files = cycle(map(Path, names))
    rows = [list(islice(files, int(pictures))) for _ in range(int(requests))]
    count = int(clients)
    series = [[exchange(url.netloc, row) for row in rows[start::count]] for start in range(count)]
    load = drive((url.hostname, url.port), series)
    print(json.dumps({"seconds": load.seconds, "waits": load.waits}))


if __name__ == "__main__":
    main()
