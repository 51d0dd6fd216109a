"""A light load generator: `python -m export.benchmark.load ADDRESS queue|route CLIENTS REQUESTS FILE…`.

It sends REQUESTS pictures, taken from the files in turn, one per request. It prints JSON: the seconds from
the first request to the last answer, and those that each request took.

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
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
FORM: Final = "multipart/form-data; boundary=between"
BEFORE: Final = (
    b'--between\r\nContent-Disposition: form-data; name="files"; filename="digit.png"\r\n'
    b"Content-Type: image/png\r\n\r\n"
)
AFTER: Final = b"\r\n--between--\r\n"


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
        content = await (
            self._reader.readexactly(int(length[1])) if length else self._reader.readuntil(b"\r\n0\r\n\r\n")
        )
        if not answered.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(f"{answered.decode('latin-1')}{content[:500].decode('latin-1')}")
        return content


async def by_route(client: Client, picture: bytes) -> bytes:
    """Ask `POST /v1/check`; return the answer."""
    return await client.send("/v1/check", "image/png", picture)


async def by_queue(client: Client, picture: bytes) -> bytes:
    """Ask through Gradio's queue: an upload, a call, and the event stream with the answer."""
    (path,) = json.loads(await client.send("/gradio_api/upload", FORM, BEFORE + picture + AFTER))
    body = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}).encode()
    call = await client.send("/gradio_api/call/check", "application/json", body)
    return await client.send(f"/gradio_api/call/check/{json.loads(call)['event_id']}", method="GET")


async def drive(
    address: str, ask: Callable[[Client, bytes], Awaitable[bytes]], pictures: Sequence[bytes], clients: int
) -> tuple[float, list[float]]:
    """Share the pictures among clients; return the seconds in all, and those that each took.

    Raises:
        ConnectionError: a picture was not judged. TimeoutError: one took over a minute.
    """
    url = urlsplit(address)
    connections = [await asyncio.open_connection(url.hostname, url.port) for _ in range(clients)]
    waits: list[float] = []

    async def run(client: Client, own: Sequence[bytes]) -> None:
        for picture in own:
            sent = time.perf_counter()
            answer = await asyncio.wait_for(ask(client, picture), TIMEOUT)
            waits.append(time.perf_counter() - sent)
            if not re.search(rb'"error": ?null', answer):
                raise ConnectionError(answer[:500].decode("utf-8", "replace"))

    began = time.perf_counter()
    await asyncio.gather(
        *(run(Client(url.netloc, *each), pictures[start::clients]) for start, each in enumerate(connections))
    )
    seconds = time.perf_counter() - began
    for _, writer in connections:
        writer.close()
    return seconds, waits


def main() -> None:
    """Run the command in the module's docstring."""
    address, entry, clients, requests, *files = sys.argv[1:]
    pictures = list(islice(cycle(Path(file).read_bytes() for file in files), int(requests)))
    ask = {"queue": by_queue, "route": by_route}[entry]
    seconds, waits = asyncio.run(drive(address, ask, pictures, int(clients)))
    print(json.dumps({"seconds": seconds, "waits": waits}))


if __name__ == "__main__":
    main()
