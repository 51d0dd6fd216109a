"""The web app: the views in tabs, and the API's named endpoints."""

import html
import os
from collections.abc import Callable
from typing import Final

import gradio as gr

from demo.api.endpoints import add_endpoints
from demo.api.limits import CALLS_AT_ONCE, WAITING_CALLS
from demo.inference.engine import Engine
from demo.ui.events import event_text
from demo.ui.page import Page, private_event, script
from demo.ui.texts import Texts
from demo.ui.views.check import add_check
from demo.ui.views.elsewhere import add_elsewhere
from demo.ui.views.game import add_game
from demo.ui.views.generate import add_generate
from demo.ui.views.learn import add_learn
from demo.ui.views.many import add_many

VIEWS: Final[dict[str, Callable[[Page], None]]] = {
    "check": add_check,
    "generate": add_generate,
    "learn": add_learn,
    "game": add_game,
    "many": add_many,
    "elsewhere": add_elsewhere,
}
"""The function that builds each view, by its name in the URL (`?view=generate`), in the order of the tabs."""


def build_app(engine: Engine) -> tuple[gr.Blocks, gr.I18n]:
    """Build the page and the API's endpoints; return the app and the translations to launch it with."""
    # With each call Gradio recomputes statistics over the last 10,000, which the app does not show.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(1 << 62)
    app = gr.Blocks(title="Touchstone", analytics_enabled=False)
    with app:
        page = Page(engine)
        busy = {
            language: {"call": texts["page.all-busy"], "file": texts["check.refuse-full"]}
            for language, texts in page.by_language("").items()
        }
        scripts = script(__file__, "busy.js") + script(__file__, "address.js")
        masthead = page.html(_masthead, js_on_load=scripts, messages=busy, views=list(VIEWS))
        page.tabs.render()  # type: ignore[no-untyped-call]
        with page.tabs:
            for name, add_view in VIEWS.items():
                with gr.Tab(page.label(f"page.{name}"), id=name) as page.tab:
                    add_view(page)

        def open_view(event: gr.EventData) -> gr.Tabs:
            return gr.Tabs(selected=event_text(event, "view", VIEWS))

        masthead.open(open_view, None, page.tabs, api_name="page_open", **private_event(with_data=True))
        note = gr.HTML(_device_note(engine), apply_default_css=False)
        add_endpoints(engine)

        def open_page(request: gr.Request) -> tuple[object, str]:
            name = request.query_params.get("view")
            # The device may have changed since the app started.
            return gr.Tabs(selected=name) if name in VIEWS else gr.skip(), _device_note(engine)

        app.load(open_page, None, [page.tabs, note], api_visibility="private", show_progress="hidden")
    app.queue(max_size=WAITING_CALLS, default_concurrency_limit=CALLS_AT_ONCE)
    return app, page.i18n


def _masthead(text: Texts) -> str:
    return f'<header class="masthead"><h1>Touchstone</h1><p>{text("page.question")}</p></header>'


def _device_note(engine: Engine) -> str:
    """Return the technical notes as HTML, folded up."""
    return (
        '<footer class="device-note"><details><summary>'
        f"Touchstone {engine.version}</summary>{html.escape(engine.device_note)}</details></footer>"
    )
