"""`POST /v1/check`: picture files in, answers out, over plain HTTP and without a queue.

A picture is the request's body, whatever its `Content-Type` of `image/…` or `application/octet-stream`, or
without one; `?file=7.png` in the address names it. Its answer is one JSON object, the same as from
`python -m demo check --json`:

    curl --header 'Content-Type: image/png' --data-binary @7.png 'http://127.0.0.1:7860/v1/check?file=7.png'

Several are sent as the files of a form (multipart/form-data, under whatever field names), up to 2,000 with
44 MiB together; a part without a file name is one of them where its `Content-Type` is a picture's. Their
answers are a JSON list in the order of the files, also where there is only one file:

    curl --form files=@7.png --form files=@8.jpg http://127.0.0.1:7860/v1/check

A picture that cannot be judged is answered, too (200): its `error` says why. Everything else is
`{"error": "…"}` with one sentence, and the status 400 (no picture, or a broken form), 405 (not POST), 408
(sent too slowly), 413 (a file of more than 32 MiB, or too many or too large ones together), 415 (JSON, or
another type), or 503 with `Retry-After` (too many wait, large ones for too long, or a model cannot run).
Whoever closes the connection gives the request up: what has not begun of it is dropped.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.decoder.images import shared_pool
from demo.doors.body import read_files
from demo.errors import BodyError, BusyError, DemoError, PictureError, public_message
from demo.inference.batcher import Batcher
from demo.inference.check import PICTURES_AT_ONCE, Ready, answer_all, preprocess
from demo.inference.engine import Engine

CHECK_PATH: Final = "/v1/check"
RETRY_AFTER: Final = {"retry-after": "1"}
FILES_IN_TURN: Final = 16
"""Files of one form that are checked at once."""


class CheckEndpoint:
    """Answers requests, those of the same moment together. An ASGI application, for one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pictures = Batcher(self._preprocess, self._answer, shared_pool().size, PICTURES_AT_ONCE)

    def close(self) -> None:
        """End the threads; for when the server has ended."""
        self._pictures.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            status, found, more = await self._response(scope, receive)
        except ClientDisconnect:
            return
        body = json.dumps(found, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **more}
        packed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": packed})
        await send({"type": "http.response.body", "body": body})

    async def _response(self, scope: Scope, receive: Receive) -> tuple[int, Any, Mapping[str, str]]:
        """Status, what is answered, and headers beyond the usual."""
        if scope["method"] != "POST":
            return 405, {"error": "Send a picture file with POST."}, {"allow": "POST"}
        try:
            sent = await read_files(scope, receive)
            answers = await self._answers(sent.files, receive)
            return 200, answers if sent.several else answers[0], {}
        except ClientDisconnect:
            raise
        except BodyError as error:
            return error.status, {"error": str(error)}, {}
        except BusyError as error:
            return 503, {"error": str(error)}, RETRY_AFTER
        except DemoError as error:
            return 503, {"error": public_message(error)}, RETRY_AFTER
        # A device that is lost raises whatever its library has.
        except Exception as failure:
            logging.getLogger("touchstone").exception("A picture could not be checked")
            sentence = f"The picture could not be checked ({type(failure).__name__}); try again."
            return 503, {"error": sentence}, RETRY_AFTER

    async def _answers(self, files: Sequence[tuple[str, bytes]], receive: Receive) -> list[dict[str, Any]]:
        """The answers; ClientDisconnect where whoever asked has gone, once the files are let go of."""
        if len(files) == 1:
            # Watching for its end would cost a tenth of the requests, to spare one picture.
            return [await self._pictures.submit(files[0])]
        answering = asyncio.create_task(self._in_turns(files))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                leaving.result()
                raise ClientDisconnect
            return answering.result()
        finally:
            leaving.cancel()
            if answering.cancel():
                await asyncio.wait((answering,))

    async def _in_turns(self, files: Sequence[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """Submit a few files at a time, so that a form of thousands does not hold up other requests."""
        answers: list[dict[str, Any]] = []
        for start in range(0, len(files), FILES_IN_TURN):
            turn = files[start : start + FILES_IN_TURN]
            answers += await asyncio.gather(*map(self._pictures.submit, turn))
        return answers

    def _preprocess(self, file: tuple[str, bytes]) -> tuple[str, Ready | PictureError]:
        name, content = file
        loaded = preprocess(self._engine, content)
        if isinstance(loaded, BusyError):
            raise loaded
        return name, loaded

    def _answer(self, files: Sequence[tuple[str, Ready | PictureError]]) -> list[dict[str, Any]]:
        names, loaded = zip(*files, strict=True)
        return [checked.answer.as_dict() for checked in answer_all(self._engine, names, loaded)]


async def _gone(receive: Receive) -> None:
    """Wait until whoever sent the request has closed the connection; its body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


def check_route(endpoint: CheckEndpoint) -> Route:
    """The route of `/v1/check`."""
    return Route(CHECK_PATH, endpoint)
