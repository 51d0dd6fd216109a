"""The decoding workers: what they may do, what is left when one hangs or dies, and many at once."""

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.decoder import client as workers
from demo.decoder.client import Pool, Worker, environment
from demo.decoder.images import encode_png, load_picture
from demo.decoder.limits import MEMORY_LIMIT
from demo.decoder.wire import READY, REPLY, Outcome
from demo.errors import MachineError, PictureError
from tests.support.pictures import encoded, samples_of_every_format

ROOT = Path(__file__).parents[3]
POSIX = os.name == "posix"
LINUX = sys.platform == "linux"
DIGIT = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
CONTENT = encode_png(DIGIT)
LARGE = encoded(Image.fromarray(np.kron(DIGIT, np.ones((64, 64), np.uint8))), "JPEG", progressive=True)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(size=1, time_limit=5.0) as pool:
        yield pool


def works(pool: Pool) -> bool:
    return np.array_equal(load_picture(CONTENT, pool).array[..., 0], DIGIT)


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_starts_with_the_first_picture_and_is_kept(pool: Pool) -> None:
    assert pool.processes == []
    assert works(pool)
    first = pool.processes
    assert len(first) == 1
    assert works(pool)
    assert pool.processes == first


def test_a_worker_can_be_started_ahead(pool: Pool) -> None:
    pool.start()
    ahead = pool.processes
    assert works(pool)
    assert pool.processes == ahead


def test_a_pool_keeps_to_fewer_workers_where_others_need_the_cores() -> None:
    with Pool(size=3) as pool, ThreadPoolExecutor(4) as threads:
        pool.keep_to(1)
        assert all(threads.map(lambda _: works(pool), range(12)))
        assert len(pool.processes) == pool.size == 1


def test_no_worker_is_left_behind() -> None:
    with Pool(size=2) as pool:
        assert works(pool)
        (process,) = pool.processes
    assert not exists(process)
    assert works(pool)
    assert pool.processes == []


def test_workers_end_with_the_interpreter() -> None:
    program = (
        "from demo.decoder.images import load_picture, shared_pool\n"
        "import sys; load_picture(sys.stdin.buffer.read()); print(shared_pool().processes[0])\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        input=CONTENT,
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert result.stderr == b""
    assert not exists(int(result.stdout))


def test_a_worker_ends_when_the_app_is_killed() -> None:
    program = (
        "import os, sys, signal\nfrom demo.decoder.images import load_picture, shared_pool\n"
        "load_picture(sys.stdin.buffer.read()); print(shared_pool().processes[0], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], input=CONTENT, capture_output=True, check=False, cwd=ROOT
    )
    process = int(result.stdout)
    until = time.monotonic() + 5
    # An orphan that nobody has reaped still answers; its command line is gone.
    while exists(process) and (not LINUX or Path(f"/proc/{process}/cmdline").read_bytes()):
        assert time.monotonic() < until
        time.sleep(0.02)


if POSIX:

    def test_a_worker_that_hangs_costs_one_sentence(pool: Pool) -> None:
        assert works(pool)
        (process,) = pool.processes
        os.kill(process, signal.SIGSTOP)
        pool.time_limit = 0.3
        started = time.monotonic()
        with pytest.raises(PictureError, match=r"took longer than 0\.3 seconds; make it smaller"):
            load_picture(LARGE, pool)
        assert time.monotonic() - started < 2
        assert not exists(process)
        pool.time_limit = 5.0
        assert works(pool)
        assert pool.processes != [process]

    def test_a_worker_that_is_killed_at_work_costs_one_sentence(pool: Pool) -> None:
        assert works(pool)
        (process,) = pool.processes
        os.kill(process, signal.SIGSTOP)
        threading.Timer(0.2, os.kill, (process, signal.SIGKILL)).start()
        with pytest.raises(PictureError, match="made its decoder stop"):
            load_picture(CONTENT, pool)
        assert not exists(process)
        assert works(pool)

    def test_a_machine_that_is_short_of_files_is_told_from_an_app_that_is_broken(pool: Pool) -> None:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The next free number is that of the first pipe.
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        try:
            with pytest.raises(MachineError, match="at the moment; try again in a few seconds"):
                load_picture(CONTENT, pool)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert works(pool)

    def test_a_worker_that_is_killed_while_idle_costs_nothing(pool: Pool) -> None:
        assert works(pool)
        (process,) = pool.processes
        os.kill(process, signal.SIGKILL)
        until = time.monotonic() + 5
        while os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            assert time.monotonic() < until
        assert works(pool)
        assert pool.processes != [process]


if LINUX:

    def test_a_worker_is_limited(pool: Pool) -> None:
        assert works(pool)
        (process,) = pool.processes
        limits = Path(f"/proc/{process}/limits").read_text()
        rows = {line[:25].strip(): line[26:68].split() for line in limits.splitlines()[1:]}
        assert rows["Max address space"] == [str(MEMORY_LIMIT)] * 2
        assert rows["Max data size"] == [str(MEMORY_LIMIT)] * 2
        assert rows["Max core file size"] == ["0", "0"]
        assert rows["Max file size"] == ["0", "0"]
        assert rows["Max open files"] == ["0", "0"]
        assert rows["Max cpu time"][0] != "unlimited"

    def test_a_worker_inherits_no_secret(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOUCHSTONE_SECRET", "hush")
        assert works(pool)
        seen = Path(f"/proc/{pool.processes[0]}/environ").read_bytes()
        assert b"hush" not in seen
        assert set(seen.split(b"\0")) - {b""} == {f"{k}={v}".encode() for k, v in environment().items()}

    def test_a_worker_holds_no_file_of_the_app(pool: Pool, tmp_path: Path) -> None:
        with (tmp_path / "open").open("wb") as stream:
            os.set_inheritable(stream.fileno(), True)
            assert works(pool)
        held = {str(entry.readlink()) for entry in Path(f"/proc/{pool.processes[0]}/fd").iterdir()}
        assert all(name.startswith("pipe:") or name == os.devnull for name in held)


def test_limits_hold() -> None:
    """Inside a limited process, each thing a decoder has no business with fails."""
    program = (
        "import socket, sys\nfrom demo.decoder.limits import limit_next_request, limit_process\n"
        "limit_process(); limit_next_request()\n"
        "for attempt in (lambda: open('/etc/hosts'), socket.socket, lambda: bytearray(3 << 30)):\n"
        "    try:\n        attempt()\n        print('done')\n"
        "    except (OSError, MemoryError) as error:\n        print(type(error).__name__)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.split() == (
        ["OSError", "OSError", "MemoryError"] if LINUX else result.stdout.split()
    )


def test_a_picture_that_needs_more_memory_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small = workers.PROGRAM.replace(
        "from demo.decoder import worker;",
        "from demo.decoder import worker, limits; limits.MEMORY_LIMIT = 110 << 20;",
    )
    monkeypatch.setattr(workers, "PROGRAM", small)
    with Pool(size=1) as pool:
        assert works(pool)
        process = pool.processes
        if LINUX:
            with pytest.raises(PictureError, match="too much memory"):
                load_picture(encoded(Image.new("RGB", (5000, 5000)), "JPEG"), pool)
        assert works(pool)
        assert pool.processes == process


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"Segmentation fault",
        READY,
        READY + REPLY.pack(77, 0, 0, 0, 0),
        READY + REPLY.pack(Outcome.PICTURE, 3, 0, 0, 5),
        READY + REPLY.pack(Outcome.PICTURE, 2, 0, 5, 5) + bytes(50),
        READY + REPLY.pack(Outcome.PICTURE, 4, 0, 2**32 - 1, 2**32 - 1),
        READY + REPLY.pack(Outcome.PICTURE, 3, 0, 5, 5) + bytes(74),
    ],
)
def test_a_reply_is_not_taken_on_trust(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"import sys; sys.stdout.buffer.write({reply!r}); sys.stdout.flush()"
    monkeypatch.setattr(workers, "PROGRAM", program)
    sentence = "made its decoder stop" if reply.startswith(READY) else "decoder does not start"
    with Pool(size=1) as pool:
        with pytest.raises(PictureError, match=sentence):
            load_picture(CONTENT, pool)
        assert pool.processes == []
        monkeypatch.undo()
        assert works(pool)


def test_a_reply_may_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [*READY, *REPLY.pack(Outcome.PICTURE, 1, 1, 2, 3), *b"abcdef"]
    program = f"import os, time\nfor part in {pieces!r}: os.write(1, bytes([part])); time.sleep(0.002)"
    monkeypatch.setattr(workers, "PROGRAM", program)
    with Pool(size=1) as pool:
        reply = pool.ask(CONTENT)
    assert reply.several
    assert reply.array is not None
    assert reply.array.tolist() == [[[97], [98], [99]], [[100], [101], [102]]]


def test_no_worker_can_be_started(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(ROOT / "nothing"))
    pool.start()
    with pytest.raises(PictureError, match="decoder does not start; install the app again"):
        load_picture(CONTENT, pool)
    monkeypatch.undo()
    assert works(pool)


def test_what_a_decoder_prints_is_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = workers.PROGRAM.replace(
        "worker.main()",
        "import os; old = worker.decode; "
        "worker.decode = lambda content: (os.write(1, b'x' * 100), print(), old(content))[2]; "
        "worker.main()",
    )
    assert noisy != workers.PROGRAM
    monkeypatch.setattr(workers, "PROGRAM", noisy)
    with Pool(size=1) as pool:
        assert works(pool)
        assert works(pool)


def test_a_length_that_lies_is_waited_for_no_longer_than_the_limit() -> None:
    worker = Worker()
    try:
        worker.send(struct.pack("<I", 1 << 20))
        with pytest.raises(PictureError, match=r"took longer than 0\.5 seconds"):
            worker.ask(CONTENT, 0.5)
    finally:
        worker.stop()


def test_a_worker_that_is_slow_to_start_is_not_the_picture_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PROGRAM", "import time; time.sleep(99)")
    with (
        Pool(size=1, time_limit=0.3) as pool,
        pytest.raises(MachineError, match="here at the moment"),
    ):
        load_picture(CONTENT, pool)


def test_an_answer_that_comes_as_the_time_is_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Worker):
        def exchange(self, content: bytes) -> workers.Reply:
            reply = super().exchange(content)
            self.process.wait()
            return reply

    monkeypatch.setattr(workers, "Worker", Late)
    with Pool(size=1, time_limit=2.0) as pool:
        with pytest.raises(PictureError, match="took longer than 2 seconds"):
            load_picture(CONTENT, pool)
        assert pool.processes == []


def test_many_threads_at_once() -> None:
    contents = list(samples_of_every_format().values())
    with Pool(size=3) as pool:
        alone = [load_picture(content, pool).array for content in contents]
        with ThreadPoolExecutor(8) as threads:
            together = list(threads.map(lambda content: load_picture(content, pool).array, contents * 10))
        assert len(pool.processes) <= 3
    assert all(np.array_equal(array, alone[i % len(alone)]) for i, array in enumerate(together))


def test_threads_that_hang_and_threads_that_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second picture makes its worker sleep for ever; the others are answered all the same."""
    sleepy = workers.PROGRAM.replace(
        "worker.main()",
        "import time; old = worker.decode; "
        "worker.decode = lambda given: time.sleep(99) if given == b'sleep' else old(given); "
        "worker.main()",
    )
    monkeypatch.setattr(workers, "PROGRAM", sleepy)

    def outcome(content: bytes) -> str:
        try:
            return str(load_picture(content, four).array.shape)
        except PictureError as error:
            return str(error)

    with Pool(size=4, time_limit=1.5) as four, ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(outcome, [b"sleep", CONTENT] * 4))
    assert outcomes[1::2] == ["(28, 28, 1)"] * 4
    assert all("took longer than 1.5 seconds" in sentence for sentence in outcomes[0::2])


def test_one_watchdog_ends_whoever_is_late_and_nobody_else() -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    guard = workers.Watchdog()
    with (
        subprocess.Popen(sleeper) as late,
        subprocess.Popen(sleeper) as later,
        subprocess.Popen(sleeper) as good,
    ):
        guard.watch(later, 60)
        guard.watch(good, 50)
        assert guard.release(good) == pytest.approx(50, abs=5)
        # Sooner than what the watchdog sleeps for.
        guard.watch(late, 0.1)
        late.wait(20)
        assert guard.release(late) is None
        assert later.poll() is good.poll() is None
        assert guard.release(later)
        # With nothing left to watch it sleeps without an end, and wakes for the next all the same.
        guard.watch(later, 0.1)
        later.wait(20)
        guard.watch(good, 0.1)
        good.wait(20)
