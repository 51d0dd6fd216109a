"""A micro-batcher: prepare the items of many requests in parallel, and run them in batches."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from demo.errors import BusyError

MOST_WAITING: Final = 4096
"""Items without a result, of all requests together."""

LINGER: Final = 0.002
"""Seconds that a batch waits for items that are being prepared."""

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


class Batcher(Generic[Item, Prepared, Result]):
    """Prepare items one by one in threads, and run all that are ready as one batch. For one event loop.

    prepare: called by up to `threads` threads at once. run: called with 1 to `batch_size` prepared items,
    one batch at a time; returns as many results.
    """

    def __init__(
        self,
        prepare: Callable[[Item], Prepared],
        run: Callable[[list[Prepared]], Sequence[Result]],
        threads: int,
        batch_size: int,
    ) -> None:
        self._prepare = prepare
        self._run = run
        self._batch_size = batch_size
        self._waiting = 0
        # One more thread than needed to prepare: one of them runs the batches.
        self._threads = ThreadPoolExecutor(threads + 1, "batcher")
        self._lock = threading.Lock()
        self._ready: deque[tuple[Prepared, asyncio.Future[Result]]] = deque()
        self._running = False

    async def submit(self, item: Item) -> Result:
        """Return the result of one item. If the call is cancelled before its turn, the item is dropped.

        Raises:
            BusyError: too many items wait.
            Exception: any error of `prepare`, or of `run` for the item's batch.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError("Too many pictures wait here; try again in a second.")
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting += 1
        job = self._threads.submit(self._work, item, result)
        try:
            return await result
        finally:
            job.cancel()
            self._waiting -= 1

    def close(self) -> None:
        """End the threads after their current items and drop the rest; call it when no request waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _work(self, item: Item, result: asyncio.Future[Result]) -> None:
        try:
            prepared = self._prepare(item)
        except Exception as error:
            self._settle([(result, error)])
            return
        with self._lock:
            self._ready.append((prepared, result))
            if self._running:
                return
            self._running = True
        if self._waiting > len(self._ready):
            time.sleep(LINGER)
        while True:
            with self._lock:
                batch = [self._ready.popleft() for _ in range(min(self._batch_size, len(self._ready)))]
                self._running = bool(batch)
            if not batch:
                return
            self._run_batch([each for each in batch if not each[1].cancelled()])

    def _run_batch(self, batch: list[tuple[Prepared, asyncio.Future[Result]]]) -> None:
        if not batch:
            return
        found: Sequence[Result | Exception]
        try:
            found = self._run([prepared for prepared, _ in batch])
        except Exception as error:
            found = [error] * len(batch)
        self._settle([(result, each) for (_, result), each in zip(batch, found, strict=True)])

    def _settle(self, settled: list[tuple[asyncio.Future[Result], Result | Exception]]) -> None:
        # `asyncio.wrap_future` would wake the loop for each item, and leave it cycles to collect.
        def settle() -> None:
            for result, each in settled:
                if result.cancelled():
                    continue
                if isinstance(each, Exception):
                    result.set_exception(each)
                else:
                    result.set_result(each)

        # The loop may have ended, and its requests with it.
        with contextlib.suppress(RuntimeError):
            settled[0][0].get_loop().call_soon_threadsafe(settle)
