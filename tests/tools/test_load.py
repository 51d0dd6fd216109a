"""The load that is put on the app, in small; `pytest -m slow` puts all of it on."""

import asyncio
import re

import pytest

from tests.support.serving import served_process
from tests.tools.load import (
    API_KINDS,
    EVERY_KIND,
    LONGEST,
    Answer,
    Door,
    beside_stalled,
    call,
    left_alone,
    many,
    measure,
    page,
    parsed,
    recovery,
)

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 4\r\n\r\nbusy"


def test_every_kind_of_request_is_answered(server: str) -> None:
    load = asyncio.run(many(Door.of(server), EVERY_KIND, len(EVERY_KIND), 4))
    assert load.failures == 0
    assert load.outcomes.total() == len(EVERY_KIND)
    assert all(name.endswith(" 200") for name in load.outcomes)


def test_a_burst_of_calls_fills_the_queue_and_each_is_answered_or_told(server: str) -> None:
    door = Door.of(server)
    load = asyncio.run(many(door, (left_alone,), 300, 300))
    assert load.failures == 0
    assert load.outcomes["left_alone busy"] > 0
    assert load.outcomes["left_alone 200"] >= 100
    assert asyncio.run(recovery(door)) < 5
    assert asyncio.run(call(door)).status == 200


def test_who_stalls_keeps_nobody_out(server: str) -> None:
    load, again = asyncio.run(beside_stalled(Door.of(server), EVERY_KIND, 24, 100))
    assert load.failures == 0
    assert load.outcomes.total() == 24
    assert load.slowest < 10
    assert again < 5


def test_what_comes_back_is_told_apart() -> None:
    assert parsed(BUSY).busy
    assert not parsed(BUSY.replace(b"retry-after", b"x-other")).busy
    assert parsed(BUSY[:-1]).failure == "closed in the midst of an answer"
    assert parsed(b"HTTP/1.1 200").failure == "closed without an answer"
    assert (Answer(200).busy, LONGEST >= 30) == (False, True)


def test_who_does_not_answer_is_a_failure() -> None:
    load = asyncio.run(many(Door("127.0.0.1", 9), (page,), 3, 3))
    assert load.failures == 3
    assert all(re.fullmatch(r"page \w+Error", name) for name in load.outcomes)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "kinds"), [((), EVERY_KIND), (("--api-only",), API_KINDS)])
def test_twenty_thousand_requests(options: tuple[str, ...], kinds: tuple[object, ...]) -> None:
    with served_process(*options) as (lines, process):
        address = next(word for word in lines[0].split() if word.startswith("http"))
        assert asyncio.run(measure(address, process.pid, 20_000, 500, kinds))  # type: ignore[arg-type]
