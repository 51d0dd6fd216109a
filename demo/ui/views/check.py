"""*Check*: was this digit written by a person, or made by a generator?"""

import json
from pathlib import Path
from typing import Final

import gradio as gr
from gradio import FileData

from demo.contract import DISCRIMINATOR, EVALUATION_RECORD, MLP_DISCRIMINATOR
from demo.decoder.client import Picture
from demo.decoder.images import LARGEST_FILE_BYTES, encode_preview, load_picture
from demo.errors import PictureError
from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine
from demo.inference.preprocess import Box
from demo.ui.events import UNREADABLE, event_box, event_number, event_text
from demo.ui.html import data_url, description_list, empty_result, error_result, result_panel
from demo.ui.page import Page, private_event
from demo.ui.texts import Texts
from demo.ui.views.model_card import REAL
from demo.ui.views.why import add_why
from demo.ui.widgets.examples import examples
from demo.ui.widgets.picture_area import decode_png_url, picture_area, read_message

REFUSALS: Final = ("large", "full", "lost", "camera", "canvas")
"""Why a picture did not arrive, as the area's script reports it."""

_MODEL_NOTES: Final = {
    MLP_DISCRIMINATOR: ("meaning.tutorial",),
    DISCRIMINATOR: ("meaning.detector", "meaning.detector-digit"),
}
"""The texts on how far a model's numbers can be trusted."""

_TERMS: Final = ("classifier", "x", "theta", "y", "bar", "discriminator", "generator")


def add_check(page: Page) -> None:
    """Build the view: the picture area, the result beside it, *Why?*, and what the numbers mean."""
    engine = page.engine
    with gr.Row(elem_id="check"):
        with gr.Column():
            area, message = picture_area(page)
        with gr.Column():
            page.result.render()  # type: ignore[no-untyped-call]
            page.html(lambda text: trust(engine, text), elem_id="trust")
        examples(page)
    add_why(page)
    page.html(lambda text: explanation(engine.model, text))

    def check(picture: FileData | None, message: object, request: gr.Request) -> tuple[object, object]:
        text = page.texts(request)
        event = read_message(message)
        kind = event_text(event, "kind")
        if kind == "refused":
            reason = event_text(event, "reason", REFUSALS)
            explained = text(f"check.refuse-{reason}", limit=LARGEST_FILE_BYTES >> 20)
            return error_result(event_text(event, "name"), explained, text), None
        source: Path | bytes
        if kind == "drawn":
            name, source = text("check.drawing"), decode_png_url(event_text(event, "png"))
        elif kind != "sent":
            return empty_result(text), None
        elif picture is None:
            # Another one is already on its way.
            return gr.skip(), gr.skip()
        else:
            path = Path(picture.path)
            name, source = picture.orig_name or path.name, path
        return check_area(engine, name, source, event, text)

    # One event for everything, so that the latest input is also the last one answered.
    message.input(
        check, [area, message], [page.result, page.current], api_name="page_check", **private_event()
    )


def check_area(
    engine: Engine, name: str, source: Path | bytes, event: gr.EventData, text: Texts
) -> tuple[str, Checked]:
    """Check the area's picture, or the part in the box that the event names; return the panel and the answer.

    The panel carries what the area needs to draw the box: see `AREA` in `picture_area.js`.
    """
    box = event_box(event)
    area: dict[str, object] = {"turn": event_number(event, "turn")}
    try:
        picture: Picture | PictureError = load_picture(source)
    except PictureError as error:
        picture = error
    part = crop(picture, box) if box and isinstance(picture, Picture) else picture
    (checked,) = check_sources(engine, [name], [part])
    if checked.preprocessed and not box and isinstance(picture, Picture):
        height, width, _ = picture.array.shape
        area |= {"height": height, "width": width, "boxes": checked.preprocessed.boxes}
        if isinstance(source, Path):
            # The browser may know fewer formats, or turn the picture otherwise.
            area["preview"] = data_url(encode_preview(picture.array), "webp")
    return result_panel(engine, checked, text, area=area, in_box=box is not None), checked


def crop(picture: Picture, box: Box) -> Picture:
    """Return the part of a picture in a box, which need not lie within the picture."""
    top, left, bottom, right = box
    part = picture.array[top:bottom, left:right]
    if not part.size:
        raise gr.Error(UNREADABLE, print_exception=False)
    # A copy, so that the whole picture is freed while the part is kept.
    return Picture(part.copy(), picture.note)


def trust(engine: Engine, text: Texts) -> str:
    """Return a line on how often a verdict was wrong when measured, empty without a published evaluation."""
    if engine.model != DISCRIMINATOR or EVALUATION_RECORD not in engine.manifest.files:
        return ""
    report = json.loads(engine.manifest.read(EVALUATION_RECORD))
    unseen = [
        shares["real"]
        for kind, groups in report["verdicts_unseen"].items()
        for name, shares in groups.items()
        if name != REAL
    ]
    line = text(
        "check.trust",
        real=f"{report['verdicts'][REAL]['fake']:.1%}",
        unseen=f"{sum(unseen) / len(unseen):.0%}",
        worst=f"{max(unseen):.0%}",
    )
    return f'<p class="hint trust">{line} <a href="?view=elsewhere">{text("check.trust-card")}</a></p>'


def explanation(model: str, text: Texts) -> str:
    """Return the section "What the numbers mean" for a discriminator, as HTML.

    How far the numbers can be trusted is included only for the models that Touchstone publishes.
    """
    paragraphs = "".join(
        f"<p>{text(key)}</p>" for key in ("meaning.question", "meaning.number", *_MODEL_NOTES.get(model, ()))
    )
    terms = ((text(f"term.{term}"), text(f"term.{term}-means")) for term in _TERMS)
    return (
        f'<details class="explain"><summary>{text("meaning.title")}</summary>{paragraphs}'
        f"{description_list(terms, 'terms')}</details>"
    )
