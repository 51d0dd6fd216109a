"""*Many files*: which of these digits did a generator make?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio import FileData
from gradio.data_classes import ListFiles

from demo.api.endpoints import errors_shown
from demo.batch.many import MOST_BYTES, MOST_FILES, Sent, check_selection, check_sent
from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE
from demo.errors import PictureError, RequestError
from demo.inference.check import PICTURES_AT_ONCE, Checked
from demo.ui.events import event_value
from demo.ui.page import Page, private_event
from demo.ui.widgets.answer_table import answer_rows, answer_table
from demo.ui.widgets.file_area import file_area

REFUSALS: Final = {
    "large": TOO_LARGE,
    "full": "The app has no room for the file at the moment; try again in a few minutes.",
    "lost": "The file could not be sent to the app; check the connection and try again.",
}

UNCLEAR: Final = "What the page says of the files is not clear; choose them again."


def add_many(page: Page) -> None:
    """Lay out the view: the area that takes files, the table or gallery of their answers."""
    says = page.block(lambda words: f"<p>{words('many.says', batch=PICTURES_AT_ONCE)}</p>")
    gr.HTML(says, apply_default_css=False)
    area = file_area(LARGEST_FILE_BYTES, MOST_FILES, MOST_BYTES, page.both("files."))
    table = answer_table(page.both("answers."), page.both("verdict."))
    answers = gr.State([])

    def check_upload(
        files: ListFiles | None, event: gr.EventData, request: gr.Request
    ) -> Iterator[tuple[dict[str, Any], object]]:
        words = page.words(request)
        # It goes back to the page, and in what does gradio looks for files.
        told = event_value(event, "run")
        run = told if isinstance(told, int) else 0
        rows: list[dict[str, Any]] = []
        checked: list[Checked] = []
        try:
            with errors_shown():
                sent = arrange(files.root if files else [], event_value(event, "refused"))
            total = len(sent)
            for batch, total in check_sent(page.engine, sent):
                # New lists each time: gradio sends what differs from those before.
                rows = rows + answer_rows(batch, words)
                checked = checked + batch
                yield {"run": run, "rows": rows, "total": total, "finished": False}, checked
        except Exception:
            # The page says that it cannot go on; what went wrong is for gradio to report.
            yield {"run": run, "failed": True}, gr.skip()
            raise
        yield {"run": run, "rows": rows, "total": total, "finished": True}, checked

    def open_answer(answers: list[Checked], event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        index = event_value(event, "index")
        # An app that was started anew has none of them.
        if not isinstance(index, int) or not 0 <= index < len(answers):
            raise gr.Error(page.words(request)("answers.gone"), print_exception=False)
        return page.show(answers[index], request)

    telling = private_event(telling=True)
    checking = area.upload(check_upload, area, [table, answers], api_name="page_many", **telling)
    checking.failure(
        None, js="() => document.dispatchEvent(new Event('touchstone:many-failed'))", api_visibility="private"
    )
    area.stop(None, None, None, cancels=[checking], api_visibility="private")
    table.select(open_answer, answers, page.shown, api_name="page_many_open", **telling)


def arrange(files: Sequence[FileData], refused: object) -> list[Sent]:
    """What was sent, in the order in which it was chosen. refused: as the area's event tells.

    Raises:
        RequestError: these are too many files, or `refused` is not what the area tells.
    """
    away = refused if isinstance(refused, list) else [None]
    check_selection([Path(each.path) for each in files], len(away))
    total = len(files) + len(away)
    places = dict(_refused(each, total) for each in away)
    if len(places) != len(away):
        raise RequestError(UNCLEAR)
    sent = (Sent(each.orig_name or Path(each.path).name, Path(each.path)) for each in files)
    return [places[index] if index in places else next(sent) for index in range(total)]


def _refused(each: object, total: int) -> tuple[int, Sent]:
    match each:
        case {"index": int(index), "name": str(name), "reason": "large" | "full" | "lost" as reason} if (
            0 <= index < total
        ):
            return index, Sent(name, PictureError(REFUSALS[reason]))
    raise RequestError(UNCLEAR)
