"""*Many files*: which of these digits did a generator make?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio import FileData
from gradio.data_classes import ListFiles

from demo.api.endpoints import errors_shown
from demo.batch.many import Sent, check_selection, check_sent
from demo.decoder.images import TOO_LARGE
from demo.errors import PictureError, RequestError
from demo.inference.check import PICTURES_AT_ONCE, Checked
from demo.ui.events import event_number, event_value
from demo.ui.page import Page, private_event
from demo.ui.widgets.answer_table import answer_rows, answer_table
from demo.ui.widgets.file_area import file_area

REFUSALS: Final = {
    "large": TOO_LARGE,
    "full": "The app has no room for the file right now; try again in a few minutes.",
    "lost": "The file did not reach the app; check the connection and try again.",
}

UNREADABLE_LIST: Final = "The page sent an unreadable list of files; choose them again."


def add_many(page: Page) -> None:
    """Build the view: the area that takes files, and the table or gallery of their answers."""
    page.paragraph("many.introduction", batch=PICTURES_AT_ONCE)
    area = file_area(page)
    table = answer_table(page)
    answers = gr.State([])
    # Changed in place, because a running check must see it. Gradio's `cancels` would report a check that is
    # stopped as failed, without telling which one.
    stopped = gr.State({"run": -1})

    def check_upload(
        files: ListFiles | None, stopped: dict[str, int], event: gr.EventData, request: gr.Request
    ) -> Iterator[tuple[dict[str, Any], object]]:
        text = page.texts(request)
        sent_run = event_value(event, "run")
        # It goes back to the page, and Gradio would look for files in anything but a number.
        run = sent_run if isinstance(sent_run, int) else 0
        rows: list[dict[str, Any]] = []
        checked: list[Checked] = []
        with errors_shown():
            sent = arrange(files.root if files else [], event_value(event, "refused"))
        total = len(sent)
        for batch, total in check_sent(page.engine, sent):
            if run <= stopped["run"]:
                return
            # New lists each time: Gradio sends what differs from the previous ones.
            rows = rows + answer_rows(batch, text)
            checked = checked + batch
            yield {"run": run, "rows": rows, "total": total, "finished": False}, checked
        yield {"run": run, "rows": rows, "total": total, "finished": True}, checked

    def stop(stopped: dict[str, int], event: gr.EventData) -> None:
        stopped["run"] = max(stopped["run"], event_number(event, "run"))

    def open_answer(answers: list[Checked], event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        index = event_value(event, "index")
        # After a restart the app has none of them.
        if not isinstance(index, int) or not 0 <= index < len(answers):
            raise gr.Error(page.texts(request)("answers.gone"), print_exception=False)
        return page.show(answers[index], request)

    with_data = private_event(with_data=True)
    checking = area.upload(check_upload, [area, stopped], [table, answers], api_name="page_many", **with_data)
    report = "() => document.dispatchEvent(new Event('touchstone:check-failed'))"
    checking.failure(None, js=report, api_visibility="private")
    area.stop(stop, stopped, None, api_name="page_many_stop", **with_data)
    table.select(open_answer, answers, page.shown, api_name="page_many_open", **with_data)


def arrange(files: Sequence[FileData], refused: Any) -> list[Sent]:
    """Merge the files that arrived with those that did not, in the order of the selection.

    refused: as in the area's event data.

    Raises:
        RequestError: there are too many files, or `refused` is malformed.
    """
    sent: list[Sent] = [(each.orig_name or Path(each.path).name, Path(each.path)) for each in files]
    try:
        check_selection([Path(each.path) for each in files], len(refused))
        for each in refused:
            sent.insert(each["index"], (str(each["name"]), PictureError(REFUSALS[each["reason"]])))
    except (KeyError, OverflowError, TypeError) as error:
        raise RequestError(UNREADABLE_LIST) from error
    return sent
