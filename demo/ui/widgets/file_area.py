"""An area that takes many files at once: chosen, pasted, or dropped, alone or in folders."""

from collections.abc import Mapping

import gradio as gr

from demo.api.gradio_inside import Files, takes_files
from demo.ui.shared import shared_script
from demo.ui.widgets import beside


def file_area(max_bytes: int, most: int, most_bytes: int, words: Mapping[str, Mapping[str, str]]) -> gr.HTML:
    """A button and a place to drop files, with a line that says how far uploading and checking have come.

    max_bytes: a larger file is not sent. most, most_bytes: of more files at once, or of such that have more
    bytes together, none is sent.
    words: by language the texts that it shows.

    Events:
        upload: every file has been sent or refused. The value is then a `Files` of those that arrived,
            whose paths gradio has checked to lie in its own upload folder. The event data has a `run`,
            a number that tells one selection from the next, and `refused`, in order of `index`: dictionaries
            of a file's place `index` among all, its `name` and a `reason`, `large`, `full` or `lost`.
        stop: what is being checked is no longer wanted.

    It hears on the document `touchstone:checked`, with `run`, `done`, `total`, `errors` and `finished`, and
    `touchstone:failed`, with `run`, and `touchstone:many-failed`.
    """
    area = gr.HTML(
        label="Files",
        html_template=beside(__file__, "file_area.html"),
        js_on_load=shared_script("files.mjs") + beside(__file__, "file_area.js"),
        apply_default_css=False,
        elem_id="files",
        max_bytes=max_bytes,
        most=most,
        most_bytes=most_bytes,
        words=words,
    )
    takes_files(area, Files)
    return area
