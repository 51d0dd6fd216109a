"""Many answers as a table or a gallery that the browser sorts, filters and saves."""

import html
import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from demo.batch.spreadsheet import csv_header, csv_line
from demo.decoder.images import encode_png
from demo.inference.check import Checked
from demo.ui.html import explanation, png_url
from demo.ui.page import Page, script
from demo.ui.texts import Texts


def answer_table(page: Page) -> gr.HTML:
    """Add the table, hidden until it has answers.

    Its value has `run`, a number that grows with each selection of files; `rows`, all `answer_rows` so far;
    `total`, how many there will be; and `finished`.

    Events:
        select: an answer was chosen; the event data's `index` is its place among the rows.

    For each value it fires `touchstone:checked` on the document.
    """
    return gr.HTML(
        label="Answers",
        html_template=script(__file__, "answer_table.html"),
        js_on_load=script(__file__, "answer_table.js"),
        apply_default_css=False,
        elem_id="answers",
        csv_header=csv_header(),
        texts=page.by_language("answers."),
        verdicts=page.by_language("verdict."),
    )


def answer_rows(answers: Sequence[Checked], text: Texts) -> list[dict[str, Any]]:
    """Return the table's rows: the JSON and CSV lines to save, what the model saw as a data URL, a note."""
    return [
        {
            "answer": json.dumps(checked.answer.as_dict()),
            "csv": csv_line(checked.answer),
            "png": None if checked.pixels is None else png_url(encode_png(checked.pixels)),
            "note": note(checked, text),
        }
        for checked in answers
    ]


def note(checked: Checked, text: Texts) -> str:
    """Return why a picture has no score, or how it was read, in the page's language as plain text."""
    if checked.answer.reason is not None:
        return html.unescape(explanation(checked.answer, text))
    return text.sentence(checked.answer.error or checked.note or "")
