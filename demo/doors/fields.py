"""The fields of a form of uploads, counted while it comes: gradio holds in memory what is no file."""

from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from demo.doors.parts import Parts
from demo.errors import BodyError

LARGEST_FIELDS_BYTES: Final = 64 << 10
"""Of all parts of a form that are no files; the page and gradio's clients send none."""

BROKEN_UPLOAD: Final = (
    'The upload is broken; send files as multipart/form-data, each in a part named "files" with a file name.'
)
NO_FILE: Final = (
    f"The form has more than {LARGEST_FIELDS_BYTES >> 10} KiB in parts that are no files; "
    "send each file in a part with a file name."
)


class Fields(Parts):
    """Counts the bytes of those parts of a form that have no file name, as gradio's own parser finds them."""

    broken = BROKEN_UPLOAD

    def __init__(self, boundary: bytes, most_bytes: int = LARGEST_FIELDS_BYTES) -> None:
        super().__init__(boundary)
        self._left = most_bytes

    def take(self, content: memoryview) -> None:
        """Raises BodyError where all fields together are too large."""
        if self.file_name is None:
            self._left -= len(content)
            if self._left < 0:
                raise BodyError(413, NO_FILE)


def fields_counted(scope: Scope, receive: Receive) -> Receive:
    """A `receive` that raises BodyError as soon as the fields of a form are too large, or it is none."""
    kind, options = parse_options_header(Headers(scope=scope).get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or boundary is None:
        # Gradio reads nothing of it.
        return receive
    fields = Fields(boundary)

    async def receive_counted() -> Message:
        message = await receive()
        fields.read(message.get("body", b""))
        return message

    return receive_counted
