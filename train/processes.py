"""Worker processes. Results never depend on their number."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, Self, TypeVar

import torch

from train.errors import RunError

Result = TypeVar("Result")
AHEAD: Final = 4
"""Results per process that wait to be taken."""


class Workers:
    """A pool of processes for use in a `with` block; with one job, the calling process does all work.

    An error or an interruption within the block stops them at once.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            # Spawn: a forked process inherits a thread pool that it cannot use.
            spawn = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(jobs, spawn, initializer=begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.pool is not None:
            if error is not None:
                for process in multiprocessing.active_children():
                    process.terminate()
            self.pool.shutdown(cancel_futures=True)

    def starmap(self, function: Callable[..., Result], calls: Sequence[tuple[Any, ...]]) -> list[Result]:
        """Return the function's results for each tuple of picklable arguments, in order.

        Calls start in this order. The first error is raised as soon as it occurs; RunError if a process
        is killed.
        """
        if self.pool is None:
            return [function(*call) for call in calls]
        futures = [self.pool.submit(function, *call) for call in calls]
        try:
            for future in as_completed(futures):
                future.result()
        except BrokenProcessPool as error:
            raise killed() from error
        return [future.result() for future in futures]

    def imap(self, function: Callable[..., Result], calls: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Yield the function's results for each tuple of picklable arguments, in order.

        Only a few results are prepared before they are taken, and no more arguments are drawn than for these.
        Errors are raised like those of `starmap`.
        """
        if self.pool is None:
            yield from (function(*call) for call in calls)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for call in calls:
                waiting.append(self.pool.submit(function, *call))
                if len(waiting) > AHEAD * self.jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise killed() from error


def killed() -> RunError:
    return RunError(
        "A worker process was killed; run the same command with --resume to go on "
        "(with --jobs 1 if memory ran out)."
    )


def begin() -> None:
    """Prepare this process to work beside others."""
    torch.set_num_threads(1)
    exit_with_parent()


def exit_with_parent() -> None:
    """Exit this process when its parent ends, even by a kill; leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
