"""Which files the app reads when it is asked: those that were uploaded to it.

Gradio compares a path with its upload folder, but where a path is an address it fetches what lies there, in
place of whichever value of a call, and hands it on at `/gradio_api/file=https://…`. That would have the app
ask any machine that a stranger names.
"""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from demo.gradio_inside import (
    API_PATH,
    check_before_each_call,
    for_each_file,
    is_marked_file,
    takes_file,
    was_uploaded,
)

NOT_UPLOADED: Final = "Only files that were uploaded here are read; fetch the picture yourself and send it."
NOT_MARKED: Final = "Name a file by the path that its upload gave it, with meta of the _type gradio.FileData."


def take_uploads_only(app: gr.Blocks) -> None:
    """Have an app refuse every other file, in any value of any call, before gradio looks at it."""
    check_before_each_call(app, refuse_others)


def address_routes() -> list[Route]:
    """The routes that stand before gradio's own and refuse to fetch an address: 403 and a sentence."""

    def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse(NOT_UPLOADED, 403)

    return [
        Route(f"{API_PATH}/file={scheme}://{{rest:path}}", answer, methods=["GET", "HEAD"])
        for scheme in ("http", "https")
    ]


def refuse_others(components: Sequence[object], values: Sequence[Any]) -> None:
    """Raises gr.Error where a value names a file that was not uploaded, or not as a file is named."""
    for component, value in zip(components, values, strict=False):
        if takes_file(component):
            files = value if isinstance(value, list) else [value]
            if not all(each is None or is_marked_file(each) for each in files):
                raise gr.Error(NOT_MARKED, print_exception=False)
        for_each_file(value, _refuse_other)


def _refuse_other(file: dict[str, Any]) -> dict[str, Any]:
    # An address would be a path within the upload folder, were that the working directory.
    if "://" in file["path"] or not was_uploaded(file["path"]):
        raise gr.Error(NOT_UPLOADED, print_exception=False)
    return file
