"""Pictures of many requests, prepared side by side and answered together: a batch costs less than its parts.

What waits is given to the model as one batch. Nothing waits on purpose where nothing else is on its way, and
for others that are being prepared at most `LONGEST_WAIT`. A picture that takes long holds nobody else up.
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

MOST_WAITING: Final = 4096
"""Pictures that have no answer yet, of all requests together."""

Given = TypeVar("Given")
Prepared = TypeVar("Prepared")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class Order(Generic[Given, Answer]):
    """What one request asks for. answers: in the order of `given`, None where still missing."""

    given: Sequence[Given]
    answers: list[Answer | None]
    missing: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Answer]]
    failure: Exception | None = None

    def settle(self) -> None:
        """Hand the answers over; called in the loop that waits for them."""
        if self.done.done():  # the request was given up
            return
        if self.failure is not None:
            self.done.set_exception(self.failure)
        else:
            self.done.set_result([each for each in self.answers if each is not None])


class Coalescer(Generic[Given, Prepared, Answer]):
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
        self._given: deque[tuple[Order[Given, Answer], int]] = deque()
        self._prepared: deque[tuple[Order[Given, Answer], int, Prepared, float]] = deque()
        self._preparing = 0
        self._answering = False
        self._waiting = 0
        # Whether some thread wakes by itself once what is prepared has waited long enough.
        self._timed = False
        self._threads = 0
        self._closed = False

    async def answers(self, given: Sequence[Given]) -> list[Answer]:
        """The answers, in order.

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
            self._given.extend((order, index) for index in range(len(given)))
            self._start_threads()
            self._changed.notify(min(len(given), self._side_by_side))
        return await order.done

    def close(self) -> None:
        """End the threads, each after what it is at."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _start_threads(self) -> None:
        # One more than prepare: while all of them are held up, what is prepared still gets its answer.
        while self._threads <= self._side_by_side:
            self._threads += 1
            threading.Thread(target=self._work, name=f"coalescer {self._threads}", daemon=True).start()

    def _work(self) -> None:
        with self._changed:
            while not self._closed:
                due = self._due()
                if due is not None and due <= 0:
                    self._answer_some()
                elif self._given and self._preparing < self._side_by_side:
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
        if len(self._prepared) >= self._at_once or not (self._given or self._preparing):
            return 0
        return self._prepared[0][3] + LONGEST_WAIT - time.monotonic()

    def _prepare_one(self) -> None:
        order, index = self._given.popleft()
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
