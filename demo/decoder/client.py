"""A pool of worker processes that decode pictures: a hostile picture can crash a worker, not the app."""

import contextlib
import io
import math
import os
import queue
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

from demo.decoder import limits
from demo.decoder.limits import Outcome
from demo.environment import available_cores
from demo.errors import MachineError, NoRoomError, PictureError

TIME_LIMIT: Final = 5.0
"""Seconds that a picture may take to decode."""
WATCH_SECONDS: Final = 0.1
"""Interval at which overdue workers are ended."""
LARGEST_POOL: Final = 4
LARGE_PICTURE_BYTES: Final = 8 << 20
"""Decoded bytes from which the app holds only one picture at a time."""
ROOM_SECONDS: Final = 5.0
"""Longest wait until another large picture, which takes about a quarter of a second, is gone."""

ROOT: Final = str(Path(__file__).resolve().parent.parent.parent)
# Isolated, and without the start-up files of site-packages, which is also faster. The app passes its own
# search path on, so that the worker finds the same Pillow.
PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from demo.decoder import worker; worker.main()"
# The only variables of the app's environment that a worker sees: what interpreter and libraries need.
ENVIRONMENT: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

NOT_STARTED: Final = (
    "The picture decoder does not start here; try again in a few seconds. If that does not help, "
    "install the app again."
)
DIED: Final = "The picture crashed its decoder; save it again as PNG or JPEG and try that."
NO_ROOM: Final = "Too many large pictures are being read here; try again in a few seconds."
SEVERAL_FRAMES: Final = "The file holds several frames; only the first was read."
REFUSALS: Final = {
    Outcome.UNKNOWN_FORMAT: (
        "This is no picture that can be read; use PNG, JPEG, WebP, AVIF, BMP, GIF or HEIC."
    ),
    Outcome.DAMAGED: "The picture is damaged or cut short; save or download it again.",
    Outcome.TOO_LARGE: (
        "The picture has more than 67 million pixels in grey, 50 million in colour or 37 million with "
        f"transparency, or more than {limits.LONGEST_SIDE:,} on a side; make it smaller and try again."
    ),
    Outcome.TOO_MUCH_METADATA: (
        "The picture carries too much text or colour data beside its pixels; save it again without them."
    ),
    Outcome.COMPRESSED_BMP: "The BMP is compressed, which programs read differently; save it as PNG.",
}

large_picture: Final = threading.Lock()
"""Held while the pixels of a large picture are in this process."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    array: uint8 [height, width, channels], channels 1 (grey), 3 (RGB) or 4 (RGBA).
    note: a sentence about parts of the file that were left out, or None.
    """

    array: NDArray[np.uint8]
    note: str | None = None


class WorkerLostError(Exception):
    """The worker closed its end of a pipe, or did not write a valid reply."""


class Worker:
    """One decoding process; used by one thread at a time.

    ready: it has started. deadline: when, on the monotonic clock, the pool ends it; infinite while idle.
    """

    def __init__(self) -> None:
        search = [ROOT, *(os.path.abspath(entry) for entry in sys.path if entry)]  # noqa: PTH100
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, *search],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment(),
            cwd=ROOT,
            # The app handles Ctrl-C.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        # `bufsize=0` makes both ends raw files.
        self._requests = cast("io.FileIO", self.process.stdin)
        self._replies = cast("io.FileIO", self.process.stdout)
        self.ready = False
        self.deadline = math.inf

    def decode(self, content: bytes) -> Picture:
        """Send a picture, and read and validate the reply.

        Raises:
            PictureError: the worker refused the picture.
            WorkerLostError, OSError: the worker died, or did not write a valid reply.
            NoRoomError: there was no room for the pixels.
        """
        if not self.ready:
            if self._receive(len(limits.READY)).tobytes() != limits.READY:
                raise WorkerLostError
            self.ready = True
        self._send(limits.REQUEST.pack(len(content)))
        self._send(content)
        code, channels, several, height, width = limits.REPLY.unpack(self._receive(limits.REPLY.size).data)
        if code in REFUSALS:
            self.deadline = math.inf
            raise PictureError(REFUSALS[code])
        size = height * width * channels
        if (
            code != Outcome.PICTURE
            or channels not in limits.CHANNELS
            or not 0 < size <= limits.LARGEST_PICTURE_BYTES
        ):
            raise WorkerLostError
        pixels = self._receive_large(size) if size >= LARGE_PICTURE_BYTES else self._receive(size)
        self.deadline = math.inf
        return Picture(pixels.reshape(height, width, channels), SEVERAL_FRAMES if several else None)

    def _receive_large(self, size: int) -> NDArray[np.uint8]:
        """Wait until no other large picture is held, and read the pixels."""
        # The wait is not the worker's fault.
        self.deadline += ROOM_SECONDS
        if not large_picture.acquire(timeout=ROOM_SECONDS):
            raise NoRoomError(NO_ROOM)
        try:
            pixels = self._receive(size)
        except BaseException:
            large_picture.release()
            raise
        # Released when the pixels, and all views of them, are freed.
        weakref.finalize(pixels, large_picture.release).atexit = False
        return pixels

    def _send(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._requests.write(rest) :]

    def _receive(self, length: int) -> NDArray[np.uint8]:
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
        # The worker that was used last comes first. None stands for one that has not been started.
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(self.size):
            self._idle.put(None)
        self._busy: set[Worker] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="decoder watchdog", daemon=True).start()

    def start(self) -> None:
        """Start one worker ahead of the first picture, without waiting; the picture reports a failure."""
        with contextlib.suppress(PictureError):
            self._give_back(self._take())

    def decode(self, content: bytes) -> Picture:
        """Decode one picture; waits while all workers are busy.

        Raises:
            PictureError: the picture was refused, or the worker died or took too long.
            MachineError: no worker can be started, or there was no room for the pixels.
        """
        worker = self._take()
        worker.deadline = time.monotonic() + self.time_limit
        self._busy.add(worker)
        try:
            return worker.decode(content)
        except (OSError, WorkerLostError) as error:
            if not worker.ready:
                raise MachineError(NOT_STARTED) from error
            overdue = time.monotonic() >= worker.deadline
            raise PictureError(too_long(self.time_limit) if overdue else DIED) from error
        finally:
            self._busy.discard(worker)
            self._give_back(worker)

    def close(self) -> None:
        """End every worker; a busy one ends after its request."""
        self._closed.set()
        for worker in tuple(self._idle.queue):
            if worker is not None:
                worker.stop()

    def _take(self) -> Worker:
        """Return an idle worker, or a new one in place of one that was lost."""
        worker = self._idle.get()
        if worker is not None and worker.process.poll() is not None:
            worker.stop()
            worker = None
        try:
            return worker or Worker()
        except OSError as error:
            self._idle.put(None)
            raise MachineError(NOT_STARTED) from error

    def _give_back(self, worker: Worker) -> None:
        """Keep a worker that has finished its picture; end any other."""
        if worker.deadline == math.inf and not self._closed.is_set():
            self._idle.put(worker)
        else:
            worker.stop()
            self._idle.put(None)

    def _watch(self) -> None:
        """Kill overdue workers, which also ends any wait for their pipes."""
        while not self._closed.wait(WATCH_SECONDS):
            for worker in tuple(self._busy):
                if worker.deadline < time.monotonic():
                    worker.process.kill()


def too_long(seconds: float) -> str:
    """Return the message for a picture that took longer than this."""
    return f"Decoding the picture took longer than {seconds:g} seconds; make it smaller and try again."


def environment() -> dict[str, str]:
    """Return a worker's environment: no secrets of the app, and one memory arena for all threads."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**kept, "MALLOC_ARENA_MAX": "1"}
