"""The load battery in small; `python -m tests.tools.load` puts all of it on."""

import asyncio
import re
import shutil
from collections.abc import Iterator

import pytest

from tests.tools.load import (
    EVERY_KIND,
    Answer,
    Target,
    behind_nginx,
    beside_stalled,
    many,
    page,
    parsed,
)

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 4\r\n\r\nbusy"


@pytest.fixture(scope="module")
def target(server: str) -> Iterator[Target]:
    """The app behind nginx, at a sub-path."""
    if shutil.which("nginx") is None:
        pytest.skip("needs nginx")
    with behind_nginx(server) as address:
        yield Target.at(address)


def test_every_kind_of_request_is_answered_through_nginx(target: Target) -> None:
    load = asyncio.run(many(target, EVERY_KIND, len(EVERY_KIND), 4))
    assert load.failures == 0
    assert all(name.endswith(" 200") for name in load.outcomes)


def test_clients_that_stall_keep_nobody_out(target: Target) -> None:
    load, _ = asyncio.run(beside_stalled(target, EVERY_KIND, 24, 100))
    assert (load.failures, load.outcomes.total()) == (0, 24)


def test_one_address_does_not_get_everything(target: Target) -> None:
    async def ask() -> list[Answer]:
        return await asyncio.gather(*(page(target) for _ in range(300)))

    answers = asyncio.run(ask())
    assert any(each.busy for each in answers)
    assert all(each.busy or each.status == 200 for each in answers)


def test_outcomes_are_told_apart() -> None:
    assert parsed(BUSY).busy
    assert not parsed(BUSY.replace(b"retry-after", b"x-other")).busy
    assert parsed(BUSY[:-1]).failure == "closed in the middle of an answer"
    assert parsed(b"HTTP/1.1 200").failure == "closed without an answer"
    load = asyncio.run(many(Target("127.0.0.1", 9), (page,), 3, 3))
    assert load.failures == 3
    assert all(re.fullmatch(r"page \w+Error", name) for name in load.outcomes)
