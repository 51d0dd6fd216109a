"""Whatever of Gradio's is not its public interface, in one place: what an upgrade of it may break.

Every other module of the app takes `gradio` itself alone, and `demo.stubless`, which has to come before
gradio is imported, one function of it by name. `tests/test_gradio_inside.py` names each touch.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import gradio as gr
from gradio.components import Component
from gradio.components.api_component import Api
from gradio.context import get_render_context
from gradio.data_classes import ListFiles
from gradio.exceptions import Error as AppError
from gradio.i18n import I18nData
from gradio.route_utils import API_PREFIX
from gradio_client.utils import is_file_obj_with_meta, traverse
from pydantic import ValidationError

ApiValue: TypeAlias = Api
"""A value of an endpoint that no component shows: default, JSON schema and name."""
Files: TypeAlias = ListFiles
"""What the browser sends of several files that it uploaded."""
Translated: TypeAlias = I18nData
"""A text that the browser puts in its own language, by its key."""

API_PATH: Final[str] = API_PREFIX
"""What the paths of gradio's own routes begin with."""


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
    """The JSON schema of the values that an input takes; of the page's own any may be null, too."""
    schema: dict[str, Any] = component.api_info()
    if isinstance(component, Api):
        return schema
    # A choice may be a number, whatever gradio says of it; which there are it checks itself.
    kinds = ("string", "number") if isinstance(component, gr.Dropdown) else (schema["type"],)
    return {"anyOf": [{"type": kind} for kind in (*kinds, "null")]}


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
    """Whether a call of a session has an answer that was not fetched, or will have one."""
    return bool(app._queue.pending_event_ids_session.get(session))


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


def for_each_file(value: Any, see: Callable[[dict[str, Any]], Any]) -> None:
    """Have `see` look at every marked file in a value, however deep it lies."""
    traverse(value, see, is_file_obj_with_meta)
