"""The body of an HTTP request → picture files, within limits and in memory alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from demo.batch.many import MOST_FILES
from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE
from demo.doors.form import UNNAMED, FormFiles
from demo.errors import BodyError

LARGEST_FORM_BYTES: Final = LARGEST_FILE_BYTES + (12 << 20)
"""Of several files together, with what stands between them."""

LONGEST_UPLOAD: Final = 120.0
"""Seconds from a request's head to the end of its body."""

FORM: Final = b"multipart/form-data"
FORM_TOO_LARGE: Final = (
    f"These files have more than {LARGEST_FORM_BYTES >> 20} MiB together; send fewer at once."
)
WHAT_TO_SEND: Final = (
    "send a picture's own bytes with a Content-Type such as image/png or application/octet-stream, "
    "or picture files as multipart/form-data"
)


@dataclass(frozen=True)
class SentFiles:
    """What a request carries, each file's name and content.

    several: they came as a form, so that the answer is a list, also where there is one.
    """

    files: list[tuple[str, bytes]]
    several: bool


async def read_files(scope: Scope, receive: Receive) -> SentFiles:
    """The picture files that a request carries; in a raw body one, named by `?file=` in the address.

    Raises:
        BodyError: it is of another type, too large, too slow or broken, or holds no file or too many.
        ClientDisconnect: whoever sent it has gone.
    """
    headers = Headers(scope=scope)
    kind, options = parse_options_header(headers.get("content-type"))
    form = kind == FORM
    if not form and kind not in (b"", b"application/octet-stream") and not kind.startswith(b"image/"):
        raise BodyError(415, f"{kind.decode('latin-1')} is not taken here; {WHAT_TO_SEND}.")
    limit = LARGEST_FORM_BYTES if form else LARGEST_FILE_BYTES
    too_large = FORM_TOO_LARGE if form else TOO_LARGE
    declared = headers.get("content-length", "0")
    # Python itself refuses to read a number of many thousand digits.
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > limit):
        raise BodyError(413, too_large)
    if form:
        reader = FormFiles(options.get(b"boundary", b""), MOST_FILES, LARGEST_FILE_BYTES)
        try:
            await _receive(receive, reader.read, limit, too_large)
        except BaseException:
            reader.let_go()
            raise
        return SentFiles(reader.files(), several=True)
    body = bytearray()
    try:
        await _receive(receive, body.extend, limit, too_large)
    except BaseException:
        # The error keeps this frame for as long as it is kept itself.
        body.clear()
        raise
    if not body:
        raise BodyError(400, f"The body is empty; {WHAT_TO_SEND}.")
    return SentFiles([(QueryParams(scope["query_string"]).get("file", UNNAMED), bytes(body))], several=False)


async def _receive(receive: Receive, take: Callable[[bytes], None], limit: int, too_large: str) -> None:
    """Hand a body on piece by piece."""
    size = 0
    more = True
    try:
        async with asyncio.timeout(LONGEST_UPLOAD):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                piece: bytes = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    raise BodyError(413, too_large)
                take(piece)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise BodyError(408, f"This took longer than {LONGEST_UPLOAD:g} seconds; send less.") from error
