"""Headers that go with every response: what a browser may do with it.

The page runs under a policy without inline scripts but its own, each of which carries a number that is drawn
anew for every visit. `'unsafe-eval'` stays: gradio makes functions of the scripts of HTML components.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EMBEDDERS: Final = "'self' https://huggingface.co https://*.hf.space"
"""Who may show the app in a frame: itself, and a Space."""

NONCE: Final = "touchstone.nonce"
"""Where a request's scope holds the number of its inline scripts."""

PAGE_PATHS: Final = ("", "/")

POLICY: Final = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'{nonce}",
    # Gradio's components carry styles of their own.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": EMBEDDERS,
}

NOT_USED: Final = (
    "accelerometer",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
"""What of a visitor's device no page of the app asks for. The camera it does."""


def content_policy(nonce: str | None = None) -> str:
    """The Content-Security-Policy. nonce: of the response's inline scripts; without it none of them runs."""
    mark = "" if nonce is None else f" 'nonce-{nonce}'"
    return "; ".join(f"{name} {value.format(nonce=mark)}" for name, value in POLICY.items())


POLICY_NAME: Final = b"content-security-policy"
HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (
        b"permissions-policy",
        ", ".join(["camera=(self)", *(f"{feature}=()" for feature in NOT_USED)]).encode(),
    ),
]
BESIDE_THE_PAGE: Final = [*HEADERS, (POLICY_NAME, content_policy().encode())]


class SecurityHeaders:
    """An ASGI application behind the headers. Each request of the page's path gets a nonce in its scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = BESIDE_THE_PAGE
        if scope["path"] in PAGE_PATHS:
            scope[NONCE] = secrets.token_urlsafe(16)
            headers = [*HEADERS, (POLICY_NAME, content_policy(scope[NONCE]).encode())]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def headers_outermost(
    running: Callable[[Any], AbstractAsyncContextManager[None]],
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """A lifespan that puts the headers around all else that an app answers, also what stands before its
    middleware. running: the lifespan within.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        assert app.middleware_stack is not None, "a lifespan runs within it"
        app.middleware_stack = SecurityHeaders(app.middleware_stack)
        async with running(app):
            yield

    return lifespan
