"""*Watch it learn*: how did the number come about, step by step?"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo.inference.check import Checked
from demo.insight.learning import Learning, example_digit, load_learning
from demo.insight.trace import load_recording
from demo.ui.html import probability_to_show
from demo.ui.page import Page, private_event
from demo.ui.texts import Words
from demo.ui.views.learn_panels import digit_panel, introduction, no_digit, pair_panel, steps_control
from demo.ui.views.one_step import one_step_panel

_SHOWN_SCRIPT = "watch('value', () => document.dispatchEvent(new Event('touchstone:learn')));"

_DIGIT_SCRIPT = f"""
{_SHOWN_SCRIPT}
element.addEventListener('click', (event) => {{
  if (event.target.closest('.learn-draw')) trigger('check');
}});
"""


def add_learn(page: Page) -> None:
    """Lay out the view, inside its tab. What it shows comes when it is opened first; then the slider asks
    the server for nothing. Only another digit does, once.
    """
    engine = page.engine
    learning = load_learning(engine.manifest)
    if learning is None:
        _html(page, lambda words: f"<p>{words('learn.none')}</p>")
        return
    recording = load_recording(engine.manifest)
    _html(page, partial(introduction, learning, engine.model))
    with gr.Column(elem_id="learn"):
        _html(page, partial(steps_control, learning), elem_id="learn-steps", js_on_load=_script("learn.js"))
        digit = _html(page, _waiting, elem_id="learn-digit", js_on_load=_DIGIT_SCRIPT)
        pair = gr.HTML(elem_id="learn-pair", js_on_load=_SHOWN_SCRIPT, apply_default_css=False)
    one_step = gr.HTML(elem_id="one-step", js_on_load=_script("one_step.js"), apply_default_css=False)
    # What the page shows: nothing yet, or the picture that was the current one, in a tuple of one.
    followed = gr.State(())

    def open_view(current: Checked | None, known: tuple[Checked | None, ...], request: gr.Request) -> Any:
        if known and known[0] is current:
            return [gr.skip()] * 4
        words = page.words(request)
        shown = follow(page, learning, current, words)
        if known:
            return [(current,), shown, gr.skip(), gr.skip()]
        slowly = one_step_panel(recording, words) if recording else ""
        return [(current,), shown, pair_panel(learning, words), slowly]

    page.tab.select(
        open_view,
        [page.current, followed],
        [followed, digit, pair, one_step],
        api_name="page_learn",
        **private_event(),
    )
    digit.check(lambda: gr.Tabs(selected="check"), None, page.tabs, api_name="page_draw", **private_event())


def follow(page: Page, learning: Learning, current: Checked | None, words: Words) -> str:
    """HTML for a digit's way through the snapshots: the current picture's, or else an example's."""
    shown, example = current, None
    if current is None or probability_to_show(current.answer) is None:
        shown = example_digit(page.engine)
        example = "learn.example-says" if current is None else "learn.example-instead"
    if shown is None or shown.pixels is None:
        return no_digit(words)
    learned = page.engine.history(shown.pixels[np.newaxis])
    return digit_panel(learning, shown, learned.fake_probability[0].tolist(), example, words)


def _waiting(words: Words) -> str:
    return f'<p class="hint">{words("learn.waiting")}</p>'


def _html(page: Page, render: Callable[[Words], str], **options: Any) -> gr.HTML:
    return gr.HTML(page.block(render), apply_default_css=False, **options)


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
