"""`POST /v1/check` and `POST /v1/generate`: plain HTTP, without a queue.

To `/v1/check` the request's body is a picture, and its answer one JSON object; or it is a form of picture
files, and the answers are a JSON list in their order. demo/README.md describes the requests and the statuses.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from demo.api.arguments import GENERATE_DEFAULTS, first_problem, generate_types
from demo.api.limits import CALLS_AT_ONCE, LARGEST_FIELD
from demo.api.results import generated
from demo.batch.many import MOST_FILES
from demo.decoder.images import LARGEST_FILE_BYTES, TOO_LARGE, shared_pool
from demo.errors import BusyError, DemoError, PictureError, RequestError, public_message
from demo.inference.batcher import Batcher
from demo.inference.check import PICTURES_AT_ONCE, answer_all, preprocess
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed

File = tuple[str, bytes]
Loaded = tuple[Engine, str, Preprocessed | PictureError]
RETRY_AFTER: Final = {"retry-after": "1"}
FILES_IN_TURN: Final = 16
"""Files of one form that are checked at once."""
UNNAMED: Final = "picture"
NO_ARGUMENTS: Final = "The body must be a JSON object with digit, count, seed or model, or empty."
WHAT_TO_SEND: Final = (
    "send a picture's own bytes with a Content-Type such as image/png or application/octet-stream, "
    "or picture files as multipart/form-data"
)


class CheckEndpoint:
    """An ASGI application for one event loop, which checks pictures of concurrent requests in batches."""

    def __init__(self, engine: Engine) -> None:
        self._engine_of = functools.cache(engine.scoring_with)
        self._default = engine.model
        self._pictures = Batcher(self._preprocess, self._answer, shared_pool().size, PICTURES_AT_ONCE)

    def close(self) -> None:
        """End the threads, once the server has ended."""
        self._pictures.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing if its client has gone."""
        with contextlib.suppress(ClientDisconnect):
            response = await answered(Request(scope, receive), self._judge)
            await response(scope, receive, send)

    async def _judge(self, request: Request) -> Any:
        asked = query_of(request, "file", "model")
        engine = await run_in_threadpool(self._engine_of, asked.get("model", self._default))
        files, several = await read_files(request)
        answers = await self._answers(engine, files, request)
        return answers if several else answers[0]

    async def _answers(self, engine: Engine, files: Sequence[File], request: Request) -> list[dict[str, Any]]:
        """Answer a few files at a time, so that a form of thousands does not hold up other requests."""
        if len(files) == 1:
            return [await self._pictures.submit((engine, files[0]))]
        answers: list[dict[str, Any]] = []
        for start in range(0, len(files), FILES_IN_TURN):
            if start and await request.is_disconnected():
                raise ClientDisconnect
            turn = [(engine, file) for file in files[start : start + FILES_IN_TURN]]
            answers += await asyncio.gather(*map(self._pictures.submit, turn))
        return answers

    def _preprocess(self, item: tuple[Engine, File]) -> Loaded:
        engine, (name, content) = item
        loaded = preprocess(engine, content)
        if isinstance(loaded, BusyError):
            raise loaded
        return engine, name, loaded

    def _answer(self, pictures: Sequence[Loaded]) -> list[dict[str, Any]]:
        answers: dict[int, dict[str, Any]] = {}
        for engine in {each[0] for each in pictures}:
            places = [place for place, each in enumerate(pictures) if each[0] is engine]
            _, names, loaded = zip(*(pictures[place] for place in places), strict=True)
            checked = answer_all(engine, names, loaded)
            answers |= {place: each.answer.as_dict() for place, each in zip(places, checked, strict=True)}
        return [answers[place] for place in range(len(pictures))]


class GenerateEndpoint:
    """An ASGI application that makes digits and judges them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        fields: dict[str, Any] = {
            name: (kind, GENERATE_DEFAULTS[name]) for name, kind in generate_types(engine.generators).items()
        }
        self._arguments: type[BaseModel] = create_model(
            "Arguments", __config__=ConfigDict(extra="forbid"), **fields
        )
        self._threads = CapacityLimiter(CALLS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing if its client has gone."""
        with contextlib.suppress(ClientDisconnect):
            request = Request(scope, receive)
            response = await answered(request, self._digits)
            await response(scope, receive, send)

    async def _digits(self, request: Request) -> list[dict[str, Any]]:
        asked = query_of(request, "model")
        content = await request.body()
        try:
            body = from_json(content, allow_inf_nan=False) if content else {}
            if not isinstance(body, dict):
                raise ValueError
        except ValueError as error:
            raise RequestError(NO_ARGUMENTS) from error
        try:
            arguments = self._arguments.model_validate(asked | body)
        except ValidationError as error:
            raise RequestError(first_problem(error)) from error
        call = functools.partial(generated, self._engine, **arguments.model_dump())
        return await to_thread.run_sync(call, limiter=self._threads)


async def answered(request: Request, answer: Callable[[Request], Awaitable[Any]]) -> Response:
    """Return the response of a call, or of its failure."""
    try:
        return JSONResponse(await answer(request))
    except ClientDisconnect:
        raise
    except HTTPException as error:
        return failed(error.status_code, error.detail, error.headers)
    except RequestError as error:
        return failed(400, str(error))
    except DemoError as error:
        return failed(503, public_message(error), RETRY_AFTER)
    # A lost device raises its library's own exceptions.
    except Exception as failure:
        logging.getLogger("touchstone").exception("A call failed")
        message = f"The call could not be answered ({type(failure).__name__}); try again."
        return failed(503, message, RETRY_AFTER)


def query_of(request: Request, *names: str) -> dict[str, str]:
    """Return the parameters in an address; raise RequestError for one that is not among the names."""
    for name in request.query_params:
        if name not in names:
            takes = " and ".join(names)
            raise RequestError(f"There is no parameter {name[:40]!r}; this address takes {takes}.")
    return dict(request.query_params)


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
