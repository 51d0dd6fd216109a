"""Uses of gradio's private parts, which an upgrade may break; the rest of the app does without them."""

import inspect
import logging
from abc import ABCMeta
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from demo.errors import UNEXPECTED


@contextmanager
def without_type_stubs() -> Iterator[None]:
    """Import gradio in half the time: without the `.pyi` files that it writes beside its components.

    It writes none for a class that has no file: https://github.com/gradio-app/gradio/issues/10121
    """
    getfile = inspect.getfile

    def file_of(thing: Any) -> str:
        if isinstance(thing, ABCMeta) and thing.__module__.startswith("gradio."):
            raise OSError
        return getfile(thing)

    inspect.getfile = file_of  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = getfile


def explain_failures(app: Any) -> None:
    """Have calls that fail unexpectedly answer `UNEXPECTED`, and log the failure.

    Gradio answers null, or the exception's own text: https://github.com/gradio-app/gradio/issues/12338
    """
    import gradio as gr

    process = app.process_api

    async def process_or_explain(*arguments: Any, **options: Any) -> Any:
        try:
            return await process(*arguments, **options)
        except gr.Error:
            raise
        except Exception as failure:
            logging.getLogger("touchstone").exception("A call failed")
            raise gr.Error(UNEXPECTED, print_exception=False) from failure

    app.process_api = process_or_explain


def has_session(app: Any, session: str) -> bool:
    """Return whether a session has called something."""
    # The stream of answers breaks off for others: https://github.com/gradio-app/gradio/issues/9169
    return session in app._queue.pending_messages_per_session


def has_answer(app: Any, event: str) -> bool:
    """Return whether a call waits, runs, or has an answer that was not fetched; see `has_session`."""
    return any(event in events for events in app._queue.pending_event_ids_session.values())


def drop_unfetched_answers(app: Any, before: set[str]) -> set[str]:
    """Drop answers that stayed unfetched since the previous call; return the sessions with newer ones.

    before: what the previous call returned. Gradio keeps the answers of 2,000 sessions, of any size:
    https://github.com/gradio-app/gradio/issues/13154
    """
    queue = app._queue
    calling = {event.session_hash for event in queue.event_ids_to_events.values()}
    unfetched = set()
    for session, events in list(queue.pending_event_ids_session.items()):
        if events and session not in before | calling:
            unfetched.add(session)
        elif session not in calling and (events or session not in queue.pending_messages_per_session):
            queue.pending_messages_per_session.pop(session, None)
            del queue.pending_event_ids_session[session]
    return unfetched
