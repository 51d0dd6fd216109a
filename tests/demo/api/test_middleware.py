"""Requests that reach the app: routes, sizes, well-formed calls; and the security headers of responses."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect

from demo.api.limits import LARGEST_CALL, LARGEST_CANCEL, LARGEST_FORM, LARGEST_UPLOAD, LARGEST_VALUES
from demo.api.routes import CHECK_PATH, GRADIO_API, MCP_PATH
from demo.api.schema import DESCRIPTIONS
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.errors import UNEXPECTED
from demo.inference.engine import MODELS_FOLDER
from demo.ui.app import VIEWS
from demo.ui.texts import load_texts
from tests.support.driving import open_view, picture_bytes, upload

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
META = {"_type": "gradio.FileData"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
FILE_HEAD = b'--b\r\nContent-Disposition: form-data; name="files"; filename="7.png"\r\n\r\n'
FIELD_HEAD = b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\n'
CALLS = [f"{GRADIO_API}/call/{name}" for name in DESCRIPTIONS]
JOIN = f"{GRADIO_API}/queue/join"


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def events(client: httpx.Client) -> list[dict[str, Any]]:
    """The events of the page, as the page learns of them."""
    return [each for each in client.get("/config").json()["dependencies"] if each["backend_fn"]]


def message(response: httpx.Response) -> str:
    """Return the sentence of a refusal, which must not name anything of the server."""
    content = response.json()
    text = content.get("detail") or content["error"]
    if isinstance(text, list):
        text = text[0].get("message") or text[0]["msg"]
    assert re.fullmatch(r"[A-Z][^\n]*", text), text
    assert not re.search("Traceback|site-packages|/demo/", response.text)
    return str(text)


CLOSED = [
    *(f"{GRADIO_API}/{name}" for name in ("proxy=http://192.0.2.1/", "file=http://192.0.2.1/7.png")),
    *(f"{GRADIO_API}/{name}" for name in ("dev/reload", "upload_progress", f"file={PICTURE}", "runs")),
    *("/monitoring", "/login", "/docs", "/assets/../../../routes.py", "/assets/%2e%2e/%2e%2e/routes.py"),
    *(f"{GRADIO_API}/queue/data", f"{GRADIO_API}/queue/data?session_hash=unknown"),
    *(f"{GRADIO_API}/call/check/0", f"{GRADIO_API}/heartbeat/%00"),
]
OPEN = ["/", "/config", "/healthz", f"{GRADIO_API}/upload", JOIN, CHECK_PATH]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [*(("GET", path, 404) for path in CLOSED), *(("DELETE", path, 405) for path in OPEN)],
)
def test_other_routes_and_methods_are_refused(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    message(response)


SIZES: list[tuple[str, Mapping[str, str], int, bytes]] = [
    (JOIN, JSON, LARGEST_CALL, b'{"fn_index": 0, "data": ["'),
    (CALLS[0], JSON, LARGEST_CALL, b'{"data": ["'),
    (f"{GRADIO_API}/cancel", JSON, LARGEST_CANCEL, b'{"event_id": "'),
    (f"{GRADIO_API}/upload", FORM, LARGEST_UPLOAD, FILE_HEAD),
    (f"{GRADIO_API}/upload", FORM, LARGEST_UPLOAD, FIELD_HEAD),
    (CHECK_PATH, {"Content-Type": "image/png"}, LARGEST_FILE_BYTES, b""),
    (CHECK_PATH, FORM, LARGEST_FORM, FILE_HEAD),
    (MCP_PATH, JSON, LARGEST_FORM, b'{"jsonrpc": "2.0", "id": "'),
    ("/healthz", JSON, 0, b"7"),
]
"""Path, headers, limit in bytes, and the beginning of the body."""


# What takes no body does not read one either.
@pytest.mark.parametrize(
    ("path", "headers", "most", "head", "chunked"),
    [(*row, chunked) for chunked in (False, True) for row in SIZES if row[2] or not chunked],
)
def test_a_body_that_is_too_large_is_413(
    client: httpx.Client, path: str, headers: Mapping[str, str], most: int, head: bytes, chunked: bool
) -> None:
    size = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(most + 1)}
    pieces = [head, *[b"7" * (1 << 16)] * ((most >> 16) + 2)] if chunked else []
    connection = HTTPConnection(client.base_url.host, client.base_url.port, timeout=30)
    with closing(connection):
        connection.request("POST" if most else "GET", path, headers={**headers, **size})
        # The answer comes before the end of the body.
        with suppress(OSError):
            for piece in filter(None, pieces):
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        answer = connection.getresponse()
        assert answer.status == 413
        assert re.fullmatch(rb'(\{"(detail|error)":")?[A-Z][^"]+\.("\})?', answer.read())


NO_JSON = ("", "{", "[]", "null", '"text"', "\ufeff{}", '{"data": [1e999]}', '{"data": [NaN]}')
NESTED = ('{"data": ' + "[" * 1000 + "]" * 1000 + "}", '{"data": ' + '{"a":' * 500 + "1" + "}" * 501)


@pytest.mark.parametrize("path", [JOIN, f"{GRADIO_API}/cancel", *CALLS, MCP_PATH])
def test_a_body_that_is_no_json_object_is_400(client: httpx.Client, path: str) -> None:
    for body in (*NO_JSON, *NESTED, '{"data": ["\\ud800"]}'):
        response = client.post(path, content=body.encode(), headers=JSON)
        assert response.status_code == 400, body[:40]
        message(response)
    assert client.post(path, content=b"\xff\xfe", headers=JSON).status_code == 400


VALID: dict[str, list[Any]] = {name: [None] for name in DESCRIPTIONS} | {"generate": [None, 1, 0, None]}
WRONG_DATA: tuple[Any, ...] = (None, {}, "text", 7, [[]] * 9)
WRONG_SESSIONS: tuple[Any, ...] = (7, [], "", "a" * 65, "a/b", True)
WRONG_EVENTS: tuple[Any, ...] = (None, -1, 9999, 2**40, "3", 3.5, True, [], {})
FILE = {"path": str(PICTURE), "meta": META}
WRONG_VALUES: Mapping[int, tuple[Any, ...]] = {
    0: ("text", [], True, 1.5, 10, FILE),
    1: (0, 257, None),
    2: (-1, 2**32),
    3: (7, "discriminator", FILE),
}


def test_malformed_calls_of_endpoints_are_refused(client: httpx.Client) -> None:
    for name, data in VALID.items():
        bodies: list[Any] = [{}, *({"data": wrong} for wrong in WRONG_DATA)]
        bodies += [{"data": data, "session_hash": wrong} for wrong in WRONG_SESSIONS]
        for body in bodies:
            response = client.post(f"{GRADIO_API}/call/{name}", json=body)
            assert response.status_code == 422, body
            message(response)
    for place, value in ((place, value) for place, values in WRONG_VALUES.items() for value in values):
        data = [*VALID["generate"][:place], value, *VALID["generate"][place + 1 :]]
        response = client.post(f"{GRADIO_API}/call/generate", json={"data": data})
        assert response.status_code == 422, data
        assert message(response).startswith(f"Correct data.{place}: ")
    assert client.post(f"{GRADIO_API}/call/generate", json={"data": [3.0, 1, 0, None]}).status_code == 200
    for name in ("unknown", "page_check", "a" * 64):
        assert client.post(f"{GRADIO_API}/call/{name}", json={"data": []}).status_code == 404


def test_no_event_takes_a_malformed_call(client: httpx.Client, events: list[dict[str, Any]]) -> None:
    assert len(events) > 20
    for event in events:
        valid = {"fn_index": event["id"], "session_hash": "a", "data": [None] * len(event["inputs"])}
        others: dict[str, list[Any]] = {
            "session_hash": [None, 7, "", "a b", []],
            "data": [None, {}, "text", [None] * (len(event["inputs"]) + 1)],
            "trigger_id": ["one", [], 1.5],
            "event_data": [7, "text", [], {"path": "/etc/passwd"}, {"deep": [{"path": "a\0b"}]}],
        }
        bodies = [valid | {name: value} for name, values in others.items() for value in values]
        file = {"path": "/etc/passwd", "meta": META}
        for place, value in product(range(len(event["inputs"])), (file, [file])):
            data: list[Any] = [None] * len(event["inputs"])
            data[place] = value
            bodies.append(valid | {"data": data})
        for body in bodies:
            response = client.post(JOIN, json=body)
            # Without a session it is gradio that refuses.
            assert response.status_code in (400, 422), body
            message(response)
    (number,) = (each["id"] for each in events if each["api_name"] == "page_check")
    large = {"fn_index": number, "session_hash": "a", "data": [None, "7" * LARGEST_VALUES]}
    assert client.post(JOIN, json=large).status_code == 413
    for number in WRONG_EVENTS:
        body = {"data": [], "fn_index": number, "session_hash": "a"}
        assert client.post(JOIN, json=body).status_code == 404, number


def test_every_failure_of_an_event_has_a_reason(client: httpx.Client, events: list[dict[str, Any]]) -> None:
    failed = 0
    odd: tuple[tuple[Any, Any], ...] = (
        *((None, None), (None, {}), ("x", {"index": 99, "deep": []})),
        *((-1, {"index": -1, "run": "x"}), (10**15, {"index": 10**15, "refused": [7]})),
    )
    for event in events:
        for fill, sent in odd:
            session = uuid4().hex
            body = {"fn_index": event["id"], "session_hash": session, "event_data": sent}
            joined = client.post(JOIN, json=body | {"data": [fill] * len(event["inputs"])})
            if joined.status_code == 422:
                continue
            assert joined.status_code == 200, joined.text
            news = client.get(f"{GRADIO_API}/queue/data", params={"session_hash": session}).text
            if '"success":false' in news:
                failed += 1
                assert re.search(r'"error":"[A-Z][^"]+', news), (event["api_name"], news)
                assert UNEXPECTED not in news, (event["api_name"], fill, sent)
    assert failed > 3


def test_headers_that_name_a_host_are_checked(client: httpx.Client) -> None:
    for name, path in product(("host", "x-forwarded-host"), ("/", "/config", CALLS[2])):
        body = {"data": VALID["generate"]} if path == CALLS[2] else None
        response = client.request("POST" if body else "GET", path, json=body, headers={name: "[v1.x]"})
        assert response.status_code == 400
        message(response)
    # Gradio takes a request with this header for one of its own server of pages.
    headers = {"x-gradio-server": "http://192.0.2.1/"}
    assert "192.0.2.1" not in client.get("/config", headers=headers).json()["root"]


ASKED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("GET", path, {}) for path in ("/", "/config", "/theme.css", "/healthz", "/nothing", "/v1/check")),
    *(("GET", f"/models/{file}", {}) for file in ("manifest.json", "nothing")),
    ("HEAD", "/", {}),
    ("POST", "/v1/check", {"content": picture_bytes()}),
    ("POST", JOIN, {"content": b"{"}),
    ("POST", f"{GRADIO_API}/upload", {"content": b"7"}),
    ("POST", MCP_PATH, {"content": b"{}"}),
    ("OPTIONS", "/", {"headers": {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}}),
)


@pytest.mark.parametrize(("method", "path", "options"), ASKED)
def test_every_response_has_security_headers(
    client: httpx.Client, method: str, path: str, options: dict[str, Any]
) -> None:
    headers = client.request(method, path, **options).headers
    for name, value in {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}.items():
        assert headers.get_list(name) == [value]
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy
    assert not re.search(r"script-src[^;,]*unsafe-inline", policy)
    assert "script-src 'self'" in policy or method == "OPTIONS"
    assert "camera=(self)" in headers["permissions-policy"]


def test_inline_scripts_carry_the_nonce_of_their_own_response(client: httpx.Client) -> None:
    nonces = set()
    for _ in range(2):
        response = client.get("/")
        (nonce,) = re.findall(r"'nonce-([\w-]{22})'", response.headers["content-security-policy"])
        scripts = re.findall(r"<script[^>]*>", response.text)
        assert scripts
        assert all(f'nonce="{nonce}"' in each for each in scripts)
        nonces.add(nonce)
    assert len(nonces) == 2


@pytest.mark.browser
def test_the_page_runs_under_its_policy(browser: Browser, server: str) -> None:
    page = browser.new_page()
    logged: list[str] = []
    page.on("console", lambda message: logged.append(message.text))
    page.goto(server)
    upload(page, "7.png", picture_bytes())
    expect(page.locator("#result .result-file")).to_have_text("7.png")
    for view in VIEWS:
        open_view(page, view)
        expect(page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1)
    policy = "Content Security Policy"
    assert not [each for each in logged if policy in each]
    # What somebody else writes into the page does not run.
    page.locator("body").evaluate(
        "body => body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.ran = true\">')"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert [each for each in logged if policy in each]
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_a_busy_app_is_reported_in_the_reader_s_language(
    browser: Browser, server: str, locale: str, language: str
) -> None:
    words = load_texts()[language]
    page = browser.new_page(locale=locale)
    page.goto(server)
    expect(page.locator("#area .pad")).to_be_visible()
    # Whatever refuses: gradio's queue, the app, or a proxy.
    page.route("**/queue/join*", lambda route: route.fulfill(status=503, body="<h1>503</h1>"))
    upload(page, "seven.png", picture_bytes())
    expect(page.get_by_test_id("toast-text").last).to_have_text(words("page.all-busy"))
    page.route("**/upload*", lambda route: route.fulfill(status=503, body="<h1>503</h1>"))
    upload(page, "eight.png", picture_bytes())
    # Another toast says that the page's report of it was refused, too.
    expect(page.get_by_test_id("toast-text").filter(has_text=words("check.refuse-full"))).to_be_visible()
    page.close()
