"""What the browser says of an event, read as what it should be: anybody can send anything."""

from collections.abc import Collection, Mapping
from typing import Final

import gradio as gr

UNREADABLE: Final = "The page sent something that the app cannot read; reload the page and try again."


def event_text(event: gr.EventData, name: str) -> str:
    """A field that is a text.

    Raises:
        gr.Error: it is missing, is something else, or cannot be written as UTF-8.
    """
    value = event_value(event, name)
    if not isinstance(value, str):
        raise _unreadable()
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _unreadable() from error
    return value


def event_choice(event: gr.EventData, name: str, choices: Collection[str]) -> str:
    """A field that is one of some texts.

    Raises:
        gr.Error: it is missing or none of them.
    """
    value = event_text(event, name)
    if value not in choices:
        raise _unreadable()
    return value


def event_number(event: gr.EventData, name: str, below: int) -> int:
    """A field that is a whole number from 0, below a bound.

    Raises:
        gr.Error: it is missing, is something else, or is not in that range.
    """
    value = event_value(event, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < below:
        raise _unreadable()
    return value


def event_value(event: gr.EventData, name: str) -> object:
    """A field, whatever it is; None where it is missing."""
    content = event._data
    return content.get(name) if isinstance(content, Mapping) else None


def _unreadable() -> gr.Error:
    return gr.Error(UNREADABLE, print_exception=False)
