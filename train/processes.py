"""Work that is shared by processes: what comes out does not depend on how many there are."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class Workers:
    """Processes that stay until the end of a `with`: with one job, all is done in this process."""

    def __init__(self, jobs: int) -> None:
        self.pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            # Spawned, because a forked process inherits a thread pool that it cannot use.
            spawned = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(jobs, spawned, initializer=end_with_parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def results(self, function: Callable[..., Result], calls: Sequence[tuple[Any, ...]]) -> list[Result]:
        """What a function returns for each of these arguments, in their order; all fit to be sent."""
        if self.pool is None or not calls:
            return [function(*call) for call in calls]
        return list(self.pool.map(function, *zip(*calls, strict=True)))


def end_with_parent() -> None:
    """See to it that this process does not outlive a killed command: it would go on writing into its run."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
