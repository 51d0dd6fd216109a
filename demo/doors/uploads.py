"""Which files the app reads when it is asked: those that were uploaded to it.

Gradio compares a path with its upload folder, and where a path is an address it fetches what lies there, in
place of whichever value of a call. Here a path is compared, as a text, with those that the app itself gave to
whoever uploaded; no other is looked at, whatever lies there.

Gradio does not keep who uploaded what. What keeps one visitor from another's pictures is that a path has in
it a hash of 256 bits, of the content and of a number that the installation drew, and that the app hands out
no file: whoever could name one has it.
"""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from demo.api.gradio_inside import (
    are_files,
    for_each_file,
    may_have_been_uploaded,
    takes_file,
    was_uploaded,
)
from demo.errors import BodyError, RequestError

NOT_UPLOADED: Final = "Only files that were uploaded here are read; fetch the picture yourself and send it."
GONE: Final = "The file is no longer here; choose it again and send it."
NOT_MARKED: Final = "Name a file by the path that its upload gave it, with meta of the _type gradio.FileData."


def refuse_others(app: gr.Blocks, components: Sequence[object], values: Sequence[Any]) -> None:
    """Raises RequestError where a value names a file that was not uploaded, or not as a file is named.

    Where it is one that was uploaded and has been removed since, a BodyError of the status 410.
    """

    def refuse_other(file: dict[str, Any]) -> dict[str, Any]:
        if not was_uploaded(app, file["path"]):
            if may_have_been_uploaded(app, file["path"]):
                raise BodyError(410, GONE)
            raise RequestError(NOT_UPLOADED)
        return file

    for component, value in zip(components, values, strict=False):
        if takes_file(component) and value is not None and not are_files(component, value):
            raise RequestError(NOT_MARKED)
    for value in values:
        for_each_file(value, refuse_other)
