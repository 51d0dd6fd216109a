"""A light load generator.

`python -m export.benchmark.load ADDRESS queue|route CLIENTS REQUESTS PICTURES FILE…` sends REQUESTS requests
of PICTURES pictures each, taken from the files in turn. It prints JSON: the seconds from the first request to
the last answer, and those that each request took.

It runs in a process of its own, on plain sockets: on a machine of few cores, what the clients cost is taken
from the server.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

TIMEOUT: Final = 60.0
BOUNDARY: Final = "a-boundary-between-files"
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Client:
    """One kept connection."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    async def send(self, path: str, kind: str = "", body: bytes = b"", method: str = "POST") -> bytes:
        """Send a request and return the body of the response, chunk sizes included. kind: its Content-Type.

        Raises:
            ConnectionError: the server did not answer with 200.
        """
        head = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body)}"]
        head += [f"Content-Type: {kind}"] if kind else []
        self._writer.write("\r\n".join([*head, "", ""]).encode() + body)
        answered = await self._reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(answered)
        answer = (
            self._reader.readexactly(int(length[1])) if length else self._reader.readuntil(b"\r\n0\r\n\r\n")
        )
        content = await answer
        if not answered.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(f"{answered.decode('latin-1')}{content[:500].decode('latin-1')}")
        return content


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


async def by_route(client: Client, files: Sequence[Path]) -> None:
    """Ask `POST /v1/check`: one file as the body, several as a form."""
    kind, body = ("image/png", files[0].read_bytes()) if len(files) == 1 else form(files)
    expect(await client.send("/v1/check", kind, body), b'"error":null', len(files))


async def by_queue(client: Client, files: Sequence[Path]) -> None:
    """Ask through Gradio's queue: an upload, a call, and the event stream with the answer."""
    paths = json.loads(await client.send("/gradio_api/upload", *form(files)))
    uploads = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    name, value = ("check", uploads[0]) if len(files) == 1 else ("check_many", uploads)
    body = json.dumps({"data": [value]}).encode()
    call = await client.send(f"/gradio_api/call/{name}", "application/json", body)
    event = json.loads(call)["event_id"]
    answer = await client.send(f"/gradio_api/call/{name}/{event}", method="GET")
    expect(answer, b'"error": null', len(files))


def expect(answer: bytes, part: bytes, times: int) -> None:
    """Raise ConnectionError unless the answer judges as many pictures as were sent."""
    if answer.count(part) != times:
        raise ConnectionError(answer[:500].decode("utf-8", "replace"))


async def drive(
    address: str,
    ask: Callable[[Client, Sequence[Path]], Awaitable[None]],
    rows: Sequence[Sequence[Path]],
    count: int,
) -> tuple[float, list[float]]:
    """Share the requests among `count` clients; return the seconds in all, and those that each took.

    Raises:
        ConnectionError: a request was not answered with verdicts. TimeoutError: one took over a minute.
    """
    url = urlsplit(address)
    connections = [await asyncio.open_connection(url.hostname, url.port, limit=1 << 24) for _ in range(count)]
    waits: list[float] = []

    async def run(client: Client, own: Sequence[Sequence[Path]]) -> None:
        for row in own:
            sent = time.perf_counter()
            await asyncio.wait_for(ask(client, row), TIMEOUT)
            waits.append(time.perf_counter() - sent)

    began = time.perf_counter()
    await asyncio.gather(
        *(run(Client(url.netloc, *each), rows[start::count]) for start, each in enumerate(connections))
    )
    seconds = time.perf_counter() - began
    for _, writer in connections:
        writer.close()
    return seconds, waits


def main() -> None:
    """Run the command in the module's docstring."""
    address, entry, clients, requests, pictures, *names = sys.argv[1:]
    files = cycle(map(Path, names))
    rows = [list(islice(files, int(pictures))) for _ in range(int(requests))]
    ask = {"queue": by_queue, "route": by_route}[entry]
    seconds, waits = asyncio.run(drive(address, ask, rows, int(clients)))
    print(json.dumps({"seconds": seconds, "waits": waits}))


if __name__ == "__main__":
    main()
