"""*Many files*: which of these digits did a generator make?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.data_classes import FileData, ListFiles

from demo.check import Checked
from demo.errors import PictureError
from demo.images import LARGEST_FILE_BYTES, TOO_LARGE
from demo.many import MOST_FILES, Sent, check_sent
from demo.page import Page, private_event
from demo.widgets.answer_table import answer_rows, answer_table
from demo.widgets.file_area import file_area

REFUSALS: Final = {
    "large": TOO_LARGE,
    "lost": "The file could not be sent to the app; check the connection and try again.",
}


def add_many(page: Page) -> None:
    """Lay out the view: the area that takes files, the table or gallery of their answers."""
    gr.HTML(page.block(lambda words: f"<p>{words('many.says')}</p>"), apply_default_css=False)
    area = file_area(LARGEST_FILE_BYTES, MOST_FILES, page.both("files."))
    table = answer_table(page.both("answers."), page.both("verdict."))
    answers = gr.State([])

    def check_upload(
        files: ListFiles | None, event: gr.EventData, request: gr.Request
    ) -> Iterator[tuple[dict[str, Any], object]]:
        words = page.words(request)
        sent = arrange(files.root if files else [], event.refused)
        rows: list[dict[str, Any]] = []
        checked: list[Checked] = []
        total = len(sent)
        try:
            for batch, total in check_sent(page.engine, sent):
                # New lists each time: gradio sends what differs from those before.
                rows = rows + answer_rows(batch, words)
                checked = checked + batch
                yield {"run": event.run, "rows": rows, "total": total, "finished": False}, checked
        except Exception:
            # The page says that it cannot go on; what went wrong is for gradio to report.
            yield {"run": event.run, "failed": True}, gr.skip()
            raise
        yield {"run": event.run, "rows": rows, "total": total, "finished": True}, checked

    def open_answer(answers: list[Checked], event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        return page.show(answers[int(event.index)], request)

    # Not after the one before: that one is stopped, and the page would wait for it all the same.
    at_once = {**private_event(), "trigger_mode": "multiple"}
    checking = area.upload(check_upload, area, [table, answers], api_name="page_many", **at_once)
    area.stop(None, None, None, cancels=[checking], api_visibility="private")
    table.select(open_answer, answers, page.shown, api_name="page_many_open", **private_event())


def arrange(files: Sequence[FileData], refused: Sequence[dict[str, Any]]) -> list[Sent]:
    """What was sent, in the order in which it was chosen. refused: as the area's event tells."""
    sent = [Sent(each.orig_name or Path(each.path).name, Path(each.path)) for each in files]
    for each in sorted(refused, key=lambda each: int(each["index"])):
        sent.insert(int(each["index"]), Sent(str(each["name"]), PictureError(REFUSALS[each["reason"]])))
    return sent[:MOST_FILES]
