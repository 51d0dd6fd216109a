"""Clients that keep a server busy, in a process of their own: `python -m export.benchmark.load`.

One thread serves all of them on bare sockets: what a client costs is taken from the server.
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

Talk = Generator[bytes, bytes, None]
"""Yields requests and is sent the bodies of their responses; what it does is one task of a client."""


@dataclass(frozen=True)
class Load:
    """What clients had to wait, in seconds: from the first request to the last answer, and for each task."""

    seconds: float
    waits: list[float]


class Client:
    """One connection that is kept, and the tasks on it, one after the other."""

    def __init__(self, address: tuple[str, int], tasks: Iterable[Talk]) -> None:
        self.socket = socket.create_connection(address, TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tasks = iter(tasks)
        self._received = bytearray()
        self.waits: list[float] = []

    def begin(self) -> bool:
        """Send the next task's first request; False where there is none left."""
        task = next(self._tasks, None)
        if task is None:
            return False
        self._task = task
        self._began = time.perf_counter()
        self.socket.sendall(next(task))
        return True

    def receive(self) -> bool:
        """Take what has come, and go on; False once all is done."""
        came = self.socket.recv(1 << 18)
        if not came:
            raise ConnectionError("The server has closed the connection.")
        self._received += came
        body = whole_body(self._received)
        if body is None:
            return True
        self._received.clear()
        try:
            self.socket.sendall(self._task.send(body))
        except StopIteration:
            self.waits.append(time.perf_counter() - self._began)
            return self.begin()
        return True


def whole_body(received: bytearray) -> bytes | None:
    """The body of a response that has come as a whole, with its chunks' sizes if it has chunks; else None.

    Raises:
        ConnectionError: the response is not of success.
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


def drive(address: tuple[str, int], tasks: Sequence[Iterable[Talk]]) -> Load:
    """As many clients as there are series of tasks, all at once."""
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
                raise ConnectionError(f"Nothing came from the server for {TIMEOUT:g} seconds.")
            for key, _ in ready:
                if not key.data.receive():
                    selector.unregister(key.fileobj)
                    busy -= 1
        seconds = time.perf_counter() - began
    for client in clients:
        client.socket.close()
    return Load(seconds, [wait for client in clients for wait in client.waits])


def request(host: str, path: str, kind: str = "", body: bytes = b"", method: str = "POST") -> bytes:
    """A request's bytes."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    head += [f"Content-Type: {kind}"] if kind else []
    return "\r\n".join([*head, "", ""]).encode() + body


def form(files: Sequence[Path]) -> tuple[str, bytes]:
    """A form's Content-Type and body."""
    parts = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{file.name}"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + file.read_bytes()
        + b"\r\n"
        for file in files
    )
    return f"multipart/form-data; boundary={BOUNDARY}", parts + f"--{BOUNDARY}--\r\n".encode()


def by_route(host: str, files: Sequence[Path]) -> Talk:
    """`POST /v1/check`: one file as the body, several as a form."""
    kind, body = ("image/png", files[0].read_bytes()) if len(files) == 1 else form(files)
    answer = yield request(host, "/v1/check", kind, body)
    expect(answer, b'"error":null', len(files))


def by_queue(host: str, files: Sequence[Path]) -> Talk:
    """Gradio's way: upload, call, and the stream of events with the answer."""
    paths = json.loads((yield request(host, "/gradio_api/upload", *form(files))))
    named = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    call, value = ("check", named[0]) if len(files) == 1 else ("check_many", named)
    body = json.dumps({"data": [value]}).encode()
    asked = yield request(host, f"/gradio_api/call/{call}", "application/json", body)
    event = json.loads(asked)["event_id"]
    answer = yield request(host, f"/gradio_api/call/{call}/{event}", method="GET")
    expect(answer, b'"error": null', len(files))


def expect(answer: bytes, part: bytes, times: int) -> None:
    """Raises ConnectionError where an answer does not judge as many pictures as were sent."""
    if answer.count(part) != times:
        raise ConnectionError(answer[:500].decode("utf-8", "replace"))


def main() -> None:
    """Arguments: address, `queue` or `route`, clients, tasks in all, files a task, and the files in turn.

    Prints a load as JSON.
    """
    address, door, clients, tasks, together, *names = sys.argv[1:]
    url = urlsplit(address)
    assert url.hostname is not None
    assert url.port is not None
    talk = by_queue if door == "queue" else by_route
    files = cycle(map(Path, names))
    rows = [list(islice(files, int(together))) for _ in range(int(tasks))]
    series = [[talk(url.netloc, row) for row in rows[start :: int(clients)]] for start in range(int(clients))]
    load = drive((url.hostname, url.port), series)
    print(json.dumps({"seconds": load.seconds, "waits": load.waits}))


if __name__ == "__main__":
    main()
