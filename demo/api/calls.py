"""Checks of requests for the page, before gradio sees them.

A well-formed call is written anew, with only the fields that it needs; others are refused. Gradio answers a
malformed call with 500, opens files that a value names, and keeps the whole body while the call waits.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import gradio as gr
import httpx
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    create_model,
    field_validator,
)
from pydantic_core import from_json
from starlette.datastructures import MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from demo.api.arguments import GENERATE_DEFAULTS, first_problem, generate_types
from demo.api.gradio_private import has_answer, has_session
from demo.api.limits import LARGEST_VALUES
from demo.api.middleware import too_large
from demo.api.routes import NAME, Rule
from demo.api.uploads import NOT_KEPT, disk_is_full, uploaded_file
from demo.ui.texts import load_texts, preferred_language

NO_HOST: Final = "The request names no host by which this app can be reached; ask by its name or address."
NO_JSON: Final = "The body must be a JSON object in UTF-8, of finite numbers, at most 200 levels deep."

Number = StrictInt | StrictFloat


class Call(BaseModel):
    """A call of the page or the API; a subclass for each event adds the types of its `data`."""

    session_hash: Annotated[str, Field(pattern=f"^{NAME}$")] | None = None
    fn_index: StrictInt | None = None
    trigger_id: StrictInt | None = None
    event_data: dict[str, Any] | None = None

    @field_validator("event_data")
    @classmethod
    def names_no_file(cls, value: Any) -> Any:
        """Refuse what gradio takes for a file: any object with a `path`."""
        if '"path":' in json.dumps(value):
            raise ValueError("it must name no file")
        return value


class Calls:
    """Checks requests of an app that has been built.

    uploads: the folder for uploads. generators: the names of the installed ones.
    """

    def __init__(self, app: gr.Blocks, uploads: Path, generators: Sequence[str]) -> None:
        self._app = app
        self._uploads = uploads
        self._texts = load_texts()
        self._models: dict[object, type[Call]] = {}
        self._names: dict[str, list[str]] = {}
        for number, event in app.fns.items():
            types = [self._type(component) for component in event.inputs]
            if event.api_name == "generate":
                types = list(generate_types(generators).values())
            model = create_model("Call", __base__=Call, data=(tuple[*types], ...))  # type: ignore[valid-type]
            if event.fn is None:
                continue
            self._models[number] = model
            if event.api_visibility == "public":
                self._models[event.api_name] = model
                self._names[str(event.api_name)] = list(inspect.signature(event.fn).parameters)

    def _type(self, component: Any) -> Any:
        """Return the type of a component's value in a call."""
        kind = getattr(component, "data_model", None)
        if kind is None:
            return Number if isinstance(component, gr.Slider) else StrictStr | Number | None
        file: Any = Annotated[
            dict[str, Any], PlainValidator(lambda value: uploaded_file(self._app, self._uploads, value))
        ]
        # Gradio's HTML component sends an empty text once its file was removed.
        without_file = BeforeValidator(lambda value: None if value == "" else value)
        return Annotated[(file if kind is gr.FileData else list[file]) | None, without_file]

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
        try:
            for host in ",".join(headers.getlist("host") + headers.getlist("x-forwarded-host")).split(","):
                httpx.URL(f"http://{host.strip()}/")
        except httpx.InvalidURL as error:
            raise HTTPException(400, NO_HOST) from error
        if scope["path"].endswith("/queue/data"):
            session = QueryParams(scope["query_string"]).get("session_hash", "")
            if not has_session(self._app, session):
                raise HTTPException(404, "Nothing was asked in this session; join the queue first.")
        if (event := parts.get("event")) and not has_answer(self._app, event):
            raise HTTPException(404, "There is no such call, or its answer was fetched before.")
        if rule.body == "upload" and disk_is_full(self._uploads):
            raise HTTPException(503, NOT_KEPT, {"retry-after": "60"})
        if rule.body in (None, "upload") or scope["method"] != "POST":
            return receive
        content = self._rewritten(rule, parts, await Request(scope, receive).body())
        # Gradio would fill in what a call by names leaves out from examples of its own.
        scope["path"] = scope["path"].replace("/call/v2/", "/call/")
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
            body = from_json(content, allow_inf_nan=False)
            # ValueError for 1e999, which is infinity, too.
            json.dumps(body, allow_nan=False)
        except ValueError as error:
            raise HTTPException(400, NO_JSON) from error
        if not isinstance(body, dict):
            raise HTTPException(400, NO_JSON)
        if rule.body == "json":
            return content
        key = parts.get("name", body.get("fn_index"))
        if type(key) not in (int, str) or key not in self._models:
            raise HTTPException(404, "There is no such call; /gradio_api/info lists those of the API.")
        if parts.get("named"):
            body = self._by_position(str(key), body)
        try:
            call = self._models[key].model_validate(body).model_dump()
        except ValidationError as error:
            raise HTTPException(422, first_problem(error)) from error
        values = [value for value in call["data"] if not isinstance(value, dict | list)]
        if len(json.dumps([call["event_data"], values])) > LARGEST_VALUES:
            raise too_large(LARGEST_VALUES)
        return json.dumps(call).encode()

    def _by_position(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a call whose values were named; those left out are the defaults."""
        names = self._names[name]
        if unknown := sorted(values.keys() - set(names)):
            raise HTTPException(
                422, f"There is no argument {unknown[0][:40]!r}; /{name} takes {', '.join(names)}."
            )
        return {"data": [values.get(each, GENERATE_DEFAULTS.get(each)) for each in names]}
