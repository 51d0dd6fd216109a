"""The middleware of the served app: allowed routes, limits of bodies, security headers.

A refusal is JSON, with one sentence: under `error` by `/v1`, under `detail` elsewhere, as gradio has
it. (Starlette's `RequestBodyLimitMiddleware` answers in plain text, also in place of a route's own answer.)
"""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.api.limits import LARGEST_IN_MEMORY, MIB, SMALL_BODY
from demo.api.routes import CHECK_PATH, GENERATE_PATH, Rule

if TYPE_CHECKING:
    from demo.api.calls import Calls

SECURITY_HEADERS: Final = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), accelerometer=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()",
    ),
    (
        "content-security-policy",
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' data:; frame-src 'none'; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
    ),
]
"""For uvicorn, which sends them with every response, its own included; the gateway adds `SCRIPTS`."""

SCRIPTS: Final = "script-src 'self' 'unsafe-eval' 'nonce-{nonce}'"
"""Gradio makes functions of the scripts of HTML components, and has inline scripts in its page. Those get a
nonce; 'unsafe-inline' would also run any script that somebody smuggled into the page."""


@dataclass
class Traffic:
    """Requests in progress, but for the streams of open pages, and bytes of their bodies."""

    requests: int = 0
    body_bytes: int = 0
    ended: float = field(default_factory=time.monotonic)

    def idle_seconds(self) -> float:
        """Return how long ago the last request ended; 0 while one is in progress."""
        return 0.0 if self.requests else time.monotonic() - self.ended


class Gateway:
    """ASGI middleware before all routes of the app. calls: of the app with a page."""

    def __init__(
        self, app: ASGIApp, rules: Sequence[Rule], traffic: Traffic, calls: "Calls | None" = None
    ) -> None:
        self._app = app
        self._rules = rules
        self._traffic = traffic
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traffic = self._traffic
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        send = with_headers(send, page=path in ("", "/"))
        limit = received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            traffic.body_bytes += size
            if received > limit:
                raise too_large(limit)
            if received > SMALL_BODY and traffic.body_bytes > LARGEST_IN_MEMORY:
                raise HTTPException(503, "The app is receiving too much at once; try again in a few seconds.")
            return message

        # An open page's stream lasts as long as the page, and asks for nothing.
        counted = "/heartbeat/" not in path
        traffic.requests += counted
        try:
            rule, parts = self._allowed(scope, path)
            limit = rule.limit
            checked: Receive = receive_limited
            if self._calls is not None:
                checked = await self._calls.check(scope, rule, parts, receive_limited)
            await self._app(scope, checked, send)
        except ClientDisconnect:
            pass
        except HTTPException as refusal:
            await self._refuse(refusal, scope, path, receive, send)
        finally:
            traffic.body_bytes -= received
            traffic.requests -= counted
            if counted:
                traffic.ended = time.monotonic()

    def _allowed(self, scope: Scope, path: str) -> tuple[Rule, dict[str, str | None]]:
        """Return a request's rule and its path's named parts, or raise HTTPException: 404, 405 or 413."""
        for rule in self._rules:
            if match := re.fullmatch(rule.path, path, re.ASCII):
                break
        else:
            raise HTTPException(404, "There is nothing at this address.")
        if scope["method"] not in rule.methods:
            allowed = ", ".join(rule.methods)
            raise HTTPException(405, f"This address takes {allowed}.", {"allow": allowed})
        if int(Headers(scope=scope).get("content-length", "0")) > rule.limit:
            raise too_large(rule.limit)
        if not rule.query:
            # Gradio would keep the progress of an upload with an id, and look for other pages.
            scope["query_string"] = b""
        return rule, match.groupdict()

    async def _refuse(
        self, refusal: HTTPException, scope: Scope, path: str, receive: Receive, send: Send
    ) -> None:
        message = refusal.detail
        if self._calls is not None:
            message = self._calls.in_language(message, Headers(scope=scope).get("accept-language"))
        content: dict[str, object] = {"detail": message}
        if path in (CHECK_PATH, GENERATE_PATH):
            content = {"error": message}
        elif refusal.status_code == 422:
            # Gradio's clients take a list of such objects; of a text they would show single letters.
            validation = {"__type__": "validate", "is_valid": False, "parameter_name": "call"}
            content = {"detail": [validation | {"message": message}]}
        await JSONResponse(content, refusal.status_code, refusal.headers)(scope, receive, send)


def too_large(limit: int) -> HTTPException:
    """Return the refusal of a body of more than `limit` bytes."""
    if limit == 0:
        return HTTPException(413, "This address takes no body; send none.")
    size = f"{limit // MIB} MiB" if limit >= MIB else f"{limit >> 10} KiB"
    return HTTPException(413, f"The request holds more than {size}; send less at once.")


def with_headers(send: Send, page: bool) -> Send:
    """Return a `send` that adds the policy for scripts, and Retry-After to a 503.

    page: whether the response is the page, whose scripts get the nonce; gradio sends it in one piece.
    """
    nonce = secrets.token_urlsafe(16)

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 503:
                headers.setdefault("retry-after", "2")
            headers["content-security-policy"] = SCRIPTS.format(nonce=nonce)
            if page:
                # The nonces make it longer.
                del headers["content-length"]
        elif page and message["type"] == "http.response.body":
            # Gradio escapes `<` in texts within scripts, so nothing else begins like this.
            body = message.get("body", b"").replace(b"<script", f'<script nonce="{nonce}"'.encode())
            message = {**message, "body": body}
        await send(message)

    return send_with_headers
