"""Example pictures that one click checks. `python -m tests.tools.examples` makes them anew."""

from typing import Final

import gradio as gr

from demo.ui.html import data_url
from demo.ui.page import Page, script
from demo.ui.shared import EXAMPLES_FOLDER, shared_script

EXAMPLES: Final = {
    "handwritten": "png",
    "generated": "png",
    "perceptron": "png",
    "photo": "jpeg",
    "screenshot": "png",
    "printed": "png",
    "letter": "png",
    "two": "jpeg",
}
"""Name → suffix, in the order of the page."""


def examples(page: Page) -> gr.HTML:
    """Add a button for each example, which fires `touchstone:take` on the document, with a `File`."""
    addresses = {
        name: data_url((EXAMPLES_FOLDER / f"{name}.{kind}").read_bytes(), kind)
        for name, kind in EXAMPLES.items()
    }
    return gr.HTML(
        html_template='<p class="hint"></p><div class="examples"></div>',
        js_on_load=shared_script("examples.mjs") + script(__file__, "examples.js"),
        apply_default_css=False,
        elem_id="examples",
        addresses=addresses,
        texts=page.by_language("example."),
    )
