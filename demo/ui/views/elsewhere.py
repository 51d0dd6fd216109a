"""*Use it elsewhere*: how do I get this number in a program of my own, and how far can I trust it?"""

from functools import lru_cache
from pathlib import Path
from typing import Final

import gradio as gr

from demo.errors import ModelError, public_message
from demo.inference.engine import Engine
from demo.snippets.programs import SHOWN_ADDRESS
from demo.ui.page import Page, private_event
from demo.ui.published import published_models
from demo.ui.texts import Words
from demo.ui.views.model_card import model_card
from demo.ui.views.model_files import contract, model_files
from demo.ui.views.programs import program_list

_SCRIPT: Final = Path(__file__).with_name("elsewhere.js")


def add_elsewhere(page: Page) -> None:
    """Lay out the view: a sentence, and in its place all the rest as soon as somebody looks at it."""
    panel = gr.HTML(
        page.block(lambda words: f'<p class="hint" role="status">{words("elsewhere.loading")}</p>'),
        js_on_load=_SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="elsewhere",
        address=SHOWN_ADDRESS,
    )

    @lru_cache
    def content(words: Words) -> str:
        return elsewhere(page.engine, words)

    def fill(request: gr.Request) -> str:
        words = page.words(request)
        try:
            return content(words)
        except ModelError as error:
            reason = public_message(error)
            return f'<p data-tone="error" role="status">{words("elsewhere.broken", reason=reason)}</p>'

    panel.look(fill, None, panel, api_name="page_elsewhere", **private_event())


def elsewhere(engine: Engine, words: Words) -> str:
    """HTML for the whole view.

    Raises:
        ModelError: a published file is missing, altered, or gives other numbers than when published.
    """
    models = published_models(engine)
    sections = {
        "files": model_files(models, words),
        "contract": contract(engine.manifest, models, words),
        "programs": program_list(words),
        "card": model_card(engine.manifest, words),
    }
    shown = {name: content for name, content in sections.items() if content}
    jumps = "".join(
        f'<li><a href="#elsewhere-{name}">{words(f"elsewhere.{name}")}</a></li>' for name in shown
    )
    parts = "".join(
        f'<section id="elsewhere-{name}"><h2>{words(f"elsewhere.{name}")}</h2>{content}</section>'
        for name, content in shown.items()
    )
    return (
        f'<div class="elsewhere"><p>{words("elsewhere.says")}</p>'
        f'<nav aria-label="{words("elsewhere.jump")}"><ul class="jumps">{jumps}</ul></nav>'
        f'{parts}<p class="copied" role="status"></p></div>'
    )
