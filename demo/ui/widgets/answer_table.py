"""Many answers as a table or a gallery, which sort and filter in the browser, and are saved from there."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from demo.batch.spreadsheet import csv_header, csv_line
from demo.decoder.images import encode_png
from demo.inference.check import Checked
from demo.ui.html import base64_text
from demo.ui.texts import Words
from demo.ui.widgets import beside


def answer_table(
    words: Mapping[str, Mapping[str, str]], verdicts: Mapping[str, Mapping[str, str]]
) -> gr.HTML:
    """Hidden until it has answers. words, verdicts: by language the texts that it shows, and the verdicts'.

    Its value has `run`, a number that changes when other files are checked; `rows`, as `answer_rows` makes
    them, each time all that there are; `total`, how many there will be; and `finished`.
    Or it has `run` and `failed`.

    Events:
        select: an answer was chosen; the event data's `index` is its place among the rows.

    For each value it fires on the document `touchstone:checked`, or `touchstone:failed`.
    """
    return gr.HTML(
        label="Answers",
        html_template=beside(__file__, "answer_table.html"),
        js_on_load=beside(__file__, "answer_table.js"),
        apply_default_css=False,
        elem_id="answers",
        csv_header=csv_header(),
        words=words,
        verdicts=verdicts,
    )


def answer_rows(answers: Sequence[Checked], words: Words) -> list[dict[str, Any]]:
    """What the table needs of each answer: the lines that are saved, what the model saw as PNG, the note.

    The note says why a picture has no answer, or how it was read, in the language of the page.
    """
    return [
        {
            "answer": json.dumps(checked.answer.as_dict()),
            "csv": csv_line(checked.answer),
            "png": None if checked.pixels is None else base64_text(encode_png(checked.pixels)),
            "note": words.sentence(checked.answer.error or checked.note or ""),
        }
        for checked in answers
    ]
