"""A bound on the requests of all clients together: what is too much is told so at once (503, `Retry-After`).

A request takes a place once its body has come: those that come slowly keep nobody out. An event stream, which
stays open as long as its page, gives its place back; streams have bounds of their own, those of pages and
those of answers, together below that of connections, so that they leave room. What all bodies on their way
hold together has one, too.
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

PAGE: Final = "/heartbeat/"
"""What the path of the stream has in it that lasts as long as a page is open."""

LARGE: Final = 1 << 20
PIECE: Final = 1 << 18
"""Bytes of an answer that are given to the connection at once."""


@dataclass(frozen=True)
class Bounds:
    """requests: being answered at once. pages: streams of open pages. streams: those that bring answers.
    large: answers of more than a megabyte at once, which lie in memory until they are read.

    held: bytes of bodies in memory, from the first that comes to the end of its request, beside the first
    `small` of each, so that large ones that come slowly keep no small one out. settling: seconds after which
    a body on its way may be let go of for others. pause: seconds in which nothing of a body comes. body:
    seconds from a request's head to its body's end.
    """

    requests: int = 500
    pages: int = 500
    streams: int = 400
    large: int = 16
    held: int = 96 << 20
    small: int = 64 << 10
    settling: float = 3.0
    pause: float = 15.0
    body: float = 125.0


class Crowd:
    """An ASGI application around another one, for one event loop.

    written: by their paths, what bodies may take that go to the disk and not into memory.
    ending: whether nothing new is begun. requests, pages, streams, large: as many as are being answered.
    sending: those whose bodies are on their way in memory, and not small. last: when one was answered, by
    `time.monotonic`.
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
        self.pages = 0
        self.streams = 0
        self.large = 0
        self.sending: set[Visit] = set()
        self.last = time.monotonic()

    def make_room(self) -> None:
        """Let go of the body that has been on its way longest, if that is long enough."""
        longest = min(self.sending, key=lambda visit: visit.began, default=None)
        if longest and asyncio.get_running_loop().time() - longest.began > self._bounds.settling:
            longest.put_out()

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
            # Whatever a proxy has put before it.
            disk = next((each for path, each in self._written.items() if scope["path"].endswith(path)), None)
            if disk is None:
                body = Body(self._memory, self._bounds.small, Refusal(503, TOO_MUCH), in_memory=True)
            else:
                body = Body(disk, 0, Refusal(503, NO_ROOM, ROOM_AFTER), in_memory=False)
            await Visit(self, self._bounds, body, receive, send).answer(self._app, scope)


@dataclass(frozen=True)
class Refusal:
    """What a request is answered in the app's place. again: seconds until it may be sent again."""

    status: int
    sentence: str
    again: str = RETRY_AFTER


class Body:
    """What has come of a body, and counts. small: bytes that do not. full: said where it is too much."""

    def __init__(self, allowance: Allowance, small: int, full: Refusal, in_memory: bool) -> None:
        self._allowance = allowance
        self._small = small
        self._size = 0
        self.full = full
        self.in_memory = in_memory

    @property
    def held(self) -> int:
        """Bytes that count."""
        return max(0, self._size - self._small)

    def take(self, size: int) -> bool:
        """Count what has come; False, and nothing is counted, where it is too much."""
        held = self.held
        self._size += size
        if self._allowance.take(self.held - held):
            return True
        self._size -= size
        return False

    def give(self) -> None:
        """Count it no longer."""
        self._allowance.give(self.held)
        self._size = 0


class Visit:
    """One request on its way through the crowd. began: when, by the loop's clock."""

    def __init__(self, crowd: Crowd, bounds: Bounds, body: Body, receive: Receive, send: Send) -> None:
        self._crowd = crowd
        self._bounds = bounds
        self._body = body
        self._receive = receive
        self._send = send
        self.began = asyncio.get_running_loop().time()
        self._waits: asyncio.Timeout | None = None
        self._more_body = True
        self._stream = "streams"
        self._place = ""
        self._started = False
        self._refusal: Refusal | None = None

    async def answer(self, app: ASGIApp, scope: Scope) -> None:
        """Have the app answer, or say why it may not."""
        if PAGE in scope["path"]:
            self._stream = "pages"
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
            if self._place != self._stream:
                self._crowd.last = time.monotonic()
            self._take("")
            self._crowd.sending.discard(self)
            self._body.give()
        if self._refusal is not None and not self._started:
            await refuse(self._send, self._refusal)

    def _take(self, place: str) -> None:
        """Be counted as `requests`, `pages`, `streams` or `large`, or as none."""
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
        until = min(asyncio.get_running_loop().time() + self._bounds.pause, self.began + self._bounds.body)
        try:
            async with asyncio.timeout_at(until) as self._waits:
                message = await self._receive()
        except TimeoutError:
            return self._leave(self._refusal or Refusal(408, TOO_SLOW))
        finally:
            self._waits = None
        if not self._body.take(len(message.get("body", b""))):
            if self._body.in_memory:
                self._crowd.make_room()
            return self._leave(self._body.full)
        self._more_body = bool(message.get("more_body", False))
        if self._body.in_memory and self._body.held and self._more_body:
            self._crowd.sending.add(self)
        else:
            self._crowd.sending.discard(self)
        if not self._more_body and not self._place and message["type"] == "http.request":
            if self._crowd.requests >= self._bounds.requests:
                return self._leave(Refusal(503, TOO_MANY))
            self._take("requests")
        return message

    def put_out(self) -> None:
        """Let go of a body that is on its way."""
        self._refusal = self._body.full
        self._crowd.sending.discard(self)
        if self._waits is not None:
            self._waits.reschedule(self.began)

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
                self._move(self._stream, getattr(self._bounds, self._stream))
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
