"""One area that takes a picture whichever way it comes: drawn, chosen, dropped, pasted, or from the camera.

A `gr.HTML` instance rather than a subclass: gradio writes a `.pyi` file beside every module that defines
a subclass of one of its components.
"""

import json
from collections.abc import Mapping
from typing import Final

import gradio as gr
from gradio import FileData

from demo.api.gradio_inside import takes_files
from demo.ui.shared import shared_script
from demo.ui.widgets import beside

PAD_SIDE: Final = 280
"""Width and height of the drawing in pixels: ten for each one of the model's."""

BRUSH_WIDTH: Final = 22
"""Width of the round brush in drawing pixels; MNIST's strokes are two to three of its pixels wide."""

_NEWS_SCRIPT: Final = """
document.addEventListener(`touchstone:news-${props.name}`, ({ detail }) => {
  props.value = JSON.stringify(detail);
  trigger('input');
});
"""


def picture_area(
    max_bytes: int,
    words: Mapping[str, Mapping[str, str]],
    *,
    draw_only: bool = False,
    elem_id: str = "area",
) -> tuple[gr.HTML, gr.HTML]:
    """A black square to draw on in white, which also takes a picture file and the camera's picture.

    words: by language the texts that it shows: `hint`, `foot`, `pad` (what a screen reader says of it),
    `choose`, `camera`, `stop`, `shoot`, `photo` (the name of a picture taken), `clear` and `add`.
    draw_only: it takes drawings only, each when a button is pressed rather than after every stroke.

    Returns the area and its news. The area's value is the file that came last, a `FileData` whose `path`
    gradio has checked to lie in its own upload folder. The event `input` of the news fires for all that
    happens; their value, to be read by `read_news`, then has a `kind`:
        drawn: `png` is the drawing, a `data:image/png;base64,...` URL of `PAD_SIDE` by `PAD_SIDE` opaque
            pixels.
        sent: a file has arrived. One that arrives after something else has happened is not told.
        refused: a picture did not come; the data has its `name` and a `reason`: `large` (more than
            `max_bytes`), `full` (the app has no room for it), `lost` (it did not arrive) or `camera` (the
            browser gives none).
        wiped: the area is empty again.

    They are a value and no event data, because gradio forgets the data of an event that had to wait for the
    one before it. Each is announced on the document, by the event `touchstone:input`, as soon as a new
    picture is on its way, so that whatever shows the previous result can say that it is out of date.
    """
    area = gr.HTML(
        label="Picture",
        html_template=beside(__file__, "picture_area.html"),
        js_on_load=shared_script("pad.mjs", "files.mjs") + beside(__file__, "picture_area.js"),
        apply_default_css=False,
        elem_id=elem_id,
        side=PAD_SIDE,
        brush=BRUSH_WIDTH,
        max_bytes=max_bytes,
        draw_only=draw_only,
        words=words,
        name=elem_id,
    )
    takes_files(area, FileData)
    news = gr.HTML(html_template="", js_on_load=_NEWS_SCRIPT, elem_classes="news", name=elem_id)
    return area, news


def read_news(news: str | None) -> gr.EventData:
    """The value of an area's news as event data; without a field where it is something else."""
    try:
        return gr.EventData(None, json.loads(news or ""))
    except ValueError:
        return gr.EventData(None, None)
