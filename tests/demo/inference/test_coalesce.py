"""Many requests, few batches: who waits for whom, how long, and what happens when something fails."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from demo.errors import BusyError
from demo.inference.batcher import Batcher

Numbers = Batcher[int, int, str]


class Recorder:
    """Doubles numbers, then writes them out; keeps the batches, and waits wherever it is told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.batches: list[list[int]] = []
        self.prepared = threading.Semaphore(0)
        self.free_to_answer = threading.Event()
        self.free_to_prepare = threading.Event()
        self.free_to_answer.set()
        self.free_to_prepare.set()

    def prepare(self, number: int) -> int:
        self.begun.append(number)
        if number < 0:
            assert self.free_to_prepare.wait(20)
        if number == 1300:
            raise ValueError("thirteen")
        self.prepared.release()
        return 2 * number

    def answer(self, numbers: Sequence[int]) -> list[str]:
        self.batches.append(list(numbers))
        assert self.free_to_answer.wait(20)
        if 2 * 1700 in numbers:
            raise ValueError("seventeen")
        return [str(number) for number in numbers]


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.001)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def numbers(recorder: Recorder) -> Iterator[Numbers]:
    coalescer: Numbers = Batcher(
        recorder.prepare, recorder.answer, side_by_side=2, at_once=64, most_waiting=100
    )
    yield coalescer
    coalescer.close()


def test_answers_come_in_order_whatever_the_batches(numbers: Numbers) -> None:
    async def ask() -> list[list[str]]:
        return await asyncio.gather(*(numbers.answers(range(start, start + 3)) for start in range(30)))

    asked = asyncio.run(ask())
    assert asked == [[str(2 * number) for number in range(start, start + 3)] for start in range(30)]


def test_nothing_at_all_has_no_answers(numbers: Numbers) -> None:
    assert asyncio.run(numbers.answers([])) == []


def test_what_comes_while_the_model_is_busy_is_one_batch(numbers: Numbers, recorder: Recorder) -> None:
    async def ask() -> None:
        recorder.free_to_answer.clear()
        first = asyncio.create_task(numbers.answers([1]))
        while not recorder.batches:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(numbers.answers([number])) for number in range(2, 42)]
        for _ in range(41):
            assert await asyncio.to_thread(recorder.prepared.acquire, timeout=20)
        recorder.free_to_answer.set()
        assert await first == ["2"]
        assert await asyncio.gather(*others) == [[str(2 * number)] for number in range(2, 42)]

    asyncio.run(ask())
    # The last of them may have been prepared a moment after the model was free.
    assert recorder.batches[0] == [2]
    assert len(recorder.batches) <= 3
    assert sum(map(len, recorder.batches)) == 41


def test_a_batch_is_no_larger_than_it_may_be(recorder: Recorder) -> None:
    few: Numbers = Batcher(recorder.prepare, recorder.answer, side_by_side=2, at_once=4)
    asyncio.run(few.answers(range(100, 150)))
    few.close()
    assert max(map(len, recorder.batches)) <= 4
    assert sum(map(len, recorder.batches)) == 50


def test_alone_it_does_not_wait_for_others(
    numbers: Numbers, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.inference.batcher.LONGEST_WAIT", 30.0)
    started = time.monotonic()
    for number in (1, 2, 3):
        assert asyncio.run(numbers.answers([number])) == [str(2 * number)]
    assert time.monotonic() - started < 10
    assert recorder.batches == [[2], [4], [6]]


@pytest.mark.parametrize("held_up", [1, 2])
def test_one_that_takes_long_holds_nobody_else_up(numbers: Numbers, recorder: Recorder, held_up: int) -> None:
    """Also where all threads that prepare are held up, what was prepared before is answered."""

    async def ask() -> None:
        recorder.free_to_prepare.clear()
        quick = asyncio.create_task(numbers.answers([5]))
        slow = [asyncio.create_task(numbers.answers([-1 - number])) for number in range(held_up)]
        assert await asyncio.wait_for(quick, 10) == ["10"]
        if held_up == 1:
            assert await asyncio.wait_for(numbers.answers([6, 7, 8]), 10) == ["12", "14", "16"]
        assert not any(task.done() for task in slow)
        recorder.free_to_prepare.set()
        assert await asyncio.gather(*slow) == [[str(-2 - 2 * number)] for number in range(held_up)]

    asyncio.run(ask())


def test_beyond_its_backlog_it_refuses_at_once_and_recovers(numbers: Numbers, recorder: Recorder) -> None:
    async def ask() -> None:
        recorder.free_to_answer.clear()
        waiting = asyncio.create_task(numbers.answers(range(20, 120)))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="try again"):
            await numbers.answers([1])
        recorder.free_to_answer.set()
        await waiting
        assert await numbers.answers([1]) == ["2"]

    asyncio.run(ask())


@pytest.mark.parametrize(("bad", "word"), [(1300, "thirteen"), (1700, "seventeen")])
def test_a_failure_is_raised_where_it_is_waited_for_and_nowhere_else(
    numbers: Numbers, bad: int, word: str
) -> None:
    async def ask() -> None:
        with pytest.raises(ValueError, match=word):
            await numbers.answers([1, bad, 2])
        assert await numbers.answers([4]) == ["8"]

    asyncio.run(ask())


def test_a_request_that_is_given_up_harms_no_other(numbers: Numbers, recorder: Recorder) -> None:
    async def ask() -> None:
        recorder.free_to_answer.clear()
        given_up, kept = (asyncio.create_task(numbers.answers([number])) for number in (1, 2))
        await asyncio.to_thread(recorder.prepared.acquire, timeout=20)
        given_up.cancel()
        recorder.free_to_answer.set()
        assert await kept == ["4"]

    asyncio.run(ask())


def test_a_loop_that_is_gone_ends_no_thread(numbers: Numbers, recorder: Recorder) -> None:
    async def give_up() -> None:
        asked = asyncio.create_task(numbers.answers([1]))
        await until(lambda: bool(recorder.batches))
        # The second time it does not wait for the thread that is at it, either.
        for _ in range(2):
            asked.cancel()
            await asyncio.sleep(0)

    recorder.free_to_answer.clear()
    asyncio.run(give_up())
    recorder.free_to_answer.set()
    assert asyncio.run(numbers.answers([2])) == ["4"]


def test_many_slow_ones_of_one_request_let_another_take_its_turn(
    numbers: Numbers, recorder: Recorder
) -> None:
    async def ask() -> None:
        recorder.free_to_prepare.clear()
        many = asyncio.create_task(numbers.answers(range(-50, 0)))
        await until(lambda: len(recorder.begun) == 2)
        few = asyncio.create_task(numbers.answers([5, 6]))
        await asyncio.sleep(0)
        recorder.free_to_prepare.set()
        assert await few == ["10", "12"]
        assert await many == [str(2 * number) for number in range(-50, 0)]

    asyncio.run(ask())
    # Two were begun before it; each thread may take one of the form's before one of its.
    assert recorder.begun.index(5) <= 4
    assert recorder.begun.index(6) <= 7


def test_what_is_given_up_is_neither_worked_off_nor_counted(numbers: Numbers, recorder: Recorder) -> None:
    async def ask() -> None:
        recorder.free_to_prepare.clear()
        given_up = asyncio.create_task(numbers.answers(range(-100, 0)))
        await until(lambda: len(recorder.begun) == 2)
        given_up.cancel()
        await asyncio.sleep(0.05)
        # Two threads are still at it, and hold what they were given.
        assert not given_up.done()
        with pytest.raises(BusyError):
            await numbers.answers(range(99))
        kept = asyncio.create_task(numbers.answers(range(98)))
        await asyncio.sleep(0)
        recorder.free_to_prepare.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(given_up, 20)
        assert await kept == [str(2 * number) for number in range(98)]
        assert await numbers.answers(range(100)) == [str(2 * number) for number in range(100)]

    asyncio.run(ask())
    assert sorted(number for number in recorder.begun if number < 0) == [-100, -99]


def test_what_is_prepared_and_given_up_does_not_reach_the_model(numbers: Numbers, recorder: Recorder) -> None:
    async def ask() -> None:
        recorder.free_to_answer.clear()
        first = asyncio.create_task(numbers.answers([1]))
        await until(lambda: bool(recorder.batches))
        given_up = asyncio.create_task(numbers.answers([2, 3]))
        for _ in range(3):
            assert await asyncio.to_thread(recorder.prepared.acquire, timeout=20)
        await until(lambda: len(numbers._prepared) == 2)
        given_up.cancel()
        # Nobody is at it any more: it ends while the model is still busy.
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(given_up, 10)
        recorder.free_to_answer.set()
        assert await first == ["2"]
        assert await numbers.answers([4]) == ["8"]

    asyncio.run(ask())
    assert recorder.batches == [[2], [8]]


def test_its_end_is_its_threads_end(recorder: Recorder) -> None:
    few: Numbers = Batcher(recorder.prepare, recorder.answer, side_by_side=2, at_once=4)
    asyncio.run(few.answers(range(9)))
    threads = list(few._threads)
    assert len(threads) == 3
    few.close()
    assert not any(thread.is_alive() for thread in threads)
