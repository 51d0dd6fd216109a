"""What gradio keeps of calls and uploads that are long done, dropped: it would grow with every visitor."""

import time
from typing import Final

import gradio as gr

from demo.gradio_inside import (
    check_before_each_join,
    finished_sessions,
    finished_uploads,
    forget_sessions,
    forget_uploads,
)

ROUND: Final = 30.0
"""Seconds between two looks; what is done at both is dropped, answers that nobody fetched as well."""

SESSIONS_KEPT: Final = 256
"""Of pages that are or were open, how many have their state kept: each takes about 100 kB."""


class Forgetter:
    """Drops what was done at the last look already, when a call comes; in the event loop alone."""

    def __init__(self, app: gr.Blocks, between: float = ROUND) -> None:
        self._app = app
        self._between = between
        self._looked = time.monotonic()
        self._sessions: set[str] = set()
        self._uploads: set[str] = set()

    def look(self, *_: str | None) -> None:
        """Drop, where it is time to."""
        if time.monotonic() - self._looked < self._between:
            return
        self._looked = time.monotonic()
        sessions, uploads = finished_sessions(self._app), finished_uploads()
        forget_sessions(self._app, self._sessions & sessions)
        forget_uploads(self._uploads & uploads)
        self._sessions, self._uploads = sessions, uploads


def forget_what_is_done(app: gr.Blocks) -> None:
    """Have an app forget, with its calls; after its queue is set up, before it is launched."""
    forgetter = Forgetter(app)
    check_before_each_join(app, forgetter.look)
