"""Who may use a decoder next."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.decoding.slots import SMALL, Slots

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
            while sum(slots._waiting) < waiting:
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
    assert (most, done, slots._free, slots._waiting) == (3, 600, 3, [0, 0])


def test_a_slot_comes_back_whatever_happens() -> None:
    slots = Slots(1)
    with pytest.raises(ZeroDivisionError), slots.one_for(TINY):
        raise ZeroDivisionError
    slots.take(HUGE)
