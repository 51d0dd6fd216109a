"""*Generate*: what does a generator make, and what does the discriminator say of it?"""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from demo.check import check_bytes
from demo.contract import DIGITS
from demo.endpoints import generate_files
from demo.page import Page, private_event
from demo.panels import wall
from demo.views.check import decode_png_url

WALL_SIZE: Final = 64
"""The most digits that the page asks for at once."""

_WALL_SCRIPT: Final = """
element.addEventListener('click', (event) => {
  const digit = event.target.closest('.wall-digit');
  if (!digit) return;
  document.dispatchEvent(new Event('touchstone:input'));
  trigger('select', { name: digit.dataset.name, png: digit.querySelector('img').src });
});
"""


def add_generate(page: Page) -> None:
    """Lay out the view: what to make, and the wall of what was made."""
    engine = page.engine
    if not engine.generators:
        gr.HTML(page.block(lambda words: f"<p>{words('generate.none')}</p>"), apply_default_css=False)
        return
    gr.HTML(page.block(lambda words: f"<p>{words('generate.says')}</p>"), apply_default_css=False)
    with gr.Row(elem_id="make"):
        generator = gr.Dropdown(
            list(engine.generators), value=engine.default_generator, label=page.say("generate.generator")
        )
        digit = gr.Dropdown(
            [(page.say("generate.any"), ""), *((str(each), str(each)) for each in range(DIGITS))],
            value="",
            label=page.say("generate.digit"),
            elem_id="digit",
        )
        count = gr.Slider(1, WALL_SIZE, value=16, step=1, label=page.say("generate.count"))
        seed = gr.Number(0, precision=0, label=page.say("generate.seed"))
    make = gr.Button(page.say("generate.make"), variant="primary", elem_id="generate")
    digits = gr.HTML(
        label="Generated digits", js_on_load=_WALL_SCRIPT, apply_default_css=False, elem_id="wall"
    )

    def fill_wall(generator: str, count: float, seed: float | None, digit: str, request: gr.Request) -> str:
        made = generate_files(engine, generator, count, seed, int(digit) if digit else None)
        return wall(made, page.words(request))

    def check_chosen(event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        return page.show(check_bytes(engine, str(event.name), decode_png_url(str(event.png))), request)

    gr.on(
        [make.click, seed.submit],
        fill_wall,
        [generator, count, seed, digit],
        digits,
        api_name="page_generate",
        **private_event(),
    )
    digits.select(check_chosen, None, page.shown, api_name="page_chosen", **private_event())
