"""The micro-batcher: order of waiting, limits, failures and cancelled items."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from demo.errors import BusyError
from demo.inference.batcher import Batcher

MOST_WAITING = 100
THIRTEEN, SEVENTEEN = 1300, 1700
"""The number that cannot be prepared, and the one that its batch does not survive."""


class Doubler:
    """Doubles numbers, then writes them out; keeps the batches, and waits where a test holds it up.

    Negative numbers wait in `prepare`.
    """

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.batches: list[list[int]] = []
        self.prepared = threading.Semaphore(0)
        self.may_run = threading.Event()
        self.may_prepare = threading.Event()
        self.may_run.set()
        self.may_prepare.set()
        self.batcher: Batcher[int, int, str] = Batcher(self.prepare, self.run, 2, 16)

    def prepare(self, number: int) -> int:
        self.begun.append(number)
        if number < 0:
            assert self.may_prepare.wait(20)
        if number == THIRTEEN:
            raise ValueError("thirteen")
        self.prepared.release()
        return 2 * number

    def run(self, numbers: Sequence[int]) -> list[str]:
        self.batches.append(list(numbers))
        assert self.may_run.wait(20)
        if 2 * SEVENTEEN in numbers:
            raise ValueError("seventeen")
        return [str(number) for number in numbers]

    async def submit_all(self, numbers: Sequence[int]) -> list[str | BaseException]:
        return await asyncio.gather(*map(self.batcher.submit, numbers), return_exceptions=True)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.001)


@pytest.fixture
def doubler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doubler]:
    monkeypatch.setattr("demo.inference.batcher.MOST_WAITING", MOST_WAITING)
    doubler = Doubler()
    yield doubler
    doubler.may_run.set()
    doubler.may_prepare.set()
    doubler.batcher.close()


def test_items_that_arrive_during_a_batch_form_the_next_ones(doubler: Doubler) -> None:
    async def ask() -> None:
        doubler.may_run.clear()
        first = asyncio.create_task(doubler.batcher.submit(1))
        await until(lambda: bool(doubler.batches))
        others = asyncio.create_task(doubler.submit_all(range(2, 42)))
        for _ in range(41):
            assert await asyncio.to_thread(doubler.prepared.acquire, timeout=20)
        doubler.may_run.set()
        assert await first == "2"
        assert await others == [str(2 * number) for number in range(2, 42)]

    asyncio.run(ask())
    assert doubler.batches[0] == [2]
    # 40 in batches of 16; the last item may be ready a moment after the batch is taken.
    assert len(doubler.batches) <= 5


def test_a_slow_item_does_not_delay_others(doubler: Doubler) -> None:
    async def ask() -> None:
        doubler.may_prepare.clear()
        slow = asyncio.create_task(doubler.batcher.submit(-1))
        await until(lambda: bool(doubler.begun))
        assert await asyncio.wait_for(doubler.submit_all([5, 6, 7]), 20) == ["10", "12", "14"]
        assert not slow.done()
        doubler.may_prepare.set()
        assert await slow == "-2"

    asyncio.run(ask())


def test_a_full_queue_refuses_at_once_and_recovers(doubler: Doubler) -> None:
    async def ask() -> None:
        doubler.may_run.clear()
        waiting = asyncio.create_task(doubler.submit_all(range(MOST_WAITING)))
        await until(lambda: bool(doubler.batches))
        with pytest.raises(BusyError, match="try again"):
            await doubler.batcher.submit(1)
        doubler.may_run.set()
        await waiting
        assert await doubler.batcher.submit(1) == "2"

    asyncio.run(ask())


def test_an_item_that_cannot_be_prepared_fails_alone(doubler: Doubler) -> None:
    found = asyncio.run(doubler.submit_all([1, 2, THIRTEEN, 3, 4]))
    error = found.pop(2)
    assert isinstance(error, ValueError)
    assert str(error) == "thirteen"
    assert found == ["2", "4", "6", "8"]


def test_a_batch_that_fails_reports_it_and_the_next_one_runs(doubler: Doubler) -> None:
    async def ask() -> None:
        with pytest.raises(ValueError, match="seventeen"):
            await doubler.batcher.submit(SEVENTEEN)
        assert await doubler.batcher.submit(1) == "2"

    asyncio.run(ask())


def test_a_cancelled_item_is_dropped_and_frees_its_place(doubler: Doubler) -> None:
    async def ask() -> None:
        doubler.may_run.clear()
        first = asyncio.create_task(doubler.batcher.submit(1))
        await until(lambda: bool(doubler.batches))
        cancelled = [asyncio.create_task(doubler.batcher.submit(2)) for _ in range(MOST_WAITING - 1)]
        kept = asyncio.create_task(doubler.batcher.submit(3))
        await asyncio.sleep(0)
        for task in cancelled:
            task.cancel()
        await asyncio.wait(cancelled)
        with pytest.raises(BusyError):
            await kept
        last = asyncio.create_task(doubler.batcher.submit(4))
        await asyncio.sleep(0)
        doubler.may_run.set()
        assert (await first, await last) == ("2", "8")

    asyncio.run(ask())
    assert [number for batch in doubler.batches for number in batch] == [2, 8]
