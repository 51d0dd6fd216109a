"""*Watch it learn*: how did the score come about, step by step?"""

from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from demo.inference.check import Checked
from demo.insight.learning import Record, example_digit, load_learning, load_recording
from demo.ui.page import Page, private_event, script
from demo.ui.texts import Texts
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
    """Build the view. Its content is sent when it is first opened; after that the slider needs no server.

    Only another current digit is fetched again.
    """
    engine = page.engine
    learning = load_learning(engine.manifest)
    if learning is None:
        page.paragraph("learn.none")
        return
    recording = load_recording(engine.manifest)
    page.html(partial(introduction, learning, engine.model))
    with gr.Column(elem_id="learn"):
        page.html(
            partial(steps_control, learning), elem_id="learn-steps", js_on_load=script(__file__, "learn.js")
        )
        digit = page.html(
            lambda text: f'<p class="hint">{text("learn.waiting")}</p>',
            elem_id="learn-digit",
            js_on_load=_DIGIT_SCRIPT,
        )
        pair = gr.HTML(elem_id="learn-pair", js_on_load=_SHOWN_SCRIPT, apply_default_css=False)
    one_step = gr.HTML(
        elem_id="one-step", js_on_load=script(__file__, "one_step.js"), apply_default_css=False
    )
    # The current picture when the view was last opened, in a tuple; empty before that.
    followed = gr.State(())

    def open_view(current: Checked | None, known: tuple[Checked | None, ...], request: gr.Request) -> Any:
        if known and known[0] is current:
            return [gr.skip()] * 4
        text = page.texts(request)
        shown = follow(page, learning, current, text)
        if known:
            return [(current,), shown, gr.skip(), gr.skip()]
        steps = one_step_panel(recording, text) if recording else ""
        return [(current,), shown, pair_panel(learning, text), steps]

    assert page.tab is not None
    page.tab.select(
        open_view,
        [page.current, followed],
        [followed, digit, pair, one_step],
        api_name="page_learn",
        **private_event(),
    )
    digit.check(lambda: gr.Tabs(selected="check"), None, page.tabs, api_name="page_draw", **private_event())


def follow(page: Page, learning: Record, current: Checked | None, text: Texts) -> str:
    """Return the panel that follows the current digit, or else an example, through the snapshots."""
    shown, example = current, None
    if current is None or current.answer.fake_probability is None:
        shown = example_digit(page.engine)
        example = "learn.example-text" if current is None else "learn.example-instead"
    if shown is None or shown.pixels is None:
        return no_digit(text)
    probabilities = page.engine.history(shown.pixels[np.newaxis])[0]
    return digit_panel(learning, shown, probabilities.tolist(), example, text)
