"""`POST /v1/check`: check picture files over plain HTTP, without a queue.

The request's body is a picture, and its answer one JSON object; or it is a form of picture files, and the
answers are a JSON list in their order. demo/README.md describes the requests and the statuses.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from demo.api.limits import LARGEST_FIELD
from demo.batch.many import MOST_FILES
from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE, shared_pool
from demo.errors import BusyError, DemoError, PictureError, public_message
from demo.inference.batcher import Batcher
from demo.inference.check import PICTURES_AT_ONCE, answer_all, preprocess
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed

File = tuple[str, bytes]
RETRY_AFTER: Final = {"retry-after": "1"}
FILES_IN_TURN: Final = 16
"""Files of one form that are checked at once."""
UNNAMED: Final = "picture"
WHAT_TO_SEND: Final = (
    "send a picture's own bytes with a Content-Type such as image/png or application/octet-stream, "
    "or picture files as multipart/form-data"
)


class CheckEndpoint:
    """An ASGI application for one event loop, which checks pictures of concurrent requests in batches."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pictures = Batcher(self._preprocess, self._answer, shared_pool().size, PICTURES_AT_ONCE)

    def close(self) -> None:
        """End the threads, once the server has ended."""
        self._pictures.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing if its client has gone."""
        with contextlib.suppress(ClientDisconnect):
            response = await self._response(Request(scope, receive))
            await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        try:
            files, several = await read_files(request)
            answers = await self._answers(files, request)
            return JSONResponse(answers if several else answers[0])
        except ClientDisconnect:
            raise
        except HTTPException as error:
            return failed(error.status_code, error.detail, error.headers)
        except DemoError as error:
            return failed(503, public_message(error), RETRY_AFTER)
        # A lost device raises its library's own exceptions.
        except Exception as failure:
            logging.getLogger("touchstone").exception("A picture could not be checked")
            message = f"The picture could not be checked ({type(failure).__name__}); try again."
            return failed(503, message, RETRY_AFTER)

    async def _answers(self, files: Sequence[File], request: Request) -> list[dict[str, Any]]:
        """Answer a few files at a time, so that a form of thousands does not hold up other requests."""
        if len(files) == 1:
            return [await self._pictures.submit(files[0])]
        answers: list[dict[str, Any]] = []
        for start in range(0, len(files), FILES_IN_TURN):
            if start and await request.is_disconnected():
                raise ClientDisconnect
            turn = files[start : start + FILES_IN_TURN]
            answers += await asyncio.gather(*map(self._pictures.submit, turn))
        return answers

    def _preprocess(self, file: File) -> tuple[str, Preprocessed | PictureError]:
        name, content = file
        loaded = preprocess(self._engine, content)
        if isinstance(loaded, BusyError):
            raise loaded
        return name, loaded

    def _answer(self, files: Sequence[tuple[str, Preprocessed | PictureError]]) -> list[dict[str, Any]]:
        names, loaded = zip(*files, strict=True)
        return [checked.answer.as_dict() for checked in answer_all(self._engine, names, loaded)]


def failed(status: int, message: str, headers: Any = None) -> Response:
    """Return a response with the reason, in one sentence."""
    return JSONResponse({"error": message}, status, headers)


async def read_files(request: Request) -> tuple[list[File], bool]:
    """Return the name and content of each picture file in a request, and whether it is a form.

    Raises:
        HTTPException: the body is of another type, too large or broken, or holds no file or too many.
        ClientDisconnect: the client has gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await read_form(request), True
    if kind not in ("", "application/octet-stream") and not kind.startswith("image/"):
        raise HTTPException(415, f"{kind[:100]} is not taken here; {WHAT_TO_SEND}.")
    declared = request.headers.get("content-length", "0")
    if int(declared) > LARGEST_FILE_BYTES:
        raise HTTPException(413, TOO_LARGE)
    # One growing block, unlike many pieces, is returned to the system whole.
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FILE_BYTES:
            raise HTTPException(413, TOO_LARGE)
    if not body:
        raise HTTPException(400, f"The body is empty; {WHAT_TO_SEND}.")
    return [(request.query_params.get("file", UNNAMED), bytes(body))], False


async def read_form(request: Request) -> list[File]:
    """Return the files of a form; raises HTTPException where it is broken, or holds none or too many."""
    options = {"max_files": MOST_FILES, "max_fields": MOST_FILES, "max_part_size": LARGEST_FIELD}
    try:
        async with request.form(**options) as form:
            sent = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            if any((each.size or 0) > LARGEST_FILE_BYTES for each in sent):
                raise HTTPException(413, TOO_LARGE)
            files = [(each.filename or UNNAMED, await each.read()) for each in sent]
    except HTTPException as error:
        raise refused_form(error.detail) if error.status_code == 400 else error from error
    if not files:
        raise HTTPException(400, "The form holds no file; send each picture in a part with a file name.")
    return files


def refused_form(reason: str) -> HTTPException:
    """Return the refusal of a form for Starlette's reason."""
    if reason.startswith("Too many"):
        return HTTPException(413, f"These are more than {MOST_FILES:,} files; send fewer at once.")
    if reason.startswith("Part exceeded"):
        return HTTPException(413, "A part without a file name is too large; send pictures with a file name.")
    return HTTPException(
        400, "The form is broken or cut short; send it as multipart/form-data with a boundary."
    )
