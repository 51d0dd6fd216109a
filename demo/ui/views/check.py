"""*Check*: was this digit written by a person, or made by a generator?"""

import base64
from pathlib import Path
from typing import Final

import gradio as gr
from gradio import FileData

from demo.decoder.images import LARGEST_FILE_BYTES
from demo.inference.check import Checked, check_bytes, check_sources
from demo.ui.events import event_choice, event_text
from demo.ui.html import PNG_URL, error_result
from demo.ui.page import Page, private_event
from demo.ui.views.explanation import explanation
from demo.ui.views.why import add_why
from demo.ui.widgets.picture_area import picture_area, read_news

REFUSALS: Final = ("large", "full", "lost", "camera")
"""Why the area may not have a picture, as its script says."""


def add_check(page: Page) -> None:
    """Lay out the view: the area that takes a picture, the result beside it, *Why?*, what it all means."""
    with gr.Row(elem_id="check"):
        with gr.Column():
            area, news = picture_area(LARGEST_FILE_BYTES, page.both("area."))
        with gr.Column():
            page.result.render()  # type: ignore[no-untyped-call]
    add_why(page)
    gr.HTML(page.block(lambda words: explanation(page.engine.model, words)), apply_default_css=False)
    _connect(page, area, news)


def _connect(page: Page, area: gr.HTML, news: gr.HTML) -> None:
    engine = page.engine

    def check(picture: FileData | None, news: str | None, request: gr.Request) -> tuple[object, object]:
        words = page.words(request)
        event = read_news(news)
        kind = event_text(event, "kind")
        if kind == "refused":
            key = f"check.refuse-{event_choice(event, 'reason', REFUSALS)}"
            reason = words(key, limit=LARGEST_FILE_BYTES >> 20)
            return error_result(event_text(event, "name"), reason, words), None
        checked: Checked | None = None
        if kind == "drawn":
            png = decode_png_url(event_text(event, "png"))
            checked = check_bytes(engine, words("check.drawing"), png)
        elif kind == "sent":
            if picture is None:
                # Another one is on its way already.
                return gr.skip(), gr.skip()
            path = Path(picture.path)
            checked = check_sources(engine, [picture.orig_name or path.name], [path])[0]
        return page.panel(checked, request), checked

    # One event for all that can happen there, so that the latest is also the last to be answered.
    news.input(check, [area, news], [page.result, page.current], api_name="page_check", **private_event())


def decode_png_url(url: str) -> bytes:
    """The bytes of a `data:image/png;base64,...` URL; an error that gradio shows where it is none."""
    try:
        if not url.startswith(PNG_URL):
            raise ValueError
        return base64.b64decode(url.removeprefix(PNG_URL), validate=True)
    except ValueError as error:
        raise gr.Error("The picture did not arrive as a PNG.", print_exception=False) from error
