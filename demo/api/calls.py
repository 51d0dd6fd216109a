"""Calls of the app in JSON, before gradio sees them: well-formed ones are written anew, others refused.

Only the fields and values that a call needs go on. Gradio answers a malformed call with 500, opens files that
a value names, and keeps the whole body while the call waits.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
import httpx
from gradio.components.api_component import Api
from starlette.datastructures import MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.types import Scope

from demo.api.gradio_private import has_answer, has_session
from demo.api.limits import LARGEST_VALUES
from demo.api.routes import Body, Rule
from demo.api.uploads import NOT_KEPT, NOT_UPLOADED, disk_is_full, uploaded_file
from demo.ui.texts import load_texts, preferred_language

SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEEPEST: Final = 32
TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}
NO_HOST: Final = "The request names no host by which this app can be reached; ask by its name or address."
NO_JSON: Final = f"The body must be a JSON object in UTF-8, of finite numbers, at most {DEEPEST} levels deep."


class Calls:
    """Checks requests of an app that has been built. uploads: the folder for uploads."""

    def __init__(self, app: gr.Blocks, uploads: Path) -> None:
        self._app = app
        self._uploads = uploads
        self._texts = load_texts()
        self._events = {number: event for number, event in app.fns.items() if event.fn is not None}
        self._endpoints = {
            str(event.api_name): event for event in self._events.values() if event.api_visibility == "public"
        }

    def check_request(self, scope: Scope, rule: Rule, parts: Mapping[str, str]) -> None:
        """Check what a request asks for, but for its body.

        Raises:
            HTTPException: 400 where it names no host, 404 for a page, a session or a call that is not there,
                503 for an upload while the disk is full.
        """
        if rule.body is Body.UPLOAD and disk_is_full(self._uploads):
            raise HTTPException(503, NOT_KEPT, {"retry-after": "60"})
        headers = MutableHeaders(scope=scope)
        # Gradio believes it to be its own server of pages.
        del headers["x-gradio-server"]
        for host in ",".join(headers.getlist("host") + headers.getlist("x-forwarded-host")).split(","):
            try:
                httpx.URL(f"http://{host.strip()}/")
            except httpx.InvalidURL as error:
                raise HTTPException(400, NO_HOST) from error
        asked = QueryParams(scope["query_string"])
        if "page" in asked or "deep_link" in asked:
            raise HTTPException(404, "There is nothing at this address.")
        if scope["path"].endswith("/queue/data") and not has_session(
            self._app, asked.get("session_hash", "")
        ):
            raise HTTPException(404, "Nothing was asked in this session; join the queue first.")
        if "event" in parts and not has_answer(self._app, parts["event"]):
            raise HTTPException(404, "There is no such call, or its answer was fetched before.")

    def checked(self, rule: Rule, parts: Mapping[str, str], content: bytes) -> bytes:
        """Return the body of a request as it goes on; raises HTTPException where it is malformed."""
        body = read_object(content)
        if rule.body is Body.JOIN:
            return self.join(body)
        return self.call(body, parts["name"]) if rule.body is Body.CALL else content

    def in_language(self, message: str, accepted: str | None) -> str:
        """Return a message in the reader's language where it is known, else as it is."""
        return self._texts[preferred_language(accepted)].sentence(message)

    def join(self, body: Mapping[str, Any]) -> bytes:
        """Return what goes on of a call of the page.

        Raises:
            HTTPException: 404 for an event that is not there, 422 for a value that the event does not take.
        """
        number = body.get("fn_index")
        if type(number) is not int or number not in self._events:
            raise HTTPException(404, "There is no such event; fn_index is the id of one in /config.")
        check_session(body.get("session_hash"))
        told = body.get("event_data")
        if not isinstance(told, dict | None) or names_a_file(told):
            raise HTTPException(422, "The event_data must be an object that names no file, or null.")
        inputs = self._events[number].inputs
        call = {name: body.get(name) for name in ("fn_index", "trigger_id", "session_hash", "event_data")}
        return written(call, self._values(body, inputs))

    def call(self, body: Mapping[str, Any], name: str) -> bytes:
        """Return what goes on of a call of an endpoint; raises HTTPException as `join` does."""
        event = self._endpoints.get(name)
        if event is None:
            raise HTTPException(404, f"There is no such endpoint; there is: {', '.join(self._endpoints)}.")
        session = body.get("session_hash")
        if session is not None:
            check_session(session)
        return written({"session_hash": session}, self._values(body, event.inputs))

    def _values(self, body: Mapping[str, Any], inputs: Sequence[Any]) -> list[Any]:
        data = body.get("data")
        if not isinstance(data, list) or len(data) != len(inputs):
            raise HTTPException(422, f"The data must be a list of {len(inputs)} values.")
        return [
            self._value(place, each, value)
            for place, (each, value) in enumerate(zip(inputs, data, strict=True), 1)
        ]

    def _value(self, place: int, component: Any, value: Any) -> Any:
        if component.skip_api:  # The state of a session, which is kept here.
            if names_a_file(value):
                raise HTTPException(422, NOT_UPLOADED)
            return None
        if (kind := getattr(component, "data_model", None)) is not None and value is not None:
            # Gradio's HTML component sends an empty text once its file was removed.
            if value == "":
                return None
            if kind is gr.FileData:
                return uploaded_file(self._app, self._uploads, value)
            if not isinstance(value, list):
                raise HTTPException(422, f"Value {place} of the data must be a list of files.")
            return [uploaded_file(self._app, self._uploads, each) for each in value]
        if isinstance(component, Api):
            schema: Mapping[str, Any] = component.api_info()
        else:
            schema = NUMBER if isinstance(component, gr.Slider) else PAGE_VALUE
        if not fits(value, schema):
            raise HTTPException(422, f"Value {place} of the data must be {schema['description']}.")
        return value


NUMBER: Final = {"type": "number", "description": "a number"}
PAGE_VALUE: Final = {
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
    "description": "a text, a number or null",
}


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        HTTPException: it is none, is nested too deep, or holds NaN, infinity or half a surrogate pair.
    """
    try:
        value = json.loads(body.decode())
        # Both raise ValueError: infinities and NaN, and halves of surrogate pairs.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        if isinstance(value, dict) and depth(value) <= DEEPEST:
            return value
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, NO_JSON) from error
    raise HTTPException(400, NO_JSON)


def depth(value: object) -> int:
    """Return how deep lists and objects are nested."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inside), default=0)


def written(call: dict[str, Any], data: list[Any]) -> bytes:
    """Return a call as JSON; raises HTTPException where values other than files are too large."""
    values = [value for value in data if not isinstance(value, dict | list)]
    if len(json.dumps([call, values])) > LARGEST_VALUES:
        raise HTTPException(413, f"The values have more than {LARGEST_VALUES >> 10} KiB; send less at once.")
    return json.dumps(call | {"data": data}).encode()


def check_session(value: object) -> None:
    """Raise HTTPException unless a value is the hash of a session."""
    if not isinstance(value, str) or not SESSION.fullmatch(value):
        raise HTTPException(422, "The session_hash must be a text of up to 64 letters, digits, - and _.")


def names_a_file(value: object) -> bool:
    """Return whether an object in a value has a `path`, which gradio would take for a file."""
    if isinstance(value, dict):
        return "path" in value or any(map(names_a_file, value.values()))
    return isinstance(value, list) and any(map(names_a_file, value))


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Return whether a value has a schema's type, range and choice; 3.0 is a whole number, too."""
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if schema["type"] == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, TYPES[schema["type"]]):
        return False
    if "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        return False
    return value in schema.get("enum", (value,))
