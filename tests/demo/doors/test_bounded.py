"""A body that is counted while it comes."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from demo.doors.bounded import check_declared, replayed, too_large, whole
from demo.errors import BodyError


def coming(messages: Sequence[Message]) -> Receive:
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    return receive


def body(part: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": part, "more_body": more}


def test_a_body_within_the_limit_is_whole() -> None:
    parts = [body(b"ab"), body(b""), body(b"cd", more=False)]
    assert asyncio.run(whole(coming(parts), 4)) == b"abcd"


def test_what_is_too_much_is_not_waited_for() -> None:
    # There is no third part: who asked for one would fail otherwise.
    with pytest.raises(BodyError) as refusal:
        asyncio.run(whole(coming([body(b"abc"), body(b"de")]), 4))
    assert refusal.value.status == 413


def test_whoever_leaves_is_not_waited_for() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(whole(coming([body(b"a"), {"type": "http.disconnect"}]), 4))


def test_what_was_read_is_given_again_once() -> None:
    async def twice() -> list[Message]:
        receive = replayed(b"{}", coming([{"type": "http.disconnect"}]))
        return [await receive(), await receive()]

    assert asyncio.run(twice()) == [body(b"{}", more=False), {"type": "http.disconnect"}]


@pytest.mark.parametrize("declared", [b"5", b"9" * 5000])
def test_what_says_that_it_is_too_large_is_refused(declared: bytes) -> None:
    with pytest.raises(BodyError):
        check_declared({"headers": [(b"content-length", declared)]}, 4)
    check_declared({"headers": [(b"content-length", b"4")]}, 4)


def test_where_there_is_to_be_no_body_one_of_unknown_size_is_refused() -> None:
    headers = {"headers": [(b"transfer-encoding", b"chunked")]}
    check_declared(headers, 4)
    with pytest.raises(BodyError):
        check_declared(headers, 0)


@pytest.mark.parametrize(("most", "said"), [(0, "no body"), (4096, "4 KiB"), (4 << 20, "4 MiB")])
def test_a_refusal_says_how_much_may_be_sent(most: int, said: str) -> None:
    assert said in str(too_large(most))
