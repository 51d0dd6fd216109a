"""An area that takes many files at once: chosen, pasted or dropped, single or in folders."""

import gradio as gr
from gradio.data_classes import ListFiles

from demo.batch.many import MOST_BYTES, MOST_FILES
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.ui.page import Page, script
from demo.ui.shared import shared_script


def file_area(page: Page) -> gr.HTML:
    """Add a button and a drop zone, with a line that shows the progress of uploading and checking.

    It does not send a file over `LARGEST_FILE_BYTES`, nor any of a selection over `MOST_FILES` or
    `MOST_BYTES`.

    Events:
        upload: every file was sent or refused. The value is a `ListFiles` of those that arrived. The event
            data has `run`, a number per selection, and `refused`, in order of `index`: objects with a
            file's `index` in the selection, its `name`, and a `reason`: `large`, `full` or `lost`.
        stop: the check that is running is no longer wanted; the event data has its `run`.

    It listens on the document to `touchstone:checked` (`run`, `done`, `total`, `errors`, `finished`), and to
    `touchstone:check-failed`.
    """
    area = gr.HTML(
        label="Files",
        html_template=script(__file__, "file_area.html"),
        js_on_load=shared_script("files.mjs") + script(__file__, "file_area.js"),
        apply_default_css=False,
        elem_id="files",
        max_bytes=LARGEST_FILE_BYTES,
        most=MOST_FILES,
        most_bytes=MOST_BYTES,
        texts=page.by_language("files."),
    )
    # With it Gradio accepts only paths in its upload folder; without it, any path a browser names.
    area.data_model = ListFiles
    return area
