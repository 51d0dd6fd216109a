"""Pictures of many requests, prepared side by side and answered together: a batch costs less than its parts.

What waits is given to the model as one batch. Nothing waits on purpose where nothing else is on its way, and
for others that are being prepared at most `LONGEST_WAIT`. Requests take turns, one picture each: a form of
many slow ones holds another request's up for a picture's time or two, not for all of them.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from demo.errors import BusyError

LONGEST_WAIT: Final = 0.002
"""Seconds that a prepared picture waits for others while the model is idle."""

LONGEST_END: Final = 1.0
"""Seconds that the end waits for what the threads are at."""

MOST_WAITING: Final = 4096
"""Pictures that have no answer yet, of all requests together."""

Given = TypeVar("Given")
Prepared = TypeVar("Prepared")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class Order(Generic[Given, Answer]):
    """What one request asks for. answers: in the order of `given`, None where still missing.

    taken: how many of `given`, from the front, are prepared or being prepared.
    """

    given: Sequence[Given]
    answers: list[Answer | None]
    missing: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Answer]]
    taken: int = 0
    failure: Exception | None = None

    def settle(self) -> None:
        """Hand the answers over; called in the loop that waits for them."""
        if self.done.done():  # the request was given up
            return
        if self.failure is not None:
            self.done.set_exception(self.failure)
        else:
            self.done.set_result([each for each in self.answers if each is not None])


class Batcher(Generic[Given, Prepared, Answer]):
    """Threads that prepare what is given one by one, and answer what is prepared in batches.

    prepare: run by up to `side_by_side` threads at once. answer: run one at a time, of at most `at_once`;
    gives as many answers as it is given. What either raises is raised where the answers are awaited.
    """

    def __init__(
        self,
        prepare: Callable[[Given], Prepared],
        answer: Callable[[list[Prepared]], Sequence[Answer]],
        side_by_side: int,
        at_once: int,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._prepare = prepare
        self._answer = answer
        self._side_by_side = side_by_side
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        # Those of which something is still to be taken, in the order of their turns.
        self._orders: deque[Order[Given, Answer]] = deque()
        self._prepared: deque[tuple[Order[Given, Answer], int, Prepared, float]] = deque()
        self._preparing = 0
        self._answering = False
        self._waiting = 0
        # Whether some thread wakes by itself once what is prepared has waited long enough.
        self._timed = False
        self._threads: list[threading.Thread] = []
        self._closed = False

    async def answers(self, given: Sequence[Given]) -> list[Answer]:
        """The answers, in order.

        Cancelled, what no thread is at is dropped and counts no more; it ends once the threads have let go of
        the rest, so that from then on nothing of `given` is held here.

        Raises:
            BusyError: with these more would wait than may.
        """
        loop = asyncio.get_running_loop()
        order = Order[Given, Answer](given, [None] * len(given), len(given), loop, loop.create_future())
        if not given:
            return []
        with self._changed:
            if self._waiting + len(given) > self._most_waiting:
                raise BusyError("More pictures wait here than can be answered soon; try again in a second.")
            self._waiting += len(given)
            self._orders.append(order)
            self._start_threads()
            self._changed.notify(min(len(given), self._side_by_side))
        try:
            return await order.done
        except asyncio.CancelledError:
            if self._give_up(order):
                with contextlib.suppress(Exception):
                    await order.done
            raise

    def close(self) -> None:
        """End the threads, each after what it is at; for when nobody waits for answers any more.

        Returns once they have ended, or after `LONGEST_END`: a picture may take longer.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        until = time.monotonic() + LONGEST_END
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _give_up(self, order: Order[Given, Answer]) -> bool:
        """Drop what no thread is at; whether threads are at some, which `done` then waits for."""
        with self._changed:
            dropped = len(order.given) - order.taken
            if dropped:
                order.taken = len(order.given)
                self._orders.remove(order)
            others = [each for each in self._prepared if each[0] is not order]
            dropped += len(self._prepared) - len(others)
            self._prepared = deque(others)
            self._waiting -= dropped
            order.missing -= dropped
            # What is prepared of others may have waited for this one alone.
            self._changed.notify()
            if not order.missing:
                return False
            order.done = order.loop.create_future()
            return True

    def _start_threads(self) -> None:
        # One more than prepare: while all of them are held up, what is prepared still gets its answer.
        while len(self._threads) <= self._side_by_side:
            name = f"coalescer {len(self._threads) + 1}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()

    def _work(self) -> None:
        with self._changed:
            while not self._closed:
                due = self._due()
                if due is not None and due <= 0:
                    self._answer_some()
                elif self._orders and self._preparing < self._side_by_side:
                    if due is not None and not self._timed:
                        # Preparing may take long: somebody else must see to what is prepared.
                        self._changed.notify()
                    self._prepare_one()
                else:
                    self._timed = due is not None
                    self._changed.wait(due)
                    self._timed = False

    def _due(self) -> float | None:
        """Seconds until the model is to run; None where nothing is prepared, or where it runs."""
        if self._answering or not self._prepared:
            return None
        if len(self._prepared) >= self._at_once or not (self._orders or self._preparing):
            return 0
        return self._prepared[0][3] + LONGEST_WAIT - time.monotonic()

    def _prepare_one(self) -> None:
        order = self._orders.popleft()
        index = order.taken
        order.taken += 1
        if order.taken < len(order.given):
            self._orders.append(order)
        self._preparing += 1
        self._changed.release()
        failure = None
        try:
            prepared = self._prepare(order.given[index])
        except Exception as error:
            failure = error
        self._changed.acquire()
        self._preparing -= 1
        if failure is None:
            self._prepared.append((order, index, prepared, time.monotonic()))
        else:
            self._deliver([(order, index, None)], failure)

    def _answer_some(self) -> None:
        batch = [self._prepared.popleft() for _ in range(min(self._at_once, len(self._prepared)))]
        self._answering = True
        self._changed.release()
        answers: Sequence[Answer | None] = [None] * len(batch)
        failure = None
        try:
            answers = self._answer([prepared for _, _, prepared, _ in batch])
        except Exception as error:
            failure = error
        self._changed.acquire()
        self._answering = False
        found = [(order, index, each) for (order, index, _, _), each in zip(batch, answers, strict=True)]
        self._deliver(found, failure)

    def _deliver(
        self, found: Sequence[tuple[Order[Given, Answer], int, Answer | None]], failure: Exception | None
    ) -> None:
        self._waiting -= len(found)
        whole: dict[asyncio.AbstractEventLoop, list[Order[Given, Answer]]] = {}
        for order, index, answer in found:
            order.answers[index] = answer
            order.failure = order.failure or failure
            order.missing -= 1
            if not order.missing:
                whole.setdefault(order.loop, []).append(order)
        for loop, orders in whole.items():
            # A loop that has ended waits for nothing any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, orders)


def _settle(orders: Sequence[Order[Given, Answer]]) -> None:
    for order in orders:
        order.settle()
