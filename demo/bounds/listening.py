"""For which sessions somebody is there: whose page is open, and whose answers are being fetched.

A page keeps a stream open as long as it is, and each answer comes by another one: gradio keeps account of
neither.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import gradio as gr
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.api.gradio_inside import API_PATH, session_of

PAGE: Final = re.compile(rf"{API_PATH}/heartbeat/([^/]+)")
ANSWER: Final = re.compile(rf"{API_PATH}/call/[^/]+/([^/]+)")
ANSWERS: Final = f"{API_PATH}/queue/data"


class Listeners:
    """How many streams are open, by session. pages: of open pages. answers: that bring answers."""

    def __init__(self) -> None:
        self.pages: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()


class Listening:
    """An ASGI application around gradio's that keeps account in `listeners`."""

    def __init__(self, app: ASGIApp, blocks: gr.Blocks, listeners: Listeners) -> None:
        self._app = app
        self._blocks = blocks
        self._listeners = listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        with self._listens(path, scope):
            await self._app(scope, receive, send)

    def _listens(self, path: str, scope: Scope) -> AbstractContextManager[None]:
        """Within it the request is one of those that are kept account of, if it is."""
        if page := PAGE.fullmatch(path):
            return counted(self._listeners.pages, page[1])
        if answer := ANSWER.fullmatch(path):
            return counted(self._listeners.answers, session_of(self._blocks, answer[1]))
        if path == ANSWERS:
            session = QueryParams(scope["query_string"]).get("session_hash", "")
            return counted(self._listeners.answers, session)
        return nullcontext()


@contextmanager
def counted(streams: Counter[str], session: str) -> Iterator[None]:
    """Within, a session has one stream more."""
    streams[session] += 1
    try:
        yield
    finally:
        streams[session] -= 1
        if not streams[session]:
            del streams[session]
