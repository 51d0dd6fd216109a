"""How much of large pictures is held at once."""

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from demo.decoding import workers
from demo.decoding.room import LARGE, Room
from demo.decoding.workers import Pool
from demo.errors import PictureError
from demo.images import load_picture
from tests.pictures import encoded

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


def test_a_large_picture_holds_its_room_as_long_as_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SIDE * SIDE >= LARGE
    room = Room(SIDE * SIDE)
    monkeypatch.setattr(workers, "pixels_room", lambda: room)
    with Pool(size=2, time_limit=0.7) as pool:
        held = load_picture(CONTENT, pool)
        with pytest.raises(PictureError):
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
