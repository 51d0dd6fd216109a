"""Event data of any form gets one readable error."""

import gradio as gr
import pytest

from demo.ui.events import UNREADABLE, event_number, event_text
from demo.ui.widgets.picture_area import decode_png_url, read_message

NOT_OBJECTS: list[object] = [None, {}, 5, ["name"]]
TEXTS: list[object] = [None, 5, {}, "\ud800"]
NUMBERS: list[object] = ["3", 3.0, True, -1, 1 << 53]


def event(content: object) -> gr.EventData:
    return gr.EventData(None, content)


def test_anything_but_a_text_or_a_number_in_range_is_refused() -> None:
    for content in (*NOT_OBJECTS, *({"name": each} for each in TEXTS)):
        with pytest.raises(gr.Error, match=UNREADABLE) as refused:
            event_text(event(content), "name")
        assert not refused.value.print_exception
    for content in (*NOT_OBJECTS, *({"index": each} for each in NUMBERS)):
        with pytest.raises(gr.Error, match=UNREADABLE):
            event_number(event(content), "index")


def test_valid_fields_are_read() -> None:
    sent = event({"name": "七.png", "index": 3})
    assert event_text(sent, "name") == event_text(sent, "name", ("七.png", "8.png")) == "七.png"
    assert event_number(sent, "index") == 3
    with pytest.raises(gr.Error, match=UNREADABLE):
        event_text(sent, "name", ("8.png",))


def test_an_unreadable_message_has_no_fields() -> None:
    assert event_text(read_message('{"kind": "wiped"}'), "kind") == "wiped"
    for message in (None, "", "{", "5", -1):
        with pytest.raises(gr.Error, match=UNREADABLE):
            event_text(read_message(message), "kind")


@pytest.mark.parametrize("url", ["", "data:image/png;base64,!", "data:image/jpeg;base64,aaaa", "/etc/passwd"])
def test_only_a_png_data_url_is_decoded(url: str) -> None:
    assert decode_png_url("data:image/png;base64,YWI=") == b"ab"
    with pytest.raises(gr.Error, match="did not arrive as a PNG"):
        decode_png_url(url)
