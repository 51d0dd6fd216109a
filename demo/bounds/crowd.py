"""A bound on the requests of all clients together: what is too much is told so at once (503, `Retry-After`).

A request takes a place once its body has come: those that come slowly keep nobody out. An event stream, which
stays open as long as its page, gives its place back; streams have a bound of their own, below that of
connections, so that they leave room. What all bodies on their way hold together has one, too.
"""

import asyncio
import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.bounds.allowance import Allowance
from demo.bounds.connections import Patience, PatientProtocol, Places, patience_here

TOO_MANY: Final = "Too many ask here at once; try again in a few seconds."
TOO_SLOW: Final = "The request's body came too slowly; send it again, or send less."
TOO_MUCH: Final = "More is being sent here than can be held; try again in a few seconds."
NO_ROOM: Final = "As much is uploaded here as can be kept; try again in some minutes."
ENDING: Final = "The app is being stopped; try again in a moment."
RETRY_AFTER: Final = "2"
ROOM_AFTER: Final = "60"
"""Seconds, in which the folder of uploads is looked at twice."""

LARGE: Final = 1 << 20
PIECE: Final = 1 << 18
"""Bytes of an answer that are given to the connection at once."""


@dataclass(frozen=True)
class Bounds:
    """requests: being answered at once. streams: event streams at once. large: answers of more than
    a megabyte at once, which lie in memory until they are read.

    held: bytes of bodies in memory, from the first that comes to the end of its request. pause: seconds in
    which nothing of a body comes. body: seconds from a request's head to its body's end.
    """

    requests: int = 500
    streams: int = 600
    large: int = 16
    held: int = 128 << 20
    pause: float = 15.0
    body: float = 125.0


class Crowd:
    """An ASGI application around another one, for one event loop.

    written: by their paths, what bodies may take that go to the disk and not into memory.
    ending: whether nothing new is begun. requests, streams, large: as many as are being answered. last: when
    one was, by `time.monotonic`.
    """

    def __init__(
        self, app: ASGIApp, bounds: Bounds | None = None, written: Mapping[str, Allowance] | None = None
    ) -> None:
        self._app = app
        self._bounds = bounds or Bounds()
        self._memory = Allowance(self._bounds.held)
        self._written = written or {}
        self.ending = False
        self.requests = 0
        self.streams = 0
        self.large = 0
        self.last = time.monotonic()

    def end(self) -> None:
        """From now on begin nothing new: what only fetches the rest of something (GET) is still answered."""
        self.ending = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self.ending and scope["method"] not in ("GET", "HEAD"):
            await refuse(send, Refusal(503, ENDING))
        elif self.requests >= self._bounds.requests:
            await refuse(send, Refusal(503, TOO_MANY))
        else:
            disk = self._written.get(scope["path"].removeprefix(scope.get("root_path", "")))
            full = Refusal(503, TOO_MUCH) if disk is None else Refusal(503, NO_ROOM, ROOM_AFTER)
            visit = Visit(self, self._bounds, disk or self._memory, full, receive, send)
            await visit.answer(self._app, scope)


@dataclass(frozen=True)
class Refusal:
    """What a request is answered in the app's place. again: seconds until it may be sent again."""

    status: int
    sentence: str
    again: str = RETRY_AFTER


class Visit:
    """One request on its way through the crowd. allowance: for its body. full: said where it is too much."""

    def __init__(
        self, crowd: Crowd, bounds: Bounds, allowance: Allowance, full: Refusal, receive: Receive, send: Send
    ) -> None:
        self._crowd = crowd
        self._bounds = bounds
        self._allowance = allowance
        self._full = full
        self._held = 0
        self._receive = receive
        self._send = send
        self._body_ends = asyncio.get_running_loop().time() + bounds.body
        self._more_body = True
        self._place = ""
        self._started = False
        self._refusal: Refusal | None = None

    async def answer(self, app: ASGIApp, scope: Scope) -> None:
        """Have the app answer, or say why it may not."""
        sent = {name for name, _ in scope["headers"]}
        if not sent & {b"content-length", b"transfer-encoding"}:
            self._take("requests")
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            # The app was told that whoever asked has gone: what it makes of that is of no interest.
            if self._refusal is None:
                raise
        except asyncio.CancelledError:
            # The server ends, and waits no longer for what is still at work.
            if not self._crowd.ending or self._started:
                raise
            self._refusal = Refusal(503, ENDING)
        finally:
            if self._place != "streams":
                self._crowd.last = time.monotonic()
            self._take("")
            self._allowance.give(self._held)
        if self._refusal is not None and not self._started:
            await refuse(self._send, self._refusal)

    def _take(self, place: str) -> None:
        """Be counted as `requests`, `streams` or `large`, or as none."""
        for each, change in ((self._place, -1), (place, 1)):
            if each:
                setattr(self._crowd, each, getattr(self._crowd, each) + change)
        self._place = place

    def _move(self, place: str, most: int) -> None:
        """Give the place of a request back for another; OSError, as if the asker had gone, if none is."""
        if getattr(self._crowd, place) >= most:
            self._refusal = Refusal(503, TOO_MANY)
            raise OSError(TOO_MANY)
        self._take(place)

    async def receive(self) -> Message:
        """The next part of the body, within the time for it."""
        if self._refusal is not None:
            return {"type": "http.disconnect"}
        if not self._more_body:
            return await self._receive()
        until = min(asyncio.get_running_loop().time() + self._bounds.pause, self._body_ends)
        try:
            async with asyncio.timeout_at(until):
                message = await self._receive()
        except TimeoutError:
            return self._leave(Refusal(408, TOO_SLOW))
        size = len(message.get("body", b""))
        if not self._allowance.take(size):
            return self._leave(self._full)
        self._held += size
        self._more_body = bool(message.get("more_body", False))
        if not self._more_body and not self._place and message["type"] == "http.request":
            if self._crowd.requests >= self._bounds.requests:
                return self._leave(Refusal(503, TOO_MANY))
            self._take("requests")
        return message

    def _leave(self, refusal: Refusal) -> Message:
        """What the app is told in place of the rest of a body, so that it lets go of what it has."""
        self._refusal = refusal
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Hand on a part of the answer; where that begins a stream too many, nothing of it."""
        if self._refusal is not None:
            return
        if message["type"] == "http.response.start":
            headers = dict(message.get("headers", ()))
            if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                self._move("streams", self._bounds.streams)
            elif int(headers.get(b"content-length", 0)) > LARGE:
                self._move("large", self._bounds.large)
            if message["status"] == 503 and b"retry-after" not in headers:
                again = (b"retry-after", RETRY_AFTER.encode())
                message = {**message, "headers": [*message.get("headers", ()), again]}
            self._started = True
        body = memoryview(message.get("body", b""))
        # Given whole, it would be held once more for whoever does not read it.
        while len(body) > PIECE:
            await self._send({"type": "http.response.body", "body": bytes(body[:PIECE]), "more_body": True})
            body = body[PIECE:]
            message = {**message, "body": bytes(body) if len(body) <= PIECE else b""}
        await self._send(message)


async def refuse(send: Send, refusal: Refusal) -> None:
    """Answer with a sentence; 408 also ends the connection, on which the rest of a body may still come."""
    body = json.dumps({"error": refusal.sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    over = refusal.status == 408
    headers.append((b"connection", b"close") if over else (b"retry-after", refusal.again.encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bound(
    config: uvicorn.Config,
    bounds: Bounds | None = None,
    patience: Patience | None = None,
    written: Mapping[str, Allowance] | None = None,
) -> Crowd:
    """Have a server's connections and requests bounded from now on; the bound of requests. See `Crowd`."""
    if not config.loaded:
        config.load()
    crowd = Crowd(config.loaded_app, bounds, written)
    config.loaded_app = crowd
    protocol = functools.partial(PatientProtocol, Places(patience or patience_here()))
    config.http_protocol_class = cast(type[PatientProtocol], protocol)
    return crowd
