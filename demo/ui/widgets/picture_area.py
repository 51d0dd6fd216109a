"""An area that takes a picture from anywhere: drawn, chosen, dropped, pasted, or from the camera.

The widgets are `gr.HTML` instances, not subclasses: Gradio writes a `.pyi` file beside each module that
defines a subclass of a component.
"""

import base64
import json
from typing import Any, Final

import gradio as gr
from gradio import FileData

from demo.decoder.images import LARGEST_FILE_BYTES
from demo.ui.html import PNG_URL
from demo.ui.page import Page, script
from demo.ui.shared import shared_script

PAD_SIDE: Final = 280
"""Width and height of the drawing in pixels: ten per pixel of the model's."""

_MESSAGE_SCRIPT: Final = """
document.addEventListener(`touchstone:message-${props.name}`, ({ detail }) => {
  props.value = JSON.stringify(detail);
  trigger('input');
});
"""


def picture_area(page: Page, elem_id: str = "area") -> tuple[gr.HTML, gr.HTML]:
    """Add a drawing pad that also takes picture files and the camera's picture.

    Returns the area, whose value is the latest file (a `FileData` in Gradio's upload folder), and a hidden
    component that carries its messages. Its `input` event fires whenever something happens;
    `read_message` reads its value. It has `turn`, a number that is new for each picture, and a `kind`:
        drawn: `png` is the drawing, a PNG data URL of `PAD_SIDE` by `PAD_SIDE` opaque pixels.
        sent: a file has arrived. It is not reported if something else has happened since it was chosen.
            Both kinds may name a `box`: only that part of the picture is wanted.
        refused: a picture did not arrive; with its `name` and a `reason`: `large` (over
            `LARGEST_FILE_BYTES`), `full` (the app has no room), `lost` (not received), `camera` (none
            is available) or `canvas` (the browser does not let the pad be read).
        wiped: the area is empty again.

    A message is a value rather than event data, because Gradio drops the data of an event that had to wait.
    As soon as a new picture is on its way, `touchstone:input` is fired on the document. The area takes the
    file of a `touchstone:take`.
    """
    area = gr.HTML(
        label="Picture",
        html_template=script(__file__, "picture_area.html"),
        js_on_load=shared_script("pad.mjs", "files.mjs", "box.mjs") + script(__file__, "picture_area.js"),
        apply_default_css=False,
        elem_id=elem_id,
        side=PAD_SIDE,
        max_bytes=LARGEST_FILE_BYTES,
        texts=page.by_language("area."),
        box_texts=page.by_language("box."),
        name=elem_id,
    )
    # With it Gradio accepts only paths in its upload folder; without it, any path a browser names.
    area.data_model = FileData
    message = gr.HTML(html_template="", js_on_load=_MESSAGE_SCRIPT, elem_classes="area-message", name=elem_id)
    return area, message


def read_message(message: Any) -> gr.EventData:
    """Return an area's message as event data, without any fields if it is unreadable."""
    try:
        return gr.EventData(None, json.loads(message))
    except (TypeError, ValueError):
        return gr.EventData(None, None)


def decode_png_url(url: str) -> bytes:
    """Return the bytes of a PNG data URL; raise gr.Error for anything else."""
    try:
        if not url.startswith(PNG_URL):
            raise ValueError
        return base64.b64decode(url.removeprefix(PNG_URL), validate=True)
    except ValueError as error:
        raise gr.Error("The picture did not arrive as a PNG; try again.", print_exception=False) from error
