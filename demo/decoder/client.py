"""A pool of worker processes that decode pictures: a hostile picture costs a process and not the app."""

import contextlib
import errno
import io
import math
import os
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from demo.decoder.limits import (
    CHANNELS,
    LARGEST_PICTURE_BYTES,
    LARGEST_PIXELS,
    READY,
    REPLY,
    REQUEST,
    Outcome,
)
from demo.environment import available_cores
from demo.errors import MachineError, NoRoomError, PictureError

TIME_LIMIT: Final = 9.0
"""Seconds that a picture may take to decode."""
WATCH_SECONDS: Final = 0.1
"""Interval at which overdue workers are ended."""
LARGEST_POOL: Final = 4
SMALL_FILE_BYTES: Final = 32 << 10
"""A file below it is small, as digits are."""
LARGE_PICTURE_BYTES: Final = 8 << 20
"""Decoded bytes from which the app holds only one picture at a time."""
ROOM_SECONDS: Final = 5.0
"""Longest wait for the room of a large picture, which another one needs for about a quarter of a second."""
TOGETHER_BYTES: Final = 1 << 20
"""Up to this size a picture is copied behind its header, to be sent in one write."""

# Isolated, and without the start-up files of site-packages, which is also faster. The app hands its own
# search path over, so that the worker finds the same Pillow.
PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from demo.decoder import worker; worker.main()"
# The only variables of the app's environment that a worker sees: what interpreter and libraries need.
ENVIRONMENT: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Errors of an operating system that is short of something for the moment.
SHORTAGES: Final = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

NOT_STARTED: Final = (
    "No picture can be read here, because the picture decoder does not start; install the app again."
)
NOT_YET: Final = "The picture decoder does not start here at the moment; try again in a few seconds."
DIED: Final = "The picture crashed its decoder; save it again as PNG or JPEG and try that."
NO_ROOM: Final = "Too many large pictures are being read here; try again in a few seconds."


class Turns:
    """A semaphore whose places go to two queues in turn, each first come, first served.

    However many of one queue wait, the next of the other one waits for one or two of them.
    """

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._queues: tuple[deque[threading.Event], ...] = (deque(), deque())
        self._next = 0

    @contextmanager
    def place(self, queue: int) -> Iterator[None]:
        """Wait for a place in queue 0 or 1, and give it back in the end."""
        self.take(queue)
        try:
            yield
        finally:
            self.give_back()

    def take(self, queue: int = 0, seconds: float | None = None) -> bool:
        """Wait for a place; return False if there was none within the time."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Event()
            self._queues[queue].append(turn)
        turn.wait(seconds)
        with self._lock:
            if turn in self._queues[queue]:
                self._queues[queue].remove(turn)
                return False
        return True

    def give_back(self) -> None:
        """Hand a place to who waits longest; freed in between, it could go to a newcomer."""
        with self._lock:
            self._next = 1 - self._next
            queue = self._queues[self._next] or self._queues[1 - self._next]
            if queue:
                queue.popleft().set()
            else:
                self._free += 1


large_pictures: Final = Turns(1)
"""The right to hold the pixels of a large picture in this process."""


@dataclass(frozen=True, eq=False)
class Reply:
    """The end of a request. array: uint8 [height, width, channels], or None if there is no picture."""

    outcome: Outcome
    several: bool
    array: NDArray[np.uint8] | None


class WorkerLostError(Exception):
    """The worker closed its end of a pipe, or wrote something that is not a reply."""


class Worker:
    """One decoding process; used by one thread at a time.

    deadline: when, on the monotonic clock, the pool ends it. overdue: the pool has ended it.
    """

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parent.parent.parent)
        search = [root, *(os.path.abspath(entry) for entry in sys.path if entry)]  # noqa: PTH100
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, *search],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment(),
            cwd=root,
            # The app handles Ctrl-C.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        # `bufsize=0` makes both ends raw files.
        self._requests = cast("io.FileIO", self.process.stdin)
        self._replies = cast("io.FileIO", self.process.stdout)
        self.ready = False
        self.deadline = math.inf
        self.overdue = False

    def exchange(self, content: bytes) -> Reply:
        """Send a request and read its reply, which is not trusted.

        Raises:
            WorkerLostError, OSError: the worker died, or what it wrote is not a reply.
            NoRoomError: there was no room for the pixels.
        """
        if not self.ready:
            if self.receive(len(READY)) != READY:
                raise WorkerLostError
            self.ready = True
        header = REQUEST.pack(len(content))
        if len(content) <= TOGETHER_BYTES:
            self.send(header + content)
        else:
            self.send(header)
            self.send(content)
        code, channels, several, height, width = REPLY.unpack(self.receive(REPLY.size))
        if code not in list(Outcome):
            raise WorkerLostError
        if code != Outcome.PICTURE:
            return Reply(Outcome(code), False, None)
        size = height * width * channels
        if channels not in CHANNELS or not 0 < height * width <= LARGEST_PIXELS:
            raise WorkerLostError
        if size > LARGEST_PICTURE_BYTES:
            raise WorkerLostError
        pixels = self.receive_large(size) if size >= LARGE_PICTURE_BYTES else self.receive_pixels(size)
        return Reply(Outcome.PICTURE, bool(several), pixels.reshape(height, width, channels))

    def receive_large(self, size: int) -> NDArray[np.uint8]:
        """Wait until no other large picture is held, and read the pixels."""
        # The wait does not count as the worker's time.
        left, self.deadline = self.deadline - time.monotonic(), math.inf
        if not large_pictures.take(seconds=ROOM_SECONDS):
            raise NoRoomError(NO_ROOM)
        self.deadline = time.monotonic() + left
        try:
            pixels = self.receive_pixels(size)
        except BaseException:
            large_pictures.give_back()
            raise
        # Held until the pixels, and all views of them, are freed.
        weakref.finalize(pixels, large_pictures.give_back).atexit = False
        return pixels

    def receive_pixels(self, size: int) -> NDArray[np.uint8]:
        return np.frombuffer(self.receive(size), np.uint8)

    def send(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._requests.write(rest) :]

    def receive(self, length: int) -> bytearray:
        """Read exactly `length` bytes."""
        received = bytearray(length)
        rest = memoryview(received)
        while rest:
            count = self._replies.readinto(rest)
            if not count:
                raise WorkerLostError
            rest = rest[count:]
        return received

    def stop(self) -> None:
        """End the process and wait for it, so that none is left behind."""
        self.process.kill()
        self.process.wait()
        for stream in (self._requests, self._replies):
            with contextlib.suppress(OSError):
                stream.close()


class Pool:
    """Decodes pictures in worker processes, which are started when needed, kept, and replaced when lost.

    Safe to share between threads. Small and large files take turns for at most `size` workers.
    time_limit: seconds for one picture.
    """

    def __init__(self, size: int | None = None, time_limit: float = TIME_LIMIT) -> None:
        self.time_limit = time_limit
        self.size = size or min(LARGEST_POOL, available_cores())
        self._turns = Turns(self.size)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._watching = False
        self._closed = False

    def start(self) -> None:
        """Start one worker ahead of the first picture, without waiting; the picture reports a failure."""
        with self._turns.place(0), contextlib.suppress(PictureError):
            self._give_back(self._take())

    def ask(self, content: bytes) -> Reply:
        """Have one encoded picture decoded.

        Raises:
            PictureError: the worker died or took too long.
            MachineError: no worker can be started, or there was no room for the pixels.
        """
        with self._turns.place(int(len(content) >= SMALL_FILE_BYTES)):
            worker = self._take()
            try:
                reply = worker.exchange(content)
            except NoRoomError:
                self._remove(worker)
                raise
            except (OSError, WorkerLostError) as error:
                self._remove(worker)
                if worker.ready:
                    raise PictureError(too_long(self.time_limit) if worker.overdue else DIED) from error
                raise MachineError(NOT_YET if worker.overdue else NOT_STARTED) from error
            except BaseException:
                self._remove(worker)
                raise
            self._give_back(worker)
            if worker.overdue:
                raise PictureError(too_long(self.time_limit))
            return reply

    def close(self) -> None:
        """End every worker; a busy one ends after its request."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.stop()

    @property
    def processes(self) -> list[int]:
        """The process ids of the idle workers."""
        with self._lock:
            return [worker.process.pid for worker in self._idle]

    def _take(self) -> Worker:
        """Return the idle worker that was used last, or a new one, whose time begins now."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                try:
                    worker = Worker()
                except OSError as error:
                    raise MachineError(NOT_YET if error.errno in SHORTAGES else NOT_STARTED) from error
            elif worker.process.poll() is not None:
                worker.stop()
                continue
            worker.deadline = time.monotonic() + self.time_limit
            with self._lock:
                self._busy.add(worker)
                if not self._watching:
                    self._watching = True
                    threading.Thread(target=self._watch, name="decoder watchdog", daemon=True).start()
            return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            if not self._closed and not worker.overdue:
                self._idle.append(worker)
                return
        worker.stop()

    def _remove(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
        worker.stop()

    def _watch(self) -> None:
        """End overdue workers, whatever they do, until none is busy; that ends any use of their pipes."""
        while True:
            time.sleep(WATCH_SECONDS)
            with self._lock:
                if not self._busy:
                    self._watching = False
                    return
                now = time.monotonic()
                for worker in self._busy:
                    if worker.deadline < now:
                        worker.overdue = True
                        worker.process.kill()


def too_long(seconds: float) -> str:
    """Return the message for a picture that took longer than this."""
    return f"Decoding the picture took longer than {seconds:g} seconds; make it smaller and try again."


def environment() -> dict[str, str]:
    """Return a worker's environment: no secret of the app, and no memory reserved per thread."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**kept, "MALLOC_ARENA_MAX": "1"}
