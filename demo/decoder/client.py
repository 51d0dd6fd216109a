"""A pool of processes that decode pictures, so that a hostile one costs a process and not the app."""

import contextlib
import errno
import functools
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
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from demo.decoder.room import LARGE, LONGEST_WAIT, NO_ROOM, Room, pixels_room
from demo.decoder.slots import SMALL, Slots
from demo.decoder.wire import CHANNELS, LARGEST_PICTURE_BYTES, LARGEST_PIXELS, READY, REPLY, REQUEST, Outcome
from demo.errors import MachineError, NoRoomError, PictureError

TIME_LIMIT: Final = 9.0
LARGEST_POOL: Final = 4

# Isolated and without site-packages' start-up files, which is also faster; the app's own search path is
# handed over, so that the same Pillow is found.
PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from demo.decoder import worker; worker.main()"
# All that a worker sees of the app's environment: what its interpreter and libraries need to start.
ENVIRONMENT: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

NOT_STARTED: Final = (
    "No picture can be read here, because the picture decoder does not start; install the app again."
)
# Of an operating system that is short of something, which passes.
SHORTAGES: Final = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
NOT_YET: Final = "The picture decoder does not start here at the moment; try again in a few seconds."
DIED: Final = "The picture made its decoder stop; save it again as PNG or JPEG and try that."


@dataclass(frozen=True, eq=False)
class Reply:
    """How a request ended. array: uint8 [height, width, channels], or None where there is no picture."""

    outcome: Outcome
    several: bool
    array: NDArray[np.uint8] | None


class WorkerLostError(Exception):
    """The worker's end of the pipe is closed, or what came through it is no reply."""


class Watchdog:
    """Kills processes whose time is up: one thread for all of them, which sleeps nearly always.

    A thread a picture would cost more than a small picture's decoding. Killing a process ends any read and
    write of its pipes, on every system and whatever it was doing.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[subprocess.Popen[bytes], float] = {}
        self._wakes_at = math.inf
        threading.Thread(target=self._run, name="decoders' watchdog", daemon=True).start()

    def watch(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Kill a process unless it is released within so many seconds."""
        with self._changed:
            deadline = time.monotonic() + seconds
            self._deadlines[process] = deadline
            # Woken only for what it would come too late for, which among equal time limits is seldom.
            if deadline < self._wakes_at:
                self._changed.notify()

    def release(self, process: subprocess.Popen[bytes]) -> float | None:
        """The seconds that were left to the process, which is not killed any more; None where it was."""
        with self._changed:
            deadline = self._deadlines.pop(process, None)
        return None if deadline is None else deadline - time.monotonic()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for process in [each for each, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[process]
                    with contextlib.suppress(OSError):
                        process.kill()
                self._wakes_at = min(self._deadlines.values(), default=math.inf)
                self._changed.wait(None if self._wakes_at == math.inf else self._wakes_at - now)


@functools.cache
def watchdog() -> Watchdog:
    """The one of this process, started with the first picture."""
    return Watchdog()


class Worker:
    """One decoding process. Not shared between threads; the pool lends it to one at a time."""

    def __init__(self) -> None:
        self.guard = watchdog()
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
            # Ctrl-C in a terminal is the app's to handle.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.ready = False

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def ask(self, content: bytes, time_limit: float) -> Reply:
        """Have a picture decoded; after any exception the worker is to be stopped.

        Raises:
            PictureError: the worker died, or took longer than the time limit in seconds.
            MachineError: it did not start, or there is no room for the pixels.
        """
        self.guard.watch(self.process, time_limit)
        try:
            reply = self.exchange(content)
        except (OSError, WorkerLostError) as error:
            in_time = self.guard.release(self.process) is not None
            if not self.ready:
                raise MachineError(NOT_STARTED if in_time else NOT_YET) from error
            raise PictureError(DIED if in_time else too_long(time_limit)) from error
        if self.guard.release(self.process) is None:
            # It was killed just as it had answered: the next picture must not be given to it.
            raise PictureError(too_long(time_limit))
        return reply

    def exchange(self, content: bytes) -> Reply:
        """Send a request and read its reply, of which nothing is taken on trust."""
        if not self.ready:
            if self.receive(len(READY)) != READY:
                raise WorkerLostError
            self.ready = True
        header = REQUEST.pack(len(content))
        if len(content) < LARGE:
            self.send(header + content)
        else:
            # Together they would be held twice.
            self.send(header)
            self.send(content)
        code, channels, several, height, width = REPLY.unpack(self.receive(REPLY.size))
        try:
            outcome = Outcome(code)
        except ValueError as error:
            raise WorkerLostError from error
        if outcome is not Outcome.PICTURE:
            return Reply(outcome, False, None)
        if channels not in CHANNELS or not 0 < height * width <= LARGEST_PIXELS:
            raise WorkerLostError
        if height * width * channels > LARGEST_PICTURE_BYTES:
            raise WorkerLostError
        pixels = self.receive_pixels(height * width * channels)
        return Reply(outcome, bool(several), pixels.reshape(height, width, channels))

    def receive_pixels(self, size: int) -> NDArray[np.uint8]:
        """Read so many bytes of pixels; of a large picture once there is room, which it holds as it lives."""
        if size < LARGE:
            return np.frombuffer(self.receive(size), np.uint8)
        room = pixels_room()
        # The normaliser takes about half as much again.
        taken = min(size * 3 // 2, room.size)
        self.wait_for_room(room, taken)
        try:
            pixels = np.frombuffer(self.receive(size), np.uint8)
        except BaseException:
            room.give(taken)
            raise
        weakref.finalize(pixels, room.give, taken).atexit = False
        return pixels

    def wait_for_room(self, room: Room, size: int) -> None:
        """Take room for pixels; the time that others keep it is none of the worker's.

        Raises:
            NoRoomError: there was none for too long.
        """
        left = self.guard.release(self.process)
        if left is None:
            raise WorkerLostError
        if not room.take(size, LONGEST_WAIT):
            raise NoRoomError(NO_ROOM)
        self.guard.watch(self.process, left)

    def send(self, content: bytes) -> None:
        """Write all of it."""
        stream = raw(self.process.stdin)
        rest = memoryview(content)
        while rest:
            rest = rest[stream.write(rest) :]

    def receive(self, length: int) -> bytearray:
        """Read exactly that many bytes."""
        stream = raw(self.process.stdout)
        received = bytearray(length)
        rest = memoryview(received)
        while rest:
            count = stream.readinto(rest)
            if not count:
                raise WorkerLostError
            rest = rest[count:]
        return received

    def stop(self) -> None:
        """End the process and wait for it, so that none is left behind."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                raw(stream).close()


class Pool:
    """Decodes pictures in worker processes: started when needed, kept, replaced when lost.

    Safe to share between threads; more than `size` at once wait for each other, as `Slots` tells.
    """

    def __init__(self, size: int | None = None, time_limit: float = TIME_LIMIT) -> None:
        self.time_limit = time_limit
        self.size = size or min(LARGEST_POOL, os.cpu_count() or 1)
        self._slots = Slots(self.size)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._closed = False

    def start(self) -> None:
        """Start one worker ahead of the first picture, without waiting; if it fails, that picture says so."""
        with self._slots.one_for(0), contextlib.suppress(PictureError):
            self._give_back(self._take())

    def keep_to(self, size: int) -> None:
        """From now on no more than so many workers at once: where others have the machine's other cores."""
        while self.size > size:
            self._slots.take(SMALL)
            self.size -= 1

    def ask(self, content: bytes) -> Reply:
        """Have one encoded picture decoded.

        Raises:
            PictureError: the worker died or took too long.
            MachineError: none can be started, or there was no room for the pixels.
        """
        with self._slots.one_for(len(content)):
            worker = self._take()
            try:
                reply = worker.ask(content, self.time_limit)
            except BaseException:
                worker.stop()
                raise
            self._give_back(worker)
            return reply

    def close(self) -> None:
        """End every worker; one at work ends with its request."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def processes(self) -> list[int]:
        """The process ids of the idle workers."""
        with self._lock:
            return [worker.process.pid for worker in self._idle]

    def _take(self) -> Worker:
        """An idle worker, the one used last, or a new one."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                try:
                    return Worker()
                except OSError as error:
                    raise MachineError(NOT_YET if error.errno in SHORTAGES else NOT_STARTED) from error
            if worker.alive:
                return worker
            worker.stop()

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.stop()


def too_long(seconds: float) -> str:
    """What is said of a picture that took longer than this."""
    return f"Decoding the picture took longer than {seconds:g} seconds; make it smaller and try again."


def environment() -> dict[str, str]:
    """A worker's environment: no secret of the app's, and no memory reserved per thread."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**kept, "MALLOC_ARENA_MAX": "1"}


def raw(stream: object) -> io.FileIO:
    """A pipe's end as what `bufsize=0` makes it."""
    if not isinstance(stream, io.FileIO):
        raise WorkerLostError
    return stream
