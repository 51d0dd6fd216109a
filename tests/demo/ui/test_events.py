"""Event data that is not what the page sends: one sentence, whatever it is."""

import gradio as gr
import pytest

from demo.ui.events import UNREADABLE, event_choice, event_number, event_text

NO_OBJECTS: list[object] = [None, {}, 5, "name", [], ["name"], True]
"""What has no field of any name."""
TEXTS: list[object] = [None, 5, [], {}, True, "\ud800"]
NUMBERS: list[object] = [None, "3", 3.0, True, [3], -1, 4, 1 << 70]


def event(content: object) -> gr.EventData:
    return gr.EventData(None, content)


@pytest.mark.parametrize("content", [*NO_OBJECTS, *({"name": each} for each in TEXTS)])
def test_what_is_not_a_text_is_refused(content: object) -> None:
    with pytest.raises(gr.Error, match=UNREADABLE) as refused:
        event_text(event(content), "name")
    assert not refused.value.print_exception


@pytest.mark.parametrize("content", [*NO_OBJECTS, *({"index": each} for each in NUMBERS)])
def test_what_is_not_a_number_in_range_is_refused(content: object) -> None:
    with pytest.raises(gr.Error, match=UNREADABLE):
        event_number(event(content), "index", 4)


def test_what_the_page_sends_is_read() -> None:
    sent = event({"name": "七.png", "index": 3})
    assert event_text(sent, "name") == "七.png"
    assert event_number(sent, "index", 4) == 3


@pytest.mark.parametrize("content", [*NO_OBJECTS, *({"reason": each} for each in (None, 3, "", "larger"))])
def test_what_is_none_of_the_choices_is_refused(content: object) -> None:
    assert event_choice(event({"reason": "large"}), "reason", ("large", "lost")) == "large"
    with pytest.raises(gr.Error, match=UNREADABLE):
        event_choice(event(content), "reason", ("large", "lost"))
