"""What gradio keeps of calls and uploads that are long done, dropped: it would grow with every visitor.

An answer waits for whoever asked, some minutes long; what was fetched is dropped soon.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import gradio as gr

from demo.api.gradio_inside import (
    answer_length,
    check_before_each_join,
    finished_sessions,
    finished_uploads,
    forget_estimates,
    forget_sessions,
    forget_uploads,
    sessions_remembered,
)
from demo.bounds.listening import Listeners
from demo.bounds.states import States

ROUND: Final = 10.0
"""Seconds between two looks; what was fetched, or uploaded, at both is dropped."""

KEPT_UNFETCHED: Final = 600.0
"""Seconds for which an answer waits to be fetched."""

MOST_UNFETCHED: Final = 500
"""Sessions whose answers wait; beyond, the oldest go."""

LONGEST_UNFETCHED: Final = 4 << 20
"""Characters of the answers that wait, together: 2,000 of one call have 600,000, and take 1 MB."""

MOST_REMEMBERED: Final = 1500
"""Sessions of which gradio keeps answers, fetched or not: at 2,000 it drops the oldest, whoever listens.
What may not be dropped is less: 128 calls that wait or run, 400 streams, 500 that are unfetched.
"""


@dataclass(frozen=True)
class Finished:
    """A session none of whose calls waits or runs.

    unfetched: its calls whose answers can still be fetched, so many characters long. since: when it was first
    seen so, by the clock of the `Forgetter`.
    """

    unfetched: frozenset[str]
    length: int
    since: float


class Forgetter:
    """Drops what is done, whenever it is told to look; in the event loop alone.

    kept: seconds for which an answer waits. most, longest: how many do, and how many characters they have.
    listeners: who is there, to be kept account of with `Listening`.
    """

    def __init__(
        self,
        app: gr.Blocks,
        listeners: Listeners,
        between: float = ROUND,
        kept: float = KEPT_UNFETCHED,
        most: int = MOST_UNFETCHED,
        longest: int = LONGEST_UNFETCHED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self.listeners = listeners
        self._states = States(app, listeners)
        self._between = between
        self._kept = kept
        self._most = most
        self._longest = longest
        self._clock = clock
        self._looked = clock()
        self._finished: dict[str, Finished] = {}
        self._uploads: set[str] = set()

    def look(self, *_: str | None) -> None:
        """Drop, where it is time to or there is too much."""
        now = self._clock()
        full = sessions_remembered(self._app) > MOST_REMEMBERED
        due = now - self._looked >= self._between
        if due or full:
            self._forget_answers(now, full)
        if due or self._states.too_many:
            self._states.forget()
        if due:
            self._looked = now
            uploads = finished_uploads()
            forget_uploads(self._uploads & uploads)
            self._uploads = uploads

    def _forget_answers(self, now: float, full: bool) -> None:
        finished: dict[str, Finished] = {}
        for session, unfetched in finished_sessions(self._app).items():
            # Somebody who reads slowly still takes them.
            if self.listeners.answers[session]:
                continue
            known = self._finished.get(session)
            if known is None or known.unfetched != unfetched:
                forget_estimates(self._app, session)
                length = answer_length(self._app, session) if unfetched else 0
                known = Finished(unfetched, length, now)
            finished[session] = known
        gone = set()
        count = length = 0
        oldest_first = sorted(finished, key=lambda session: finished[session].since)
        for session in oldest_first[::-1]:
            known = finished[session]
            if known.unfetched:
                count += 1
                length += known.length
                rests = now - known.since < self._kept and count <= self._most and length <= self._longest
            else:
                rests = known.since == now and not full
            if not rests:
                gone.add(session)
        forget_sessions(self._app, gone)
        self._finished = {session: known for session, known in finished.items() if session not in gone}


def forget_what_is_done(app: gr.Blocks) -> Forgetter:
    """Have an app forget, with its calls; after its queue is set up, before it is launched.

    Returns what does, to be told to look also where no call comes.
    """
    forgetter = Forgetter(app, Listeners())
    check_before_each_join(app, forgetter.look)
    return forgetter
