"""The web app: its views in tabs, and the same by API.

Every picture reaches the model through `demo.inference.check`; this file puts the views together.
"""

import html
import os
from collections.abc import Callable
from typing import Final

import gradio as gr

from demo.api.endpoints import add_endpoints
from demo.api.limits import CALLS_AT_ONCE, WAITING_CALLS
from demo.inference.engine import Engine
from demo.ui.page import Page
from demo.ui.views.check import add_check
from demo.ui.views.elsewhere import add_elsewhere
from demo.ui.views.game import add_game
from demo.ui.views.generate import add_generate
from demo.ui.views.learn import add_learn
from demo.ui.views.many import add_many

BUSY_SCRIPT: Final = """
// The page says in English that the app is busy, whatever a refusal (503) says; the message of another status
// it shows as it is.
const ask = window.fetch;
window.fetch = async (...request) => {
  const answer = await ask(...request);
  if (answer.status !== 503) return answer;
  const texts = props.texts[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
  const path = new URL(answer.url).pathname;
  if (path.endsWith('/upload')) return new Response(texts.file, { status: 503 });
  if (path.endsWith('/queue/join')) return Response.json({ detail: texts.call }, { status: 429 });
  return answer;
};
"""
"""Has the page say in the reader's language that the app is busy. `texts` has, by language, a sentence for a
`file` and one for a `call`."""

VIEWS: Final[dict[str, Callable[[Page], None]]] = {
    "check": add_check,
    "generate": add_generate,
    "learn": add_learn,
    "game": add_game,
    "many": add_many,
    "elsewhere": add_elsewhere,
}
"""By its name in the address (`?view=generate`), what lays out each view, in the order of the tabs."""


def build_app(engine: Engine) -> tuple[gr.Blocks, gr.I18n]:
    """The page with its endpoints `/check`, `/check_many`, `/generate` and `/history`, and its texts."""
    # Gradio computes statistics of the last 10,000 calls with each call, for a page that nobody may open.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(1 << 62)
    app = gr.Blocks(title="Touchstone", analytics_enabled=False)
    with app:
        page = Page(engine)
        busy = {
            language: {"call": texts["page.all-busy"], "file": texts["check.refuse-full"]}
            for language, texts in page.both("").items()
        }
        gr.HTML(page.block(_masthead), js_on_load=BUSY_SCRIPT, texts=busy, apply_default_css=False)
        page.tabs.render()  # type: ignore[no-untyped-call]
        with page.tabs:
            for name, add_view in VIEWS.items():
                with gr.Tab(page.say(f"page.{name}"), id=name) as page.tab:
                    add_view(page)
        note = gr.HTML(_device_note(engine), apply_default_css=False)
        add_endpoints(engine)

        # The note anew with each visit: a graph may be given up while the app serves.
        def arrive(request: gr.Request) -> tuple[object, str]:
            return _named_view(request), _device_note(engine)

        app.load(arrive, None, [page.tabs, note], api_visibility="private", show_progress="hidden")
    app.queue(max_size=WAITING_CALLS, default_concurrency_limit=CALLS_AT_ONCE)
    return app, page.translations()


def _masthead(words: Callable[[str], str]) -> str:
    return f'<header class="masthead"><h1>Touchstone</h1><p>{words("page.question")}</p></header>'


def _device_note(engine: Engine) -> str:
    return f'<footer class="device-note">{html.escape(engine.device_note)}</footer>'


def _named_view(request: gr.Request) -> object:
    """The view that the address names, in front."""
    name = request.query_params.get("view")
    return gr.Tabs(selected=name) if name in VIEWS else gr.skip()
