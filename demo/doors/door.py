"""The door of the served app: a request is let in, or answered with what is wrong with it.

What is wrong is said as `{"detail": "…"}`, one sentence, as gradio says it (of values that a call does not
take as the `message` of an object in a list, which gradio's clients show): 404 where there is nothing, 405
for another method, 410 for a file that was removed since it was sent, 413 for too much, 400 and 422 for a
body that is no call of the app.
"""

import json
import logging
from collections.abc import Mapping
from typing import Final

import gradio as gr
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.api.gradio_inside import API_PATH, is_under_way, waits_for
from demo.doors.bounded import check_declared, counted, replayed, whole
from demo.doors.calls import HASH, Calls
from demo.doors.fields import BROKEN_UPLOAD, fields_counted
from demo.doors.hosts import reached_by
from demo.doors.scripts import marking
from demo.doors.values import read_object
from demo.doors.ways import EXACT, OWN, UPLOAD_PATH, Kind, Way, way_to
from demo.errors import BodyError
from demo.ui.texts import load_texts, preferred_language

NOTHING: Final = "There is nothing at this address."
NOT_KEPT: Final = "The file cannot be kept here now; try again in some minutes."
UNFORESEEN: Final = "The app met what it did not foresee; whoever runs it finds it in the log."
OTHER_PAGES: Final = frozenset(("page", "deep_link"))
"""Arguments of an address by which gradio looks for pages and states that this app does not have."""
NEWS_PATH: Final = f"{API_PATH}/queue/data"
REWRITTEN: Final = frozenset((b"content-type", b"content-length", b"transfer-encoding"))
"""Headers of a call that do not hold for what goes on of it."""


class Door:
    """An ASGI application in front of gradio's. own: ways beside those of `way_to`, by their paths."""

    def __init__(self, app: ASGIApp, blocks: gr.Blocks, own: Mapping[str, Way] | None = None) -> None:
        self._app = app
        self._blocks = blocks
        self._calls = Calls(blocks)
        self._own = own or {}
        self._words = load_texts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or EXACT.get(path) is OWN:
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            scope["headers"] = reached_by(scope["headers"])
            way, parts = self._way(scope, path)
            receive = await self._checked(scope, receive, way, parts)
            await self._app(scope, receive, marking(scope, send_noting))
        except ClientDisconnect:
            return
        except BodyError as error:
            if started:
                raise
            accepted = Headers(scope=scope).get("accept-language")
            await refuse(send, error.status, self._words[preferred_language(accepted)].sentence(str(error)))
        except Exception as error:
            if started:
                raise
            if path == UPLOAD_PATH and isinstance(error, AttributeError | TypeError):
                # Gradio's reader of forms fails so of what is none.
                await refuse(send, 400, BROKEN_UPLOAD)
                return
            logging.getLogger("touchstone").exception("A request failed")
            if path == UPLOAD_PATH and isinstance(error, OSError):
                await refuse(send, 503, NOT_KEPT)
            else:
                await refuse(send, 500, UNFORESEEN)

    def _way(self, scope: Scope, path: str) -> tuple[Way, Mapping[str, str]]:
        found = (self._own[path], {}) if path in self._own else way_to(path)
        if found is None:
            raise BodyError(404, NOTHING)
        way, parts = found
        if scope["method"] not in way.methods:
            raise BodyError(405, f"Ask here with {' or '.join(way.methods)}.")
        asked = QueryParams(scope["query_string"])
        if not OTHER_PAGES.isdisjoint(asked):
            raise BodyError(404, NOTHING)
        session = asked.get("session_hash", "")
        if path == NEWS_PATH and not (HASH.fullmatch(session) and waits_for(self._blocks, session)):
            raise BodyError(404, "Nothing was asked in this session; join the queue first.")
        if "event" in parts and not is_under_way(self._blocks, parts["event"]):
            raise BodyError(404, "There is no such call, or its answer was fetched before.")
        return way, parts

    async def _checked(self, scope: Scope, receive: Receive, way: Way, parts: Mapping[str, str]) -> Receive:
        """What gradio reads the body from."""
        check_declared(scope, way.most_bytes)
        bounded = counted(receive, way.most_bytes)
        if way.kind is Kind.NONE:
            return bounded
        if way.kind is Kind.UPLOAD:
            return fields_counted(scope, bounded)
        call = read_object(await whole(receive, way.most_bytes))
        if way.kind is Kind.JOIN:
            call = self._calls.joined(call)
        elif way.kind is Kind.CALL:
            call = self._calls.called(call, parts["name"])
        else:
            call = self._calls.cancelled(call)
        body = json.dumps(call).encode()
        scope["headers"] = [
            *((name, value) for name, value in scope["headers"] if name not in REWRITTEN),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        return replayed(body, receive)


async def refuse(send: Send, status: int, sentence: str) -> None:
    """Answer a request with what is wrong with it."""
    detail: object = sentence
    if status == 422:
        # So gradio's clients find the sentence; of a text they would take each letter for a reason.
        told = {"__type__": "validate", "is_valid": False, "parameter_name": "call", "message": sentence}
        detail = [told]
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
