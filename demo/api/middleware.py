"""The middleware of the served app: allowed routes, limits of bodies, well-formed calls, security headers.

A refusal is JSON, with one sentence: under `error` by `/v1/check`, under `detail` elsewhere, as gradio has
it. (Starlette's `RequestBodyLimitMiddleware` answers in plain text, also in place of a route's own answer.)
"""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.api.limits import LARGEST_IN_MEMORY, MIB, SMALL_BODY
from demo.api.routes import CHECK_PATH, Body, Rule, find_rule

if TYPE_CHECKING:
    from demo.api.calls import Calls

NOTHING: Final = "There is nothing at this address."
STOPPING: Final = "The app is being stopped; try again in a moment."
BUSY: Final = "The app is receiving too much at once; try again in a few seconds."
RETRY_AFTER: Final = "2"

POLICY: Final = {
    "default-src": "'self'",
    # Gradio makes functions of the scripts of HTML components, and has inline scripts in its page. Those get
    # a nonce; 'unsafe-inline' would also run any script that somebody smuggled into the page.
    "script-src": "'self' 'unsafe-eval'{nonce}",
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
    "frame-ancestors": "'self' https://huggingface.co https://*.hf.space",
}
CSP: Final = "content-security-policy"
UNUSED_FEATURES: Final = (
    "accelerometer display-capture geolocation gyroscope magnetometer microphone midi payment usb"
)
SECURITY_HEADERS: Final = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        ", ".join(["camera=(self)", *(f"{feature}=()" for feature in UNUSED_FEATURES.split())]),
    ),
]
"""For uvicorn, which sends them with every response, its own included."""


def content_policy(nonce: str | None = None) -> str:
    """Return the Content-Security-Policy of a response whose inline scripts carry a nonce, or have none."""
    allowed = "" if nonce is None else f" 'nonce-{nonce}'"
    return "; ".join(f"{name} {value.format(nonce=allowed)}" for name, value in POLICY.items())


STRICT_POLICY: Final = content_policy()


class ResponseHeaders:
    """ASGI middleware, the outermost: adds to responses what they lack.

    That is a Content-Security-Policy, and with 503 the seconds until the request may be sent again. Requests
    that the server cancels as it stops are answered 503; uvicorn would answer 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.setdefault(CSP, STRICT_POLICY)
                if message["status"] == 503:
                    headers.setdefault("retry-after", RETRY_AFTER)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if started or scope["type"] != "http":
                raise
            content = {"detail": STOPPING, "error": STOPPING}
            await JSONResponse(content, 503)(scope, receive, send_with_headers)


@dataclass
class Traffic:
    """Requests in progress, but for the streams of open pages, and bytes of their bodies."""

    requests: int = 0
    body_bytes: int = 0
    ended: float = field(default_factory=time.monotonic)

    def idle_seconds(self) -> float:
        """Return how long ago the last request ended; 0 while one is in progress."""
        return 0.0 if self.requests else time.monotonic() - self.ended


class LimitedBody:
    """A `receive` that raises HTTPException once a body is larger than `limit`, or all bodies too large."""

    def __init__(self, receive: Receive, limit: int, traffic: Traffic) -> None:
        self._receive = receive
        self._limit = limit
        self._traffic = traffic
        self._size = 0
        self.counted = 0

    async def __call__(self) -> Message:
        """Return the next part of the body."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise too_large(self._limit)
        counted = max(0, self._size - SMALL_BODY)
        self._traffic.body_bytes += counted - self.counted
        self.counted = counted
        if counted and self._traffic.body_bytes > LARGEST_IN_MEMORY:
            raise HTTPException(503, BUSY)
        return message

    async def whole(self) -> bytes:
        """Return the whole body."""
        body = bytearray()
        more = True
        while more:
            message = await self()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body)


class Gateway:
    """ASGI middleware before all routes of the app. calls: of the app with a page."""

    def __init__(
        self, app: ASGIApp, rules: tuple[Rule, ...], traffic: Traffic, calls: "Calls | None" = None
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
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        body = None
        # An open page's stream lasts as long as the page, and asks for nothing.
        counts = "/heartbeat/" not in path
        self._traffic.requests += counts
        try:
            rule, parts = self._check_route(scope, path)
            body = LimitedBody(receive, rule.limit, self._traffic)
            if self._calls is not None:
                self._calls.check_request(scope, rule, parts)
                if rule.body in (Body.JSON, Body.JOIN, Body.CALL) and scope["method"] == "POST":
                    content = self._calls.checked(rule, parts, await body.whole())
                    receive = replayed(scope, content, receive)
                else:
                    receive = body
                if path in ("", "/"):
                    send = with_nonces(send)
            else:
                receive = body
            await self._app(scope, receive, send)
        except ClientDisconnect:
            pass
        except HTTPException as refusal:
            await self._refuse(refusal, scope, path, send)
        finally:
            self._traffic.requests -= counts
            if counts:
                self._traffic.ended = time.monotonic()
            if body is not None:
                self._traffic.body_bytes -= body.counted

    def _check_route(self, scope: Scope, path: str) -> tuple[Rule, dict[str, str]]:
        found = find_rule(self._rules, path)
        if found is None:
            raise HTTPException(404, NOTHING)
        rule, parts = found
        if scope["method"] not in rule.methods:
            allowed = ", ".join(rule.methods)
            raise HTTPException(405, f"This address takes {allowed}.", {"allow": allowed})
        declared = Headers(scope=scope).get("content-length", "0")
        if len(declared) > 12 or int(declared) > rule.limit:
            raise too_large(rule.limit)
        if rule.body is Body.UPLOAD:
            # Gradio would keep the progress of an upload with an id for as long as nobody asks for it.
            scope["query_string"] = b""
        return rule, parts

    async def _refuse(self, refusal: HTTPException, scope: Scope, path: str, send: Send) -> None:
        message = str(refusal.detail)
        if self._calls is not None:
            message = self._calls.in_language(message, Headers(scope=scope).get("accept-language"))
        detail: object = message
        if refusal.status_code == 422:
            # Gradio's clients take a list of such objects; of a text they would show single letters.
            detail = [
                {"__type__": "validate", "is_valid": False, "parameter_name": "call", "message": message}
            ]
        content = {"error": message} if path == CHECK_PATH else {"detail": detail}
        await JSONResponse(content, refusal.status_code, refusal.headers)(scope, no_body, send)


async def no_body() -> Message:
    """Return that nobody sends anything more."""
    return {"type": "http.disconnect"}


def too_large(limit: int) -> HTTPException:
    """Return the refusal of a body of more than `limit` bytes."""
    if limit == 0:
        return HTTPException(413, "This address takes no body; send none.")
    size = f"{limit // MIB} MiB" if limit >= MIB else f"{limit >> 10} KiB"
    return HTTPException(413, f"The request has more than {size}; send less at once.")


def replayed(scope: Scope, content: bytes, receive: Receive) -> Receive:
    """Return a `receive` of a body that was read, and of what comes after it."""
    headers = MutableHeaders(scope=scope)
    del headers["transfer-encoding"]
    headers["content-type"] = "application/json"
    headers["content-length"] = str(len(content))
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def with_nonces(send: Send) -> Send:
    """Return a `send` that puts a nonce into the scripts and the policy of an HTML page sent in one piece."""
    start: Message | None = None

    async def send_with_nonces(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        if start is not None:
            headers = MutableHeaders(scope=start)
            if headers.get("content-type", "").startswith("text/html"):
                nonce = secrets.token_urlsafe(16)
                # Gradio escapes `<` in texts within scripts, so nothing else begins like this.
                body = message.get("body", b"").replace(b"<script", f'<script nonce="{nonce}"'.encode())
                headers["content-length"] = str(len(body))
                headers[CSP] = content_policy(nonce)
                message = {**message, "body": body}
            await send(start)
            start = None
        await send(message)

    return send_with_nonces
