"""Checks of requests for the page, before gradio sees them.

A well-formed call is written anew, with only the fields and values that it needs; others are refused. Gradio
answers a malformed call with 500, opens files that a value names, and keeps the whole body while the call
waits.
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
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from demo.api.gradio_private import has_answer, has_session
from demo.api.limits import LARGEST_VALUES
from demo.api.routes import Body, Rule
from demo.api.uploads import NOT_KEPT, disk_is_full, uploaded_file
from demo.ui.texts import load_texts, preferred_language

DEEPEST: Final = 32
TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}
NUMBER: Final = {"type": "number", "description": "a number"}
PAGE_VALUE: Final = {
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
    "description": "a text, a number or null",
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

    def in_language(self, message: str, accepted: str | None) -> str:
        """Translate a message for a reader whose browser sends `accepted` as `Accept-Language`."""
        return self._texts[preferred_language(accepted)].sentence(message)

    async def check(
        self, scope: Scope, rule: Rule, parts: Mapping[str, str | None], receive: Receive
    ) -> Receive:
        """Check a request; return the `receive` for gradio.

        Raises:
            HTTPException: 400 for a host or JSON that is malformed, 404 for a session or call that does not
                exist, 410 for a removed upload, 413 for large values, 422 for a value that the call does not
                take, 503 for an upload while the disk is full.
        """
        headers = MutableHeaders(scope=scope)
        # Gradio takes a request with this header for one of its own server of pages.
        del headers["x-gradio-server"]
        for host in ",".join(headers.getlist("host") + headers.getlist("x-forwarded-host")).split(","):
            try:
                httpx.URL(f"http://{host.strip()}/")
            except httpx.InvalidURL as error:
                raise HTTPException(400, NO_HOST) from error
        if scope["path"].endswith("/queue/data"):
            session = QueryParams(scope["query_string"]).get("session_hash", "")
            if not has_session(self._app, session):
                raise HTTPException(404, "Nothing was asked in this session; join the queue first.")
        if (event := parts.get("event")) and not has_answer(self._app, event):
            raise HTTPException(404, "There is no such call, or its answer was fetched before.")
        if rule.body is Body.UPLOAD and disk_is_full(self._uploads):
            raise HTTPException(503, NOT_KEPT, {"retry-after": "60"})
        if rule.body in (None, Body.UPLOAD) or scope["method"] != "POST":
            return receive
        content = self._rewritten(rule, parts, await Request(scope, receive).body())
        del headers["transfer-encoding"]
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(content))
        waiting: list[Message] = [{"type": "http.request", "body": content}]

        async def receive_again() -> Message:
            return waiting.pop() if waiting else await receive()

        return receive_again

    def _rewritten(self, rule: Rule, parts: Mapping[str, str | None], content: bytes) -> bytes:
        """Return the JSON for gradio."""
        try:
            body = json.loads(content.decode())
            # ValueError for infinity, NaN and half a surrogate pair.
            json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
            if not isinstance(body, dict) or depth(body) > DEEPEST:
                raise HTTPException(400, NO_JSON)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, NO_JSON) from error
        if rule.body is Body.JSON:
            return content
        call = self._join(body) if rule.body is Body.JOIN else self._call(body, str(parts["name"]))
        return json.dumps(call).encode()

    def _join(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a call of the page."""
        number = body.get("fn_index")
        if type(number) is not int or number not in self._events:
            raise HTTPException(404, "There is no such event; fn_index is the id of one in /config.")
        call = {name: body.get(name) for name in ("fn_index", "trigger_id", "session_hash", "event_data")}
        # Gradio takes any object with a `path` for a file.
        if not isinstance(call["event_data"], dict | None) or '"path":' in json.dumps(call["event_data"]):
            raise HTTPException(422, "The event_data must be an object that names no file, or null.")
        return self._with_data(call, body, self._events[number].inputs)

    def _call(self, body: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return the fields of a call of an endpoint."""
        if name not in self._endpoints:
            raise HTTPException(404, f"There is no such endpoint; there is: {', '.join(self._endpoints)}.")
        call = {"session_hash": body["session_hash"]} if body.get("session_hash") is not None else {}
        return self._with_data(call, body, self._endpoints[name].inputs)

    def _with_data(
        self, call: dict[str, Any], body: Mapping[str, Any], inputs: Sequence[Any]
    ) -> dict[str, Any]:
        """Return a call with the values of a body."""
        session = call.get("session_hash", "none")
        if not isinstance(session, str) or not re.fullmatch("[A-Za-z0-9_-]{1,64}", session):
            raise HTTPException(422, "The session_hash must be a text of up to 64 letters, digits, - and _.")
        data = body.get("data")
        if not isinstance(data, list) or len(data) != len(inputs):
            raise HTTPException(422, f"The data must be a list of {len(inputs)} values.")
        pairs = enumerate(zip(inputs, data, strict=True), 1)
        checked = [self._value(place, component, value) for place, (component, value) in pairs]
        values = [value for value in checked if not isinstance(value, dict | list)]
        if len(json.dumps([call, values])) > LARGEST_VALUES:
            raise HTTPException(
                413, f"The values have more than {LARGEST_VALUES >> 10} KiB; send less at once."
            )
        return call | {"data": checked}

    def _value(self, place: int, component: Any, value: Any) -> Any:
        kind = getattr(component, "data_model", None)
        # Gradio's HTML component sends an empty text once its file was removed.
        if kind is not None and value in (None, ""):
            return None
        if kind is gr.FileData:
            return uploaded_file(self._app, self._uploads, value)
        if kind is not None:
            if not isinstance(value, list):
                raise HTTPException(422, f"Value {place} of the data must be a list of files.")
            return [uploaded_file(self._app, self._uploads, each) for each in value]
        schema: Mapping[str, Any] = NUMBER if isinstance(component, gr.Slider) else PAGE_VALUE
        if isinstance(component, Api):
            schema = component.api_info()
        if not fits(value, schema):
            raise HTTPException(422, f"Value {place} of the data must be {schema['description']}.")
        return value


def depth(value: object) -> int:
    """Return how deep lists and objects are nested."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inside), default=0)


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
