"""Worker processes. Results never depend on their number."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class Workers:
    """A pool of processes for use in a `with` block; with one job, the calling process does all work."""

    def __init__(self, jobs: int) -> None:
        self.pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            # Spawn: a forked process inherits a thread pool that it cannot use.
            spawn = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(jobs, spawn, initializer=exit_with_parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def starmap(self, function: Callable[..., Result], calls: Sequence[tuple[Any, ...]]) -> list[Result]:
        """Return the function's results for each tuple of picklable arguments, in order."""
        if self.pool is None or not calls:
            return [function(*call) for call in calls]
        return list(self.pool.map(function, *zip(*calls, strict=True)))


def exit_with_parent() -> None:
    """Exit this process when its parent is killed; otherwise it would go on writing into the run."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
