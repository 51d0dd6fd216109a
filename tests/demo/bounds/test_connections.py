"""Clients that stall or do not read: they are closed in time, and keep nobody out."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from demo.bounds import connections
from demo.bounds.connections import BUSY, Patience, forget_vanished, open_files, patience_here
from tests.support.small_server import LARGE, ask, begin, rest, seconds_to_close, send, small_server

SHORT = Patience(most=20, head=0.8, reading=0.8, settling=0.3)
HEAD = b"GET /quick HTTP/1.1\r\nHost: x\r\n"

STALLING = {
    "silent": b"",
    "half a head": HEAD,
    "half a body": b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
}


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with small_server(patience=SHORT) as (address, _):
        yield address


@pytest.mark.parametrize("content", [b"", HEAD, HEAD + b"\r\n" + HEAD])
def test_who_does_not_end_a_head_is_closed(address: tuple[str, int], content: bytes) -> None:
    with closing(send(address, content)) as connection:
        assert 0.5 < seconds_to_close(connection) < 5


def test_a_head_that_comes_slowly_but_in_time_is_answered(address: tuple[str, int]) -> None:
    with closing(send(address, HEAD)) as connection:
        time.sleep(0.4)
        connection.sendall(b"Connection: close\r\n\r\n")
        assert rest(connection).endswith("quick")


def test_a_head_that_drips_is_closed_all_the_same(address: tuple[str, int]) -> None:
    with closing(send(address, HEAD)) as connection, pytest.raises(ConnectionError):  # noqa: PT012
        for _ in range(50):
            connection.sendall(b"x-more: 1\r\n")
            time.sleep(0.1)


def test_who_does_not_read_is_closed_and_who_reads_slowly_is_not(address: tuple[str, int]) -> None:
    with closing(begin(address, "large")) as stuck, closing(begin(address, "large")) as reading:
        received = 0
        until = time.monotonic() + 2
        while time.monotonic() < until:
            received += len(reading.recv(1 << 20))
            time.sleep(0.05)
        received += len(rest(reading))
        assert received > LARGE
        assert len(rest(stuck)) < LARGE


@pytest.mark.parametrize("way", STALLING)
def test_stalling_connections_make_room_for_others(way: str) -> None:
    # Far longer than this test: nobody is closed but to make room.
    patience = Patience(most=20, head=60, reading=60, settling=0.3)
    with small_server(patience=patience) as (address, _), ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(closing(send(address, STALLING[way])))
        time.sleep(0.5)
        began = time.monotonic()
        assert all(ask(address, "quick").endswith("quick") for _ in range(10))
        assert time.monotonic() - began < 5


def test_where_all_are_answered_a_new_one_is_told_and_not_reset() -> None:
    with small_server(patience=Patience(most=5)) as (address, _), ExitStack() as stack:
        at_work = [stack.enter_context(closing(begin(address, "slow"))) for _ in range(5)]
        time.sleep(0.2)
        told = [ask(address, "length", bytes(100_000)) for _ in range(3)]
        assert [each[-len(BUSY) :] for each in told] == [BUSY] * 3
        assert all("\r\nretry-after: 5\r\n" in each for each in told)
        assert all(rest(each).endswith("slow") for each in at_work)


def test_many_newcomers_look_seldom_at_who_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = connections.longest_stalling

    def counted(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return look(*arguments)

    monkeypatch.setattr(connections, "longest_stalling", counted)
    patience = Patience(most=100, head=60, reading=60, settling=1)
    with small_server(patience=patience) as (address, _), ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(closing(send(address, HEAD)))
        assert all(ask(address, "quick").endswith(BUSY) for _ in range(50))
        assert looks == 1
        time.sleep(1.2)
        # Each look makes room for more than one.
        assert all(ask(address, "quick").endswith("quick") for _ in range(50))
        assert looks == 2


def test_the_system_watches_for_clients_that_vanish(address: tuple[str, int]) -> None:
    async def watched() -> bool:
        _, writer = await asyncio.open_connection(*address)
        forget_vanished(writer.transport)
        connection = writer.get_extra_info("socket")
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        writer.close()
        await writer.wait_closed()
        return bool(found)

    assert asyncio.run(watched())


def test_there_are_files_enough_for_the_connections() -> None:
    assert open_files(64) == 64
    assert 0 < patience_here(200).most <= 200
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
            assert open_files(300) == min(300, hard)
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(300, hard)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
