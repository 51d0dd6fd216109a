"""A call of the app, by its page or by its API, before gradio sees it: is it one that the app has?

What passes is written anew: only the fields that are used go on, with values of the types that they are for.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import gradio as gr

from demo.api.gradio_inside import Event, events_of, value_schema
from demo.doors.uploads import refuse_others
from demo.errors import BodyError, RequestError

HASH: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
JOINED: Final = ("data", "event_data", "fn_index", "trigger_id", "session_hash")
TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
WORDS: Final = {"string": "a text", "number": "a number", "integer": "a whole number", "null": "null"}


class Calls:
    """The calls of an app that has been built."""

    def __init__(self, app: gr.Blocks) -> None:
        self._app = app
        self._events = events_of(app)
        self._endpoints = {event.name: event for event in self._events.values() if event.public}

    def joined(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What goes on of a call that names its event by number.

        Raises:
            BodyError: a field is missing or of another type, there is no such event, or a value is not one
                that it takes.
        """
        number = body.get("fn_index")
        if not isinstance(number, int) or isinstance(number, bool) or number not in self._events:
            raise BodyError(404, "There is no such event; fn_index is the id of one in /config.")
        _check_hash(body, "session_hash")
        trigger = body.get("trigger_id")
        if trigger is not None and (not isinstance(trigger, int) or isinstance(trigger, bool)):
            raise BodyError(422, "The trigger_id must be a whole number or null.")
        if not isinstance(body.get("event_data"), dict | None):
            raise BodyError(422, "The event_data must be an object or null.")
        data = self._values(body, self._events[number], {len(self._events[number].inputs)})
        return {name: body.get(name) for name in JOINED} | {"data": data}

    def called(self, body: Mapping[str, Any], name: str) -> dict[str, Any]:
        """What goes on of a call that names its endpoint, without the values of states.

        Raises:
            BodyError: as `joined`.
        """
        event = self._endpoints.get(name)
        if event is None:
            raise BodyError(404, f"There is no such endpoint; there is: {', '.join(self._endpoints)}.")
        if body.get("session_hash") is not None:
            _check_hash(body, "session_hash")
        shown = sum(not each.state for each in event.inputs)
        data = self._values(body, event, {shown, len(event.inputs)})
        return {"data": data, "session_hash": body.get("session_hash")}

    def cancelled(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What goes on of the wish to end a call.

        Raises:
            BodyError: a field is missing or of another type.
        """
        _check_hash(body, "session_hash")
        _check_hash(body, "event_id")
        number = body.get("fn_index")
        if not isinstance(number, int) or isinstance(number, bool) or number not in self._events:
            raise BodyError(404, "There is no such event; fn_index is the id of one in /config.")
        return {name: body[name] for name in ("session_hash", "fn_index", "event_id")}

    def _values(self, body: Mapping[str, Any], event: Event, counts: set[int]) -> list[Any]:
        data = body.get("data")
        if not isinstance(data, list) or len(data) not in counts:
            expected = " or ".join(map(str, sorted(counts)))
            raise BodyError(422, f"The data must be a list of the values of the call: {expected} of them.")
        inputs = event.inputs
        if len(data) != len(inputs):
            inputs = tuple(each for each in inputs if not each.state)
        components = [each.component for each in inputs]
        try:
            refuse_others(self._app, components, data)
            refuse_others(self._app, (), [body.get("event_data")])
        except BodyError:
            raise
        except RequestError as error:
            raise BodyError(422, str(error)) from error
        for place, (each, value) in enumerate(zip(inputs, data, strict=True), 1):
            if not (each.state or each.file or fits(value, value_schema(each.component))):
                raise BodyError(
                    422, f"Value {place} of the data must be {said(value_schema(each.component))}."
                )
        return [None if each.state else value for each, value in zip(inputs, data, strict=True)]


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether a schema takes a value, by type, range and names; whole numbers may be written as 3.0."""
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    kind = schema["type"]
    if (isinstance(value, bool) and kind != "boolean") or value not in schema.get("enum", (value,)):
        return False
    if not isinstance(value, TYPES[kind]):
        return False
    if not isinstance(value, int | float):
        return True
    whole = kind != "integer" or float(value).is_integer()
    return whole and schema.get("minimum", value) <= value <= schema.get("maximum", value)


def said(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in words."""
    if "anyOf" in schema:
        return " or ".join(map(said, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(schema["enum"])
    within = f" from {schema['minimum']} to {schema['maximum']}" if "minimum" in schema else ""
    return WORDS[schema["type"]] + within


def _check_hash(body: Mapping[str, Any], name: str) -> None:
    value = body.get(name)
    if not isinstance(value, str) or not HASH.fullmatch(value):
        raise BodyError(422, f"The {name} must be a text of up to 64 letters, digits, - and _.")
