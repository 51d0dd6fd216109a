"""The bound on the calls of all sessions together: so many may wait, and hold so many bytes meanwhile."""

from typing import Final

import gradio as gr
from starlette.exceptions import HTTPException

from demo.api.gradio_inside import bytes_of_calls, check_before_each_join, queue_is_full
from demo.ui.texts import load_texts, preferred_language

MOST_BYTES_OF_CALLS: Final = 64 << 20
"""Of the bodies of calls that wait or run: 128 of 4 MiB, each held twice by gradio, would fill the memory."""


def refuse_when_full(app: gr.Blocks, most_bytes: int = MOST_BYTES_OF_CALLS) -> None:
    """Have an app refuse a call while too many wait, or too large ones: 503, `Retry-After` and a sentence.

    Done after its queue is set up, before it is launched.
    """
    words = load_texts()

    def refuse(_: str | None, accepted_language: str | None) -> None:
        if queue_is_full(app) or bytes_of_calls(app) >= most_bytes:
            sentence = words[preferred_language(accepted_language)]("page.all-busy")
            raise HTTPException(503, sentence, {"retry-after": "2"})

    check_before_each_join(app, refuse)
