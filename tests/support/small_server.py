"""A small application behind the app's own bounds, on a free port, and clients that stall."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.bounds.allowance import Allowance
from demo.bounds.connections import Patience
from demo.bounds.crowd import Bounds, Crowd, bound

LARGE = 40 << 20
"""Bytes of an answer that no socket's buffers hold."""


async def quick(_: Request) -> Response:
    """Answers at once."""
    return PlainTextResponse("quick")


async def slow(_: Request) -> Response:
    """Takes a second."""
    await asyncio.sleep(1)
    return PlainTextResponse("slow")


async def endless(_: Request) -> Response:
    """Takes longer than anybody waits."""
    await asyncio.sleep(600)
    return PlainTextResponse("endless")


async def length(request: Request) -> Response:
    """How many bytes were sent."""
    return PlainTextResponse(str(len(await request.body())))


async def large(_: Request) -> Response:
    """An answer of `LARGE` bytes."""
    return Response(bytes(LARGE))


async def full(_: Request) -> Response:
    """Says by itself that it is busy, but not until when."""
    return PlainTextResponse("full", 503)


async def stream(_: Request) -> Response:
    """Events without end."""

    async def events() -> "asyncio.AsyncIterator[str]":  # type: ignore[name-defined]
        while True:
            yield "data: tick\n\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(events(), media_type="text/event-stream")


ROUTES = [
    *(Route(f"/{each.__name__}", each) for each in (quick, slow, endless, large, full, stream)),
    Route("/heartbeat/{page}", stream),
    Route("/length", length, methods=["POST"]),
]


@contextmanager
def small_server(
    bounds: Bounds | None = None,
    patience: Patience | None = None,
    written: Mapping[str, Allowance] | None = None,
) -> Iterator[tuple[tuple[str, int], Crowd]]:
    """Its address, and the bound of its requests."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        config = uvicorn.Config(Starlette(routes=ROUTES), lifespan="off", log_level="critical")
        crowd = bound(config, bounds, patience, written)
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=[[listening]])
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield listening.getsockname(), crowd
        finally:
            server.should_exit = True
            thread.join()


def ask(address: tuple[str, int], path: str, body: bytes | None = None) -> str:
    """Everything that one request is answered, as text; ConnectionError where it is reset."""
    with closing(begin(address, path, body)) as connection:
        return rest(connection)


def begin(address: tuple[str, int], path: str, body: bytes | None = None) -> socket.socket:
    """A connection on which a request was sent."""
    method = "GET" if body is None else "POST"
    head = f"{method} /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += "" if body is None else f"Content-Length: {len(body)}\r\n"
    return send(address, head.encode() + b"\r\n" + (body or b""))


def send(address: tuple[str, int], content: bytes) -> socket.socket:
    """A connection on which something was sent."""
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(content)
    return connection


def rest(connection: socket.socket) -> str:
    """What comes until the other end closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts).decode("latin-1")


def seconds_to_close(connection: socket.socket) -> float:
    """How long the other end keeps a connection open, whichever way it ends."""
    began = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - began
