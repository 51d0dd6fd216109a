"""How much of large pictures is held at once."""

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from demo.decoder import client as workers
from demo.decoder.client import Pool
from demo.decoder.images import load_picture
from demo.decoder.room import LARGE, Room
from demo.errors import MachineError, NoRoomError
from tests.support.pictures import encoded

SIDE = 1200
CONTENT = encoded(Image.fromarray(np.full((SIDE, SIDE), 7, np.uint8)))
SMALL = encoded(Image.new("L", (28, 28)))


def test_what_is_taken_is_waited_for_until_it_is_given_back() -> None:
    room = Room(10)
    assert room.take(7, 0)
    assert not room.take(4, 0.01)
    assert room.take(3, 0)
    threading.Timer(0.05, room.give, (7,)).start()
    assert room.take(5, 20)


def test_who_came_first_is_first() -> None:
    room, got = Room(10), list[int]()
    assert room.take(10, 0)

    def take(size: int) -> None:
        assert room.take(size, 20)
        got.append(size)

    with ThreadPoolExecutor(3) as threads:
        for waiting, size in enumerate((9, 2, 3), 1):
            threads.submit(take, size)
            wait_for_line(room, waiting)
        # Enough for those behind the large one, not for itself.
        room.give(5)
        # Whoever comes last and has no patience takes nobody's place, and leaves none behind.
        assert not room.take(1, 0.02)
        assert got == []
        room.give(5)
        until = time.monotonic() + 20
        while got != [9]:
            assert time.monotonic() < until
            time.sleep(0.002)
        room.give(9)
    assert (got[0], set(got[1:])) == (9, {2, 3})


def wait_for_line(room: Room, length: int) -> None:
    until = time.monotonic() + 20
    while len(room._line) < length:
        assert time.monotonic() < until
        time.sleep(0.002)


def test_waiting_for_room_is_none_of_the_decoder_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(SIDE * SIDE)
    monkeypatch.setattr(workers, "pixels_room", lambda: room)
    with Pool(size=2, time_limit=2.0) as pool:
        assert load_picture(SMALL, pool)
        (process,) = pool.processes
        assert room.take(room.size, 0)
        threading.Timer(2.5, room.give, (room.size,)).start()
        assert load_picture(CONTENT, pool).array.shape == (SIDE, SIDE, 1)
        assert pool.processes == [process]


def test_who_waits_too_long_for_room_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(SIDE * SIDE)
    monkeypatch.setattr(workers, "pixels_room", lambda: room)
    monkeypatch.setattr(workers, "LONGEST_WAIT", 0.5)
    assert room.take(1, 0)
    with Pool(size=2) as pool, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(load_picture, CONTENT, pool) for _ in range(2)]
        wait_for_line(room, 2)
        # Both decoders wait: another picture gets one as soon as they give up.
        started = time.monotonic()
        assert load_picture(SMALL, pool).array.shape == (28, 28, 1)
        assert time.monotonic() - started < 5
        for each in waiting:
            with pytest.raises(NoRoomError, match=r"Too many large pictures .* try again in a few seconds"):
                each.result()
        room.give(1)
        assert load_picture(CONTENT, pool).array.shape == (SIDE, SIDE, 1)


def test_a_large_picture_holds_its_room_as_long_as_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SIDE * SIDE >= LARGE
    room = Room(SIDE * SIDE)
    monkeypatch.setattr(workers, "pixels_room", lambda: room)
    monkeypatch.setattr(workers, "LONGEST_WAIT", 0.2)
    with Pool(size=2) as pool:
        held = load_picture(CONTENT, pool)
        with pytest.raises(MachineError):
            load_picture(CONTENT, pool)
        # A small one needs no room.
        assert load_picture(SMALL, pool).array.shape == (28, 28, 1)
        view = held.array[5:, 5:]
        del held
        gc.collect()
        assert not room.take(1, 0)
        del view
        gc.collect()
        assert load_picture(CONTENT, pool).array.shape == (SIDE, SIDE, 1)
        gc.collect()
        assert room.take(SIDE * SIDE, 0)


def test_many_large_pictures_at_once_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    room, most, held = Room(3 * SIDE * SIDE), 0, 0
    monkeypatch.setattr(workers, "pixels_room", lambda: room)
    lock = threading.Lock()

    def ask(_: int) -> None:
        nonlocal most, held
        picture = load_picture(CONTENT, pool)
        with lock:
            held += 1
            most = max(most, held)
        time.sleep(0.02)
        with lock:
            held -= 1
        del picture

    with Pool(size=4) as pool, ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(24)))
    assert 1 <= most <= 2
