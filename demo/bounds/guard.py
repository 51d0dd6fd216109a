"""The bounds around a server: its connections, its requests, its calls by session, its files, its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import gradio as gr

from demo.api.gradio_inside import (
    calls_of_all,
    end_heartbeats,
    forget_removed_files,
    hold_lean_states,
    in_server_loop,
    web_server,
)
from demo.bounds.allowance import FolderAllowance
from demo.bounds.crowd import bound
from demo.bounds.ending import wait_until_quiet
from demo.bounds.fair import share_fairly
from demo.bounds.forgetting import Forgetter, forget_what_is_done
from demo.bounds.full import refuse_when_full
from demo.bounds.temporary import Cleaner
from demo.doors.ways import UPLOAD_PATH

SECONDS_TO_CLOSE: Final = 2
"""For connections that are still open once all is answered, or once there is no more time for it."""

SECONDS_FOR_LARGE: Final = 4
"""For answers of more than a megabyte in the end: who does not read one holds the end up no longer."""


def guard_calls(app: gr.Blocks, host: str) -> Forgetter:
    """Bound what an app keeps of its calls, how many wait, and how many a session may have; before it is
    launched.

    Returns what forgets them: its listeners are to be kept account of, with `Listening`, once it is.
    """
    refuse_when_full(app)
    share_fairly(app, host)
    # Before those: a call that is refused has made a session, too.
    return forget_what_is_done(app)


@contextmanager
def guarded(app: gr.Blocks, uploads: Path, forgetter: Forgetter) -> Iterator[None]:
    """Bound what strangers may ask of a launched app; when left by SystemExit, finish what was asked.

    uploads: the folder that is emptied some minutes after the last request, and holds so much and no more.
    forgetter: drops what the last visitors left, also when nobody comes after them.
    """
    hold_lean_states(app)
    server = web_server(app)
    allowance = FolderAllowance(uploads)
    crowd = bound(server.config, written={UPLOAD_PATH: allowance})
    server.config.timeout_graceful_shutdown = SECONDS_TO_CLOSE

    def busy() -> bool:
        return bool(crowd.requests or calls_of_all(app))

    def cleaned() -> None:
        allowance.look()
        forget_removed_files(app)
        in_server_loop(app, forgetter.look)

    with Cleaner(uploads, busy, lambda: crowd.last, lambda: allowance.crowded, cleaned):
        try:
            yield
        except SystemExit:
            crowd.end()
            large_until = time.monotonic() + SECONDS_FOR_LARGE
            wait_until_quiet(lambda: busy() or bool(crowd.large and time.monotonic() < large_until))
            end_heartbeats(app)
            server.should_exit = True
            server.thread.join(SECONDS_TO_CLOSE + 1)  # type: ignore[attr-defined]
            raise
