"""The body of an HTTP request → picture files, within limits and in memory alone."""

import asyncio
from dataclasses import dataclass
from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from demo.doors.form import UNNAMED, FormFiles
from demo.errors import BodyError, BusyError
from demo.images import LARGEST_FILE_BYTES, TOO_LARGE
from demo.many import MOST_FILES

LARGEST_FORM_BYTES: Final = 2 * LARGEST_FILE_BYTES
"""Of several files together, with what stands between them."""

MOST_BYTES_HELD: Final = 4 * LARGEST_FORM_BYTES
"""Of all requests that have no answer yet."""

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

    several: they came as a form, so that the answer is a list, also where there is one. size: bytes held
    until they are released.
    """

    files: list[tuple[str, bytes]]
    several: bool
    size: int


class BodyReader:
    """Reads bodies, and counts what all that are not released yet hold. For one event loop."""

    def __init__(self, most_bytes: int = MOST_BYTES_HELD) -> None:
        self._free = most_bytes

    def release(self, sent: SentFiles) -> None:
        """Make room: a request has its answer."""
        self._free += sent.size

    async def read(self, scope: Scope, receive: Receive) -> SentFiles:
        """The picture files that a request carries; in a raw body one, named by `?file=` in the address.

        Raises:
            BodyError: it is of another type, too large, too slow or broken, or holds no file or too many.
            BusyError: other requests hold too much already.
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
        body = await self._receive(receive, limit, too_large)
        try:
            if form:
                # In a thread: of many files this takes a while.
                reader = FormFiles(MOST_FILES, LARGEST_FILE_BYTES)
                files = await asyncio.to_thread(reader.read, body, options.get(b"boundary", b""))
            elif body:
                files = [(QueryParams(scope["query_string"]).get("file", UNNAMED), body)]
            else:
                raise BodyError(400, f"The body is empty; {WHAT_TO_SEND}.")
        except BaseException:
            self._free += len(body)
            raise
        return SentFiles(files, form, len(body))

    async def _receive(self, receive: Receive, limit: int, too_large: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        more = True
        try:
            async with asyncio.timeout(LONGEST_UPLOAD):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    part: bytes = message.get("body", b"")
                    if len(part) > self._free:
                        raise BusyError("More is being sent here than can be held; try again in a second.")
                    self._free -= len(part)
                    size += len(part)
                    if size > limit:
                        raise BodyError(413, too_large)
                    parts.append(part)
                    more = message.get("more_body", False)
        except TimeoutError as error:
            self._free += size
            raise BodyError(408, f"This took longer than {LONGEST_UPLOAD:g} seconds; send less.") from error
        except BaseException:
            self._free += size
            # The error keeps this frame for as long as it is kept itself.
            parts.clear()
            raise
        return b"".join(parts)
