"""Connections of clients that are slow, stall, or do not read, bounded in number and in time.

uvicorn itself waits for a request's head, and for whoever does not read an answer, as long as it takes.
"""

import asyncio
import contextlib
import heapq
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

BUSY: Final = "Too many are connected here; try again in a few seconds."
RETRY_AFTER: Final = 5
"""Seconds, when the time for a head is half over and some who stall are gone."""

_BUSY_ANSWER: Final = (
    f"HTTP/1.1 503 Service Unavailable\r\nretry-after: {RETRY_AFTER}\r\nconnection: close\r\n"
    f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(BUSY)}\r\n\r\n{BUSY}"
).encode("ascii")


@dataclass(frozen=True)
class Patience:
    """How much is waited for. most: connections; above, who stalls longest makes room, or a new one is told.

    head: seconds to the end of a request's head. reading: seconds in which nothing of an answer is taken.
    settling: seconds of silence before a connection may be closed for another one; whose request takes longer
    than `head` may be, too.
    """

    most: int = 1000
    head: float = 10.0
    reading: float = 30.0
    settling: float = 3.0


class Places:
    """The places of a server's connections; for one event loop."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._refused: set[PatientProtocol] = set()
        self._none_before = 0.0

    def find(self, new: "PatientProtocol", now: float) -> bool:
        """Whether a connection may stay: there is room, or those that stall longest make some."""
        most, settling = self.patience.most, self.patience.settling
        if len(new.connections) - len(self._refused) <= most:
            return True
        # Since when one stalls becomes no earlier: until then looking at all of them again finds nobody.
        if now >= self._none_before:
            longest = longest_stalling(new.connections - self._refused - {new}, max(1, most // 50))
            settled = [each for since, each in longest if since < now - settling]
            if settled:
                for each in settled:
                    each.transport.abort()
                    new.connections.discard(each)
                return True
            self._none_before = (longest[0][0] if longest else now) + settling
        self._refused.add(new)
        return False

    def leave(self, connection: "PatientProtocol") -> None:
        """Forget one that is closed."""
        self._refused.discard(connection)

    def is_refused(self, connection: "PatientProtocol") -> bool:
        """Whether one was told that there is no room."""
        return connection in self._refused


def longest_stalling(connections: Collection[Any], count: int) -> list[tuple[float, "PatientProtocol"]]:
    """Of some connections those that stall longest, each after since when."""
    stalling = (
        (each.stalls_since, each)
        for each in connections
        if isinstance(each, PatientProtocol) and each.stalls_since is not None
    )
    return heapq.nsmallest(count, stalling, key=lambda each: each[0])


class PatientProtocol(H11Protocol):
    """uvicorn's own protocol, with bounds."""

    def __init__(self, places: Places, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._places = places
        self._patience = places.patience
        self._waits_since = self._heard_at = self.loop.time()
        self._unsent = 0
        self._taken_at = self._waits_since
        self._watching: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, make room for it, or say that there is none."""
        super().connection_made(transport)
        forget_vanished(transport)
        self._watch()
        if not self._places.find(self, self.loop.time()):
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._watching is not None:
            self._watching.cancel()
        self._places.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what was sent, unless the connection is refused."""
        self._heard_at = self.loop.time()
        if not self._places.is_refused(self):
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request from now on."""
        self._waits_since = self.loop.time()
        super().on_response_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: whoever asks for another protocol is answered in this one, and fills no log."""

    @property
    def asks_nothing(self) -> bool:
        """Whether no request has come, or none after the last answer."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def stalls_since(self) -> float | None:
        """Since when, by the loop's clock, there is nothing but waiting for this client; None while it is
        answered.
        """
        if self._unsent:
            return self._taken_at
        if self.asks_nothing:
            return self._waits_since
        if self.cycle.more_body:
            return min(self._heard_at, self._waits_since + self._patience.head)
        return None

    def _watch(self) -> None:
        now = self.loop.time()
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._taken_at = unsent, now
        if unsent:
            # Also of one that is closed already: the system would wait for its client for ever.
            overdue = now - self._taken_at > self._patience.reading
            self._waits_since = now
        else:
            overdue = self.asks_nothing and now - self._waits_since > self._patience.head
        if overdue:
            self.transport.abort()
        else:
            shortest = min(self._patience.head, self._patience.reading)
            self._watching = self.loop.call_later(shortest / 4, self._watch)

    def _refuse(self) -> None:
        self.transport.write(_BUSY_ANSWER)
        # Closed at once, with a request on its way, it would be reset before the answer is read.
        self.transport.write_eof()
        self._waits_since -= self._patience.head - self._patience.settling
        if len(self.connections) > 2 * self._patience.most:
            self.transport.abort()


def forget_vanished(transport: asyncio.BaseTransport) -> None:
    """Have the system notice, within minutes, that a client has gone without a word."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family == getattr(socket, "AF_UNIX", None):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def patience_here(most: int = Patience.most) -> Patience:
    """As many connections as this process may open files for: half of them, the others are files'."""
    return Patience(most=min(most, open_files(2 * most + 200) // 2))


def open_files(wanted: int) -> int:
    """How many files and connections this process may have open; raised up to `wanted` where it is less."""
    try:
        import resource
    except ImportError:  # Windows, where connections are no files
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
