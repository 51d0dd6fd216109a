"""A pool of worker processes that decode pictures: a hostile picture can crash a worker, not the app."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from demo.decoder.limits import (
    CHANNELS,
    LARGEST_PICTURE_BYTES,
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
LARGE_PICTURE_BYTES: Final = 8 << 20
"""Decoded bytes from which the app holds only one picture at a time."""
ROOM_SECONDS: Final = 5.0
"""Longest wait until another large picture, which takes about a quarter of a second, is gone."""
TOGETHER_BYTES: Final = 1 << 20
"""Up to this size a picture is copied behind its header, to be sent in one write."""

# Isolated, and without the start-up files of site-packages, which is also faster. The app passes its own
# search path on, so that the worker finds the same Pillow.
PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from demo.decoder import worker; worker.main()"
# The only variables of the app's environment that a worker sees: what interpreter and libraries need.
ENVIRONMENT: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Errors of an operating system whose resources are exhausted for the moment.
SHORTAGES: Final = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

NOT_STARTED: Final = (
    "No picture can be read here, because the picture decoder does not start; install the app again."
)
NOT_YET: Final = "The picture decoder does not start here at the moment; try again in a few seconds."
DIED: Final = "The picture crashed its decoder; save it again as PNG or JPEG and try that."
NO_ROOM: Final = "Too many large pictures are being read here; try again in a few seconds."


large_picture: Final = threading.Lock()
"""Held while the pixels of a large picture are in this process."""


@dataclass(frozen=True, eq=False)
class Reply:
    """The end of a request. array: uint8 [height, width, channels], or None if there is no picture."""

    outcome: Outcome
    several: bool
    array: NDArray[np.uint8] | None


class WorkerLostError(Exception):
    """The worker closed its end of a pipe, or did not write a valid reply."""


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
        """Send a request, and read and validate its reply.

        Raises:
            WorkerLostError, OSError: the worker died, or did not write a valid reply.
            NoRoomError: there was no room for the pixels.
        """
        if not self.ready:
            if self.receive(len(READY)).tobytes() != READY:
                raise WorkerLostError
            self.ready = True
        header = REQUEST.pack(len(content))
        if len(content) <= TOGETHER_BYTES:
            self.send(header + content)
        else:
            self.send(header)
            self.send(content)
        code, channels, several, height, width = REPLY.unpack(self.receive(REPLY.size).data)
        if code not in list(Outcome):
            raise WorkerLostError
        if code != Outcome.PICTURE:
            return Reply(Outcome(code), False, None)
        size = height * width * channels
        if channels not in CHANNELS or not 0 < size <= LARGEST_PICTURE_BYTES:
            raise WorkerLostError
        pixels = self.receive_large(size) if size >= LARGE_PICTURE_BYTES else self.receive(size)
        return Reply(Outcome.PICTURE, bool(several), pixels.reshape(height, width, channels))

    def receive_large(self, size: int) -> NDArray[np.uint8]:
        """Wait until no other large picture is held, and read the pixels."""
        # The wait does not count as the worker's time.
        left, self.deadline = self.deadline - time.monotonic(), math.inf
        if not large_picture.acquire(timeout=ROOM_SECONDS):
            raise NoRoomError(NO_ROOM)
        self.deadline = time.monotonic() + left
        try:
            pixels = self.receive(size)
        except BaseException:
            large_picture.release()
            raise
        # Released when the pixels, and all views of them, are freed.
        weakref.finalize(pixels, large_picture.release).atexit = False
        return pixels

    def send(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._requests.write(rest) :]

    def receive(self, length: int) -> NDArray[np.uint8]:
        """Read exactly `length` bytes."""
        received = np.empty(length, np.uint8)
        rest = received.data
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

    Safe to share between threads. size: the most workers. time_limit: seconds for one picture.
    """

    def __init__(self, size: int | None = None, time_limit: float = TIME_LIMIT) -> None:
        self.time_limit = time_limit
        self.size = size or min(LARGEST_POOL, available_cores())
        self._places = threading.Semaphore(self.size)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._watching = False
        self._closed = False

    def start(self) -> None:
        """Start one worker ahead of the first picture, without waiting; the picture reports a failure."""
        with self._places, contextlib.suppress(PictureError):
            self._give_back(self._take())

    def ask(self, content: bytes) -> Reply:
        """Have one encoded picture decoded.

        Raises:
            PictureError: the worker died or took too long.
            MachineError: no worker can be started, or there was no room for the pixels.
        """
        with self._places:
            worker = self._take()
            try:
                reply = worker.exchange(content)
            except BaseException as error:
                self._remove(worker)
                if not isinstance(error, OSError | WorkerLostError):
                    raise
                if worker.ready:
                    raise PictureError(too_long(self.time_limit) if worker.overdue else DIED) from error
                raise MachineError(NOT_YET if worker.overdue else NOT_STARTED) from error
            self._give_back(worker)
            return reply

    def close(self) -> None:
        """End every worker; a busy one ends after its request."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.stop()

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
        """Kill overdue workers until none is busy; that also ends any wait for their pipes."""
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
    """Return a worker's environment: no secrets of the app, and one memory arena for all threads."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**kept, "MALLOC_ARENA_MAX": "1"}
