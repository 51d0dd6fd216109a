"""Whatever of Gradio's is not its public interface, in one place: what an upgrade of it may break.

Every other module of the app takes `gradio` itself alone, and `demo.api.stubless`, which has to come before
gradio is imported, one function of it by name. `tests/demo/api/test_gradio_inside.py` names each touch.
"""

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sized
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import gradio as gr
import uvicorn
from fastapi import Request
from gradio.components import Component
from gradio.components.api_component import Api
from gradio.context import get_render_context
from gradio.data_classes import ListFiles, PredictBodyInternal
from gradio.exceptions import Error as AppError
from gradio.i18n import I18nData
from gradio.route_utils import API_PREFIX
from gradio.routes import file_upload_statuses
from gradio.server_messages import EstimationMessage
from gradio.state_holder import SessionState, StateHolder
from gradio_client.utils import is_file_obj, is_file_obj_with_meta, traverse
from pydantic import ValidationError

ApiValue: TypeAlias = Api
"""A value of an endpoint that no component shows: default, JSON schema and name."""
Files: TypeAlias = ListFiles
"""What the browser sends of several files that it uploaded."""
Translated: TypeAlias = I18nData
"""A text that the browser puts in its own language, by its key."""

API_PATH: Final[str] = API_PREFIX
"""What the paths of gradio's own routes begin with."""

BUSY_SCRIPT: Final = """
// Of a call that is answered 503 the page says, in English, that the application is busy, whatever the answer
// says; of one with another status it says what the answer does. Of an upload it shows the answer as it is.
const ask = window.fetch;
window.fetch = async (...request) => {
  const answer = await ask(...request);
  if (answer.status !== 503) return answer;
  const says = props.says[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
  const path = new URL(answer.url).pathname;
  if (path.endsWith('/upload')) return new Response(says.file, { status: 503 });
  if (!path.endsWith('/queue/join')) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  return Response.json({ detail: detail ?? says.call }, { status: 429 });
};
"""
"""For an HTML component: has the page tell in the reader's language of what there is no room for.

Its `says` has, by language, a sentence for a `file`, and one for a `call` whose answer brings no `detail`.
"""


def tab_being_built() -> gr.Tab:
    """The tab whose `with` block runs."""
    tab = get_render_context()
    assert isinstance(tab, gr.Tab)
    return tab


def takes_files(area: gr.HTML, kind: type[gr.FileData] | type[ListFiles]) -> None:
    """Have an HTML component's value be files: without it gradio hands over whatever path a browser names."""
    area.data_model = kind


@dataclass(frozen=True)
class Input:
    """A value that an event takes. state: it is kept here, and what is sent in its place does not count."""

    component: Component | Api
    state: bool
    file: bool


@dataclass(frozen=True)
class Event:
    """Something that the app does when it is asked. public: it is an endpoint of the API."""

    name: str
    inputs: tuple[Input, ...]
    public: bool


def events_of(app: gr.Blocks) -> dict[int, Event]:
    """The events of an app that run a function here, by their numbers."""
    return {
        number: Event(
            str(function.api_name),
            tuple(Input(cast(Component, each), each.skip_api, takes_file(each)) for each in function.inputs),
            function.api_visibility == "public",
        )
        for number, function in app.fns.items()
        if function.fn is not None
    }


def value_schema(component: Component | Api) -> dict[str, Any]:
    """The JSON schema of the values that an input takes; of the page's own any but a slider's may be null."""
    schema: dict[str, Any] = component.api_info()
    if isinstance(component, Api):
        return schema
    # A choice may be a number, whatever gradio says of it; which there are it checks itself.
    kinds = ("string", "number") if isinstance(component, gr.Dropdown) else (schema["type"],)
    if not isinstance(component, gr.Slider):
        kinds = (*kinds, "null")
    return {"anyOf": [{"type": kind} for kind in kinds]}


def failures_told(app: gr.Blocks, sentence: str) -> None:
    """Have every failure of a call that has no sentence for a visitor end in one; the log has the rest."""
    process = app.process_api

    async def process_and_tell(*arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return await process(*arguments, **named)
        except AppError:
            raise
        except Exception as failure:
            logging.getLogger("touchstone").exception("A call failed")
            raise gr.Error(sentence, print_exception=False) from failure

    app.process_api = process_and_tell  # type: ignore[method-assign]


def waits_for(app: gr.Blocks, session: str) -> bool:
    """Whether a call of a session has an answer, fetched or not, or will have one.

    Fetched or not: where one stream brings the last answer as the next call begins, a page opens another one,
    and waits there for nothing.
    """
    return session in app._queue.pending_messages_per_session


def is_under_way(app: gr.Blocks, event: str) -> bool:
    """Whether a call has an answer that was not fetched, or will have one."""
    return any(event in events for events in app._queue.pending_event_ids_session.values())


def takes_file(component: object) -> bool:
    """Whether a component's value is a file or a list of files."""
    return getattr(component, "data_model", None) in (gr.FileData, ListFiles)


def are_files(component: object, value: object) -> bool:
    """Whether a value is what a component that takes files is sent: one file, or a list of them.

    A file is named as gradio's clients do it: a path, with meta that says so.
    """
    one = getattr(component, "data_model", None) is gr.FileData
    files = [value] if one else value
    if not isinstance(files, list) or not all(map(is_file_obj_with_meta, files)):
        return False
    try:
        for each in files:
            gr.FileData.model_validate(each)
    except ValidationError:
        return False
    return True


def was_uploaded(app: gr.Blocks, path: str) -> bool:
    """Whether a path is one that the app gave to whoever uploaded a file. No file is looked at."""
    return path in app.upload_file_set


def may_have_been_uploaded(app: gr.Blocks, path: str) -> bool:
    """Whether a path is like those that the app gives to who uploads a file: `folder/hash/name`."""
    like = Path(path)
    plain = str(like) == path and ".." not in like.parts
    return plain and like.parent.parent == Path(app.app.uploaded_file_dir)


def for_each_file(value: Any, see: Callable[[dict[str, Any]], Any]) -> None:
    """Have `see` look at every file in a value, however deep it lies: whatever gradio takes for one, which is
    any object with a text as its path.
    """
    traverse(value, see, is_file_obj)


def keep_no_statistics() -> None:
    """Keep and compute nothing about calls for a page that nobody may open; before the queue is made.

    With each call gradio works out the percentiles of the last 10,000 anew.
    """
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(1 << 62)


def web_server(app: gr.Blocks) -> uvicorn.Server:
    """The server of an app that is launched; for each connection it looks into its `config` anew."""
    server = app.server
    assert isinstance(server, uvicorn.Server)
    return server


def in_server_loop(app: gr.Blocks, call: Callable[[], object]) -> None:
    """From whichever thread, have a launched app's event loop call something soon, unless it has ended."""
    loop = web_server(app).servers[0].get_loop()
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


def check_before_each_join(app: gr.Blocks, check: Callable[[str | None, str | None], None]) -> None:
    """Have `check` see session and `Accept-Language` of every call before it is queued.

    An HTTPException that it raises is the answer.
    """
    push = app._queue.push

    async def check_and_push(
        body: PredictBodyInternal, request: Request, username: str | None
    ) -> tuple[bool, Any, Any]:
        check(body.session_hash, request.headers.get("accept-language"))
        return await push(body, request, username)

    app._queue.push = check_and_push  # type: ignore[method-assign]


def calls_of(app: gr.Blocks, session: str) -> int:
    """How many calls of a session wait or run."""
    return sum(event.session_hash == session for event in list(app._queue.event_ids_to_events.values()))


def calls_of_all(app: gr.Blocks) -> int:
    """How many calls wait or run."""
    return len(app._queue.event_ids_to_events)


def queue_is_full(app: gr.Blocks) -> bool:
    """Whether as many calls wait as may; gradio refuses the next one with a sentence of its own."""
    queue = app._queue
    return queue.max_size is not None and len(queue) >= queue.max_size


def bytes_of_calls(app: gr.Blocks) -> int:
    """How large the bodies are, together, of all calls that wait or run."""
    events = list(app._queue.event_ids_to_events.values())
    return sum(int(event.request.headers.get("content-length", 0)) for event in events)


def sessions_calling(app: gr.Blocks) -> set[str]:
    """The sessions of which a call waits or runs."""
    return {event.session_hash for event in list(app._queue.event_ids_to_events.values())}


def session_of(app: gr.Blocks, event: str) -> str:
    """The session of a call whose answer was not fetched; a call that named none is one by itself."""
    held = app._queue.pending_event_ids_session.items()
    return next((session for session, events in held if event in events), event)


def sessions_remembered(app: gr.Blocks) -> int:
    """Of how many sessions gradio keeps answers; of more than 2,000 it drops the oldest, whoever listens."""
    return len(app._queue.pending_messages_per_session)


def finished_sessions(app: gr.Blocks) -> dict[str, frozenset[str]]:
    """The sessions of which gradio keeps answers or a name, though none of their calls waits or runs: last
    those that came last. Each with its calls whose answers can still be fetched.
    """
    queue, calling = app._queue, sessions_calling(app)
    answers, names = queue.pending_messages_per_session, queue.pending_event_ids_session
    return {
        session: frozenset(names.get(session, ()) if session in answers else ())
        for session in (*names, *(each for each in answers if each not in names))
        if session not in calling
    }


def forget_estimates(app: gr.Blocks, session: str) -> None:
    """Drop what was said to a session of how long its calls would wait: anew whenever one went on."""
    messages = app._queue.pending_messages_per_session.get(session)
    waiting: deque[Any] = getattr(messages, "_queue", deque())
    kept = [each for each in waiting if not isinstance(each, EstimationMessage)]
    waiting.clear()
    waiting.extend(kept)


def answer_length(app: gr.Blocks, session: str) -> int:
    """How many characters the answers of a session that were not fetched have; they take more in memory."""
    messages = app._queue.pending_messages_per_session.get(session)
    return sum(len(str(each.model_dump())) for each in tuple(getattr(messages, "_queue", ())))


def forget_sessions(app: gr.Blocks, sessions: set[str]) -> None:
    """Drop the answers that nobody fetched, and the names, of sessions; in the event loop."""
    for session in sessions:
        app._queue.pending_messages_per_session.pop(session, None)
        app._queue.pending_event_ids_session.pop(session, None)


class _LeanState(SessionState):
    """What a session's calls leave for the next ones, and no copy of the page with what it shows.

    Gradio keeps one for each session, so that an address can name a state of the page: 85 kB and more, and
    6 ms to make. No address of this app does.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, tuple[float | None, datetime]] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        """Nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing."""


class _LeanStates(StateHolder):
    """The states of all sessions, in the order of their last use."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _LeanState(self.blocks)
        return super().__getitem__(session_id)


def hold_lean_states(app: gr.Blocks) -> None:
    """Have a launched app keep, of each session, its state alone."""
    app.app.state_holder = _LeanStates()  # type: ignore[no-untyped-call]
    app.app.state_holder.set_blocks(app)


@dataclass(frozen=True)
class HeldState:
    """The state of a session. left: its page was open once, and was closed since.

    rested: seconds since its last call. items: how many things its values hold together.
    """

    session: str
    left: bool
    rested: float
    items: int


def states_held(app: gr.Blocks) -> int:
    """Of how many sessions a state is kept."""
    return len(app.app.state_holder.session_data)


def held_states(app: gr.Blocks) -> Iterator[HeldState]:
    """The states that are kept, beginning with that which rested longest."""
    holder, now = app.app.state_holder, datetime.now()
    for session, state in list(holder.session_data.items()):
        rested = (now - holder.time_last_used.get(session, now)).total_seconds()
        items = sum(len(each) for each in list(state.state_data.values()) if isinstance(each, Sized))
        yield HeldState(session, state.is_closed, rested, items)


def forget_state(app: gr.Blocks, session: str) -> None:
    """Drop the state of a session; its next call begins with a new one."""
    holder = app.app.state_holder
    with holder.lock:
        holder.session_data.pop(session, None)
        holder.time_last_used.pop(session, None)


def finished_uploads() -> set[str]:
    """The uploads whose progress gradio still keeps for whoever may ask."""
    statuses, signals = file_upload_statuses._statuses, file_upload_statuses._signals
    return {each for each in {*statuses, *signals} if each not in statuses or statuses[each].is_done}


def forget_uploads(uploads: set[str]) -> None:
    """Drop the progress of uploads; in the event loop."""
    for upload in uploads:
        file_upload_statuses._statuses.pop(upload, None)
        file_upload_statuses._signals.pop(upload, None)


def forget_removed_files(app: gr.Blocks) -> None:
    """Drop the names of files that are gone from gradio's lists of what it has put into its folder."""
    for names in app.temp_file_sets:
        # Copied in one step: the event loop adds to it meanwhile.
        for name in tuple(names):
            # A path's own raises for a name that cannot be looked at.
            if not os.path.exists(name):  # noqa: PTH110
                names.discard(name)


def end_heartbeats(app: gr.Blocks) -> None:
    """End the streams that last as long as a page is open; in the event loop."""
    app.app.stop_event.set()
