"""A fair share for each session: so many of its calls may wait or run at once, and no more.

By session, which is a page that is open, and not by address: a class behind one address is many sessions. Who
makes up new sessions is not held back by this, only by the bounds for all together.
"""

from typing import Final

import gradio as gr
from starlette.exceptions import HTTPException

from demo.api.gradio_inside import calls_of, check_before_each_join
from demo.api.network import LOCAL_HOSTS
from demo.ui.texts import load_texts, preferred_language

MOST_OF_A_SESSION: Final = 12
"""Of the 128 that may wait in all; the page itself needs two or three at a time."""


def share_fairly(app: gr.Blocks, host: str, most: int = MOST_OF_A_SESSION) -> None:
    """Have an app refuse a call of a session that has so many already: 429, `Retry-After` and a sentence.

    Not where it listens on this machine alone. Done after its queue is set up, before it is launched.
    """
    if host in LOCAL_HOSTS:
        return
    words = load_texts()

    def refuse_more(session: str | None, accepted_language: str | None) -> None:
        if session is not None and calls_of(app, session) >= most:
            sentence = words[preferred_language(accepted_language)]("page.session-busy")
            raise HTTPException(429, sentence, {"retry-after": "2"})

    check_before_each_join(app, refuse_more)
