"""*Use it elsewhere*: how do I get this score in my own program, and how far can I trust it?"""

import html
from functools import lru_cache
from pathlib import Path

import gradio as gr

from demo.errors import ModelError, public_message
from demo.inference.engine import Engine
from demo.snippets.programs import SHOWN_ADDRESS, Program, programs
from demo.ui.page import Page, private_event, script
from demo.ui.texts import Texts
from demo.ui.views.model_card import model_card
from demo.ui.views.model_files import contract, download_link, model_files, published_models


def add_elsewhere(page: Page) -> None:
    """Build the view: a placeholder, replaced by the content when the view is first looked at."""
    panel = page.html(
        lambda text: f'<p class="hint" role="status">{text("elsewhere.loading")}</p>',
        js_on_load=script(__file__, "elsewhere.js"),
        elem_id="elsewhere",
        address=SHOWN_ADDRESS,
    )

    @lru_cache
    def content(text: Texts) -> str:
        return elsewhere(page.engine, text)

    def fill(request: gr.Request) -> str:
        text = page.texts(request)
        try:
            return content(text)
        except ModelError as error:
            reason = public_message(error)
            return f'<p data-tone="error" role="status">{text("elsewhere.broken", reason=reason)}</p>'

    panel.look(fill, None, panel, api_name="page_elsewhere", **private_event())


def elsewhere(engine: Engine, text: Texts) -> str:
    """Return the whole view as HTML; raise ModelError if a published file is missing, altered, or fails."""
    models = published_models(engine)
    # Each opens; the first is open.
    examples = "".join(_program(each, index == 0, text) for index, each in enumerate(programs()))
    sections = {
        "files": model_files(models, text),
        "contract": contract(models, text),
        "programs": f'<p>{text("elsewhere.programs-text")}</p><div class="programs">{examples}</div>',
        "card": model_card(engine.manifest, text),
    }
    headings = {name: text(f"elsewhere.{name}") for name, content in sections.items() if content}
    jumps = "".join(f'<li><a href="#elsewhere-{name}">{title}</a></li>' for name, title in headings.items())
    parts = "".join(
        f'<section id="elsewhere-{name}"><h2>{title}</h2>{sections[name]}</section>'
        for name, title in headings.items()
    )
    return (
        f'<div class="elsewhere"><p>{text("elsewhere.introduction")}</p>'
        f'<nav aria-label="{text("elsewhere.jump")}"><ul class="jumps">{jumps}</ul></nav>'
        f'{parts}<p class="copied" role="status"></p></div>'
    )


def _program(program: Program, is_open: bool, text: Texts) -> str:
    introduction = f"<p>{text(f'elsewhere.{program.name}-text')}</p>"
    if program.needs:
        introduction += f"<p>{text('elsewhere.needs')} {', '.join(map(download_link, program.needs))}.</p>"
    blocks = _file(program.path, f"{program.name}-program", text)
    if program.module:
        blocks += _file(program.module, f"{program.name}-module", text)
    if commands := "\n".join(filter(None, (program.prepare, program.run))):
        blocks += _code(commands, text("elsewhere.commands"), f"{program.name}-commands", text)
    return (
        f"<details{' open' if is_open else ''}><summary>{text(f'elsewhere.{program.name}')}</summary>"
        f"{introduction}{blocks}</details>"
    )


def _file(path: Path, element_id: str, text: Texts) -> str:
    """Return a block with the content of a file to copy."""
    return _code(path.read_text(encoding="utf-8").rstrip(), path.name, element_id, text)


def _code(code: str, title: str, element_id: str, text: Texts) -> str:
    """Return a block of code that scrolls by itself, with a copy button. title: HTML."""
    address = " data-address" if SHOWN_ADDRESS in code else ""
    copy, label = text("elsewhere.copy"), text("elsewhere.copy-name", name=html.unescape(title))
    return (
        f'<figure class="code" id="{element_id}"><figcaption><span>{title}</span>'
        f'<button type="button" class="quiet-button copy" aria-label="{label}" data-copy="{copy}" '
        f'data-done="{text("elsewhere.copied")}" data-selected="{text("elsewhere.selected")}">{copy}</button>'
        f'</figcaption><pre tabindex="0" role="group" aria-label="{title}">'
        f"<code{address}>{html.escape(code)}</code></pre></figure>"
    )
