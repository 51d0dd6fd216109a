"""Read the data of a browser event. Anybody can send anything, so every field is validated."""

from collections.abc import Collection
from typing import Final

import gradio as gr

from demo.inference.preprocess import Box

LARGEST_NUMBER: Final = 1 << 53

UNREADABLE: Final = "The page sent something that the app cannot read; reload the page and try again."


def event_text(event: gr.EventData, name: str, choices: Collection[str] | None = None) -> str:
    """Return a text field, one of `choices` if given; raise gr.Error for others, and for invalid Unicode."""
    value = event_value(event, name)
    if not isinstance(value, str) or (choices is not None and value not in choices):
        raise _unreadable()
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _unreadable() from error
    return value


def event_number(event: gr.EventData, name: str) -> int:
    """Return a whole number from 0 that JavaScript can hold exactly; raise gr.Error for anything else."""
    value = event_value(event, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LARGEST_NUMBER:
        raise _unreadable()
    return value


def event_box(event: gr.EventData) -> Box | None:
    """Return `box`: top, left, bottom, right in pixels, or None; raise gr.Error for what holds no pixel."""
    match event_value(event, "box"):
        case None:
            return None
        case [int(top), int(left), int(bottom), int(right)] if 0 <= top < bottom and 0 <= left < right:
            return top, left, bottom, right
    raise _unreadable()


def event_value(event: gr.EventData, name: str) -> object:
    """Return a field of any type; None if it is missing."""
    try:
        return getattr(event, name)
    # Gradio looks the name up in the data sent, which need not be an object.
    except (AttributeError, TypeError):
        return None


def _unreadable() -> gr.Error:
    return gr.Error(UNREADABLE, print_exception=False)
