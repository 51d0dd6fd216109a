"""Uses of gradio's private parts, which an upgrade may break; the rest of the app does without them."""

import inspect
import logging
from abc import ABCMeta
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import gradio as gr

UNEXPECTED: Final = "Something unexpected went wrong; the app's log has the reason."


@contextmanager
def without_type_stubs() -> Iterator[None]:
    """Import gradio in half the time: without the `.pyi` files that it writes for its components.

    There is no setting for that (`gradio.component_meta.create_or_modify_pyi`, 6.31), but gradio writes none
    for a class that has no file.
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


def explain_failures(app: "gr.Blocks") -> None:
    """Have calls that fail unexpectedly answer `UNEXPECTED`, and log the failure.

    With `show_error=False` gradio answers `{"error": null}`, with `show_error=True` it shows the exception's
    own text, which may name files of the server: https://github.com/gradio-app/gradio/issues/12338
    """
    import gradio as gr

    process = app.process_api

    async def process_or_explain(*arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return await process(*arguments, **options)
        except gr.Error:
            raise
        except Exception as failure:
            logging.getLogger("touchstone").exception("A call failed")
            raise gr.Error(UNEXPECTED, print_exception=False) from failure

    app.process_api = process_or_explain  # type: ignore[method-assign]


def has_session(app: "gr.Blocks", session: str) -> bool:
    """Return whether a session has called something; gradio's stream of answers breaks off for others."""
    return session in app._queue.pending_messages_per_session


def has_answer(app: "gr.Blocks", event: str) -> bool:
    """Return whether a call waits, runs, or has an answer that was not fetched."""
    return any(event in events for events in app._queue.pending_event_ids_session.values())


def drop_unfetched_answers(app: "gr.Blocks", before: set[str]) -> set[str]:
    """Drop answers that stayed unfetched since the previous call; return the sessions with newer ones.

    before: what the previous call returned. Gradio keeps the answers of 2,000 sessions, of any size:
    https://github.com/gradio-app/gradio/issues/13154
    """
    queue = app._queue
    calling = {event.session_hash for event in queue.event_ids_to_events.values()}
    unfetched = set()
    for session, events in list(queue.pending_event_ids_session.items()):
        if session in calling:
            continue
        if events and session not in before:
            unfetched.add(session)
        elif events or session not in queue.pending_messages_per_session:
            queue.pending_messages_per_session.pop(session, None)
            del queue.pending_event_ids_session[session]
    return unfetched
