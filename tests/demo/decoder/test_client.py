"""The pool of decoding workers: one that hangs or dies, many at once, and large pictures."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.decoder import client
from demo.decoder.client import Pool, environment
from demo.decoder.images import encode_png, load_picture
from demo.decoder.limits import MEMORY_LIMIT, READY, REPLY, Outcome
from demo.errors import MachineError, NoRoomError, PictureError
from tests.support.pictures import encoded

ROOT = Path(__file__).parents[3]
LINUX = sys.platform == "linux"
on_linux = pytest.mark.skipif(not LINUX, reason="reads /proc")
on_posix = pytest.mark.skipif(os.name != "posix", reason="stops processes by signals")
DIGIT = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
CONTENT = encode_png(DIGIT)
SIDE = 3000
LARGE = encoded(Image.fromarray(np.full((SIDE, SIDE), 7, np.uint8)))
NOISE = encode_png(np.random.default_rng(0).integers(0, 256, (600, 600), np.uint8))
"""More bytes than a pipe holds."""


@pytest.fixture
def pool() -> Iterator[Pool]:
    with closing(Pool(size=1, time_limit=30.0)) as pool:
        yield pool


def works(pool: Pool) -> bool:
    return np.array_equal(load_picture(CONTENT, pool).array[..., 0], DIGIT)


def processes(pool: Pool) -> list[int]:
    """The process ids of the idle workers."""
    return [worker.process.pid for worker in pool._idle.queue if worker]


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_starts_with_the_first_picture_is_kept_and_not_left_behind() -> None:
    with closing(Pool(size=2)) as pool:
        assert processes(pool) == []
        assert works(pool)
        (process,) = processes(pool)
        assert works(pool)
        assert processes(pool) == [process]
    assert not exists(process)
    assert works(pool)
    assert processes(pool) == []


def test_a_worker_ends_when_the_app_is_killed() -> None:
    program = (
        "import os, sys, signal\nfrom demo.decoder.images import load_picture, shared_pool\n"
        "load_picture(sys.stdin.buffer.read())\n"
        "print(shared_pool()._idle.queue[-1].process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], input=CONTENT, capture_output=True, check=False, cwd=ROOT
    )
    process = int(result.stdout)
    until = time.monotonic() + 5
    # An orphan that has not been reaped still answers; its command line is gone.
    while exists(process) and (not LINUX or Path(f"/proc/{process}/cmdline").read_bytes()):
        assert time.monotonic() < until
        time.sleep(0.02)


@on_posix
def test_a_worker_that_hangs_or_dies_costs_only_its_picture(pool: Pool) -> None:
    assert works(pool)
    (process,) = processes(pool)
    os.kill(process, signal.SIGSTOP)
    pool.time_limit = 0.3
    with pytest.raises(PictureError, match=r"took longer than 0\.3 seconds; make it smaller"):
        load_picture(NOISE, pool)
    assert not exists(process)
    pool.time_limit = 30.0
    assert works(pool)
    (process,) = processes(pool)
    os.kill(process, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (process, signal.SIGKILL)).start()
    with pytest.raises(PictureError, match="crashed its decoder"):
        load_picture(CONTENT, pool)
    assert not exists(process)
    assert works(pool)


@on_posix
def test_a_worker_that_dies_while_it_is_idle_is_replaced(pool: Pool) -> None:
    assert works(pool)
    (process,) = processes(pool)
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert works(pool)
    assert processes(pool) != [process]


@on_linux
def test_a_worker_is_limited_and_gets_no_secret_and_no_file(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_SECRET", "hush")
    with (tmp_path / "open").open("wb") as stream:
        os.set_inheritable(stream.fileno(), True)
        assert works(pool)
    process = Path(f"/proc/{processes(pool)[0]}")
    rows = {
        line[:25].strip(): line[26:68].split() for line in (process / "limits").read_text().splitlines()[1:]
    }
    assert rows["Max address space"] == rows["Max data size"] == [str(MEMORY_LIMIT)] * 2
    for limit in ("Max core file size", "Max file size", "Max open files"):
        assert rows[limit] == ["0", "0"]
    seen = (process / "environ").read_bytes()
    assert set(seen.split(b"\0")) - {b""} == {f"{k}={v}".encode() for k, v in environment().items()}
    held = {str(entry.readlink()) for entry in (process / "fd").iterdir()}
    assert all(name.startswith("pipe:") or name == os.devnull for name in held)


def test_a_picture_that_needs_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small = client.PROGRAM.replace(
        "from demo.decoder import worker;",
        "from demo.decoder import worker; worker.limits.MEMORY_LIMIT = 110 << 20;",
    )
    monkeypatch.setattr(client, "PROGRAM", small)
    with closing(Pool(size=1)) as pool:
        assert works(pool)
        process = processes(pool)
        if LINUX:
            with pytest.raises(PictureError, match="more than 67 million pixels"):
                load_picture(encoded(Image.new("RGB", (5000, 5000)), "JPEG"), pool)
        assert works(pool)
        assert processes(pool) == process


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"Segmentation fault",
        READY + REPLY.pack(77, 0, 0, 0, 0),
        READY + REPLY.pack(Outcome.PICTURE, 2, 0, 5, 5) + bytes(50),
        READY + REPLY.pack(Outcome.PICTURE, 4, 0, 2**32 - 1, 2**32 - 1),
        READY + REPLY.pack(Outcome.PICTURE, 3, 0, 5, 5) + bytes(74),
    ],
)
def test_a_reply_is_not_trusted(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"import sys; sys.stdout.buffer.write({reply!r}); sys.stdout.flush()"
    monkeypatch.setattr(client, "PROGRAM", program)
    sentence = "crashed its decoder" if reply.startswith(READY) else "decoder does not start"
    with closing(Pool(size=1)) as pool:
        with pytest.raises(PictureError, match=sentence):
            load_picture(CONTENT, pool)
        assert processes(pool) == []
        monkeypatch.undo()
        assert works(pool)


def test_no_worker_can_be_started(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(ROOT / "nothing"))
    pool.start()
    with pytest.raises(PictureError, match="decoder does not start here"):
        load_picture(CONTENT, pool)
    monkeypatch.undo()
    assert works(pool)


def test_output_of_a_decoder_is_not_taken_for_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = client.PROGRAM.replace(
        "worker.main()",
        "import os; old = worker.decode; "
        "worker.decode = lambda content: (os.write(1, b'x' * 100), print(), old(content))[2]; "
        "worker.main()",
    )
    assert noisy != client.PROGRAM
    monkeypatch.setattr(client, "PROGRAM", noisy)
    with closing(Pool(size=1)) as pool:
        assert works(pool)
        assert works(pool)


def test_a_worker_that_starts_slowly_is_a_machine_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PROGRAM", "import time; time.sleep(99)")
    with closing(Pool(size=1, time_limit=0.3)) as pool, pytest.raises(MachineError, match="does not start"):
        load_picture(CONTENT, pool)


def test_one_large_picture_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ROOM_SECONDS", 0.2)
    with closing(Pool(size=2)) as pool:
        held = load_picture(LARGE, pool)
        with pytest.raises(NoRoomError, match=r"Too many large pictures .* try again in a few seconds"):
            load_picture(LARGE, pool)
        assert works(pool)
        view = held.array[5:, 5:]
        del held
        with pytest.raises(NoRoomError):
            load_picture(LARGE, pool)
        del view
        assert load_picture(LARGE, pool).array.shape == (SIDE, SIDE, 1)
    monkeypatch.undo()
    with closing(Pool(size=2)) as pool, ThreadPoolExecutor(4) as threads:
        pictures = threads.map(lambda _: len(load_picture(LARGE, pool).array), range(8))
        assert list(pictures) == [SIDE] * 8
