"""Who may use a decoder next."""

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.decoder.slots import SMALL, Slots

TINY, HUGE = SMALL - 1, SMALL


@pytest.mark.parametrize(("many", "one"), [(HUGE, TINY), (TINY, HUGE)])
def test_neither_line_waits_for_all_of_the_other(many: int, one: int) -> None:
    slots, served = Slots(1), list[int]()
    slots.take(many)

    def wait(size: int) -> None:
        slots.take(size)
        served.append(size)

    with ThreadPoolExecutor(6) as threads:
        for waiting, size in enumerate((many, many, many, many, many, one), 1):
            threads.submit(wait, size)
            until = time.monotonic() + 20
            while sum(map(len, slots._lines)) < waiting:
                assert time.monotonic() < until
                time.sleep(0.002)
        for count in range(1, 7):
            slots.give()
            while len(served) < count:
                assert time.monotonic() < until
                time.sleep(0.002)
    assert one in served[:2]
    assert sorted(served) == sorted([many] * 5 + [one])


def test_no_more_work_at_once_than_there_are_slots_and_all_get_one() -> None:
    slots, lock = Slots(3), threading.Lock()
    working = most = done = 0

    def work(index: int) -> None:
        nonlocal working, most, done
        with slots.one_for(TINY if index % 3 else HUGE):
            with lock:
                working += 1
                most = max(most, working)
            time.sleep(0.0005)
            with lock:
                working -= 1
                done += 1

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(600)))
    assert (most, done, slots._free, slots._lines) == (3, 600, 3, (deque(), deque()))


def test_who_asks_again_at_once_stands_behind_who_waits() -> None:
    for _ in range(50):
        slots, served = Slots(1), list[str]()
        slots.take(HUGE)

        def wait(slots: Slots, served: list[str]) -> None:
            with slots.one_for(TINY):
                served.append("who waits")

        thread = threading.Thread(target=wait, args=(slots, served))
        thread.start()
        while not any(slots._lines):
            time.sleep(0.0005)
        slots.give()
        slots.take(HUGE)
        served.append("who asks again")
        slots.give()
        thread.join()
        assert served == ["who waits", "who asks again"]


def test_who_gives_up_waiting_leaves_the_line() -> None:
    slots = Slots(1)

    class GivenUp(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            raise KeyboardInterrupt(timeout)

    slots.take(HUGE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(threading, "Event", GivenUp)
        with pytest.raises(KeyboardInterrupt):
            slots.take(TINY)
    slots.give()
    slots.take(HUGE)


def test_a_slot_comes_back_whatever_happens() -> None:
    slots = Slots(1)
    with pytest.raises(ZeroDivisionError), slots.one_for(TINY):
        raise ZeroDivisionError
    slots.take(HUGE)
