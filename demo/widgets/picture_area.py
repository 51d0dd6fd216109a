"""One area that takes a picture whichever way it comes: drawn, chosen, dropped, pasted, or from the camera.

A `gr.HTML` instance rather than a subclass: gradio writes a `.pyi` file beside every module that defines
a subclass of one of its components.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import gradio as gr
from gradio.data_classes import FileData

PAD_SIDE: Final = 280
"""Width and height of the drawing in pixels: ten for each one of the model's."""

BRUSH_WIDTH: Final = 22
"""Width of the round brush in drawing pixels; MNIST's strokes are two to three of its pixels wide."""


def picture_area(max_bytes: int, words: Mapping[str, Mapping[str, str]], elem_id: str = "area") -> gr.HTML:
    """A black square to draw on in white, which also takes a picture file and the camera's picture.

    words: by language the texts that it shows: `hint`, `foot`, `pad` (what a screen reader says of it),
    `choose`, `camera`, `stop`, `shoot`, `photo` (the name of a picture taken) and `clear`.

    Events:
        input: after every stroke; the event data's `png` is the drawing, a `data:image/png;base64,...`
            URL of `PAD_SIDE` by `PAD_SIDE` opaque pixels.
        upload: a file has arrived; the value is then a `FileData` whose `path` gradio has checked to lie in
            its own upload folder.
        refuse: a picture did not come; the event data has its `name` and a `reason`: `large` (more than
            `max_bytes`), `lost` (it did not arrive) or `camera` (the browser gives none).
        clear: the area was wiped.

    Each is announced on the document, by the event `touchstone:input`, as soon as a new picture is on its
    way, so that whatever shows the previous result can say that it is out of date.
    """
    area = gr.HTML(
        label="Picture",
        html_template=_beside("picture_area.html"),
        js_on_load=_beside("picture_area.js"),
        apply_default_css=False,
        elem_id=elem_id,
        side=PAD_SIDE,
        brush=BRUSH_WIDTH,
        max_bytes=max_bytes,
        words=words,
    )
    # Without a data model gradio would hand over whatever path the browser names.
    area.data_model = FileData
    return area


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
