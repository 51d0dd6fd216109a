"""*Check*: was this digit written by a person, or made by a generator?"""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from demo.check import check_bytes
from demo.errors import RequestError
from demo.images import LARGEST_FILE_BYTES
from demo.page import Page, private_event
from demo.panels import PNG_URL, error_result
from demo.views.explanation import explanation
from demo.views.why import add_why
from demo.widgets.picture_area import picture_area


def add_check(page: Page) -> None:
    """Lay out the view: the area that takes a picture, the result beside it, *Why?*, what it all means."""
    with gr.Row(elem_id="check"):
        with gr.Column():
            area = picture_area(LARGEST_FILE_BYTES, page.both("area."))
        with gr.Column():
            page.result.render()  # type: ignore[no-untyped-call]
    add_why(page)
    gr.HTML(page.block(lambda words: explanation(page.engine.model, words)), apply_default_css=False)
    _connect(page, area)


def _connect(page: Page, area: gr.HTML) -> None:
    engine = page.engine

    def check_upload(picture: FileData | None, request: gr.Request) -> Sequence[Any]:
        if picture is None:
            return page.show(None, request)
        path = Path(picture.path)
        return page.show(check_bytes(engine, picture.orig_name or path.name, path.read_bytes()), request)

    def check_drawing(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        name = page.words(request)("check.drawing")
        return page.show(check_bytes(engine, name, decode_png_url(str(event.png))), request)

    def refuse(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        words = page.words(request)
        reason = words(f"check.refuse-{event.reason}", limit=LARGEST_FILE_BYTES >> 20)
        return error_result(str(event.name), reason, words), None, gr.skip()

    def clear(request: gr.Request) -> Sequence[Any]:
        return page.show(None, request)

    area.upload(check_upload, area, page.shown, api_name="page_upload", **private_event())
    area.input(check_drawing, None, page.shown, api_name="page_drawing", **private_event())
    area.refuse(refuse, None, page.shown, api_name="page_refuse", **private_event())
    area.clear(clear, None, page.shown, api_name="page_clear", **private_event())


def decode_png_url(url: str) -> bytes:
    """The bytes of a `data:image/png;base64,...` URL; an error that gradio shows where it is none."""
    try:
        if not url.startswith(PNG_URL):
            raise RequestError("The picture did not arrive as a PNG.")
        return base64.b64decode(url.removeprefix(PNG_URL), validate=True)
    except (RequestError, binascii.Error) as error:
        raise gr.Error("The picture did not arrive as a PNG.", print_exception=False) from error
