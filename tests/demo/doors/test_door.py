"""What the served app lets in: which routes answer, what a call must be, how much may be sent."""

import asyncio
import re
import select
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import gradio as gr
import httpx
import pytest

from demo.api.check_route import CHECK_PATH
from demo.api.gradio_inside import API_PATH, events_of
from demo.api.mcp import LARGEST_REQUEST_BYTES, MCP_PATH
from demo.api.schema import DESCRIPTIONS
from demo.bounds.crowd import Bounds
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.doors.body import LARGEST_FORM_BYTES
from demo.doors.door import NOTHING, UNFORESEEN
from demo.doors.ways import LARGEST_CALL_BYTES, LARGEST_NOTE_BYTES, LARGEST_UPLOAD_BYTES, way_to
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.ui.app import build_app
from tests.support.serving import ROOT, served_process

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
MARK = {"_type": "gradio.FileData"}
JSON = {"Content-Type": "application/json"}
MOST_GROWTH = 50_000_000
"""Bytes that the server process may grow by, at its peak, while it refuses."""

PLACES = re.compile(f"{re.escape(str(ROOT))}|{re.escape(sys.prefix)}|Traceback|site-packages")
"""What would name places of the server."""


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def app(engine: Engine) -> gr.Blocks:
    async def built() -> gr.Blocks:
        return build_app(engine)[0]

    # Without a loop that runs gradio makes one for each of its apps, and never closes it.
    return asyncio.run(built())


def sentence(response: httpx.Response) -> str:
    """What a refusal says: one sentence that names nothing of the server."""
    said = response.json()
    text = said.get("detail") or said["error"]
    if response.status_code == 422:
        text = text[0]["message"]
    assert re.fullmatch(r"[A-Z][^\n]*\.", text), text
    assert not PLACES.search(response.text)
    return str(text)


def routes_of(app: Any) -> Iterator[Any]:
    """The routes of an app, those of its routers included."""
    for route in app.routes:
        router = getattr(route, "original_router", None)
        yield from [route] if router is None else routes_of(router)


def filled(path: str) -> str:
    """A route's path with something in each of its places."""
    return re.sub(r"\{[^}]*\}", "1", path)


def test_of_gradio_s_routes_those_answer_that_are_on_the_list(app: gr.Blocks, client: httpx.Client) -> None:
    asked = 0
    for route in routes_of(app.app):
        path = filled(getattr(route, "path", ""))
        for method in getattr(route, "methods", None) or ():
            with client.stream(method, path) as response:
                asked += 1
                assert response.status_code < 500, (method, path)
                found = way_to(path)
                if found is None:
                    response.read()
                    assert response.status_code == 404, (method, path)
                    if method != "HEAD":
                        assert sentence(response) == NOTHING, (method, path)
    assert asked > 50


@pytest.mark.parametrize(
    "path",
    [
        f"{API_PATH}/proxy=http://192.0.2.1/",
        f"{API_PATH}/file=http://192.0.2.1/7.png",
        f"{API_PATH}/file={PICTURE}",
        f"{API_PATH}/file/{PICTURE}",
        f"{API_PATH}/custom_component/1/server/component/index.js",
        f"{API_PATH}/openapi.json",
        f"{API_PATH}/dev/reload",
        f"{API_PATH}/vibe-code",
        "/monitoring",
        "/docs",
        "/assets/../../../routes.py",
        "/assets/%2e%2e/%2e%2e/routes.py",
        "/assets/%00",
        f"/static/{'a' * 300}",
        "/?page=1",
        "/?deep_link=1",
        "/config?page=1",
        f"{API_PATH}/queue/data",
        f"{API_PATH}/queue/data?session_hash=unknown",
        f"{API_PATH}/call/check/0",
        f"{API_PATH}/heartbeat/%00",
    ],
)
def test_what_is_not_there_is_404(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    sentence(response)


@pytest.mark.parametrize("path", ["/", "/config", "/healthz", "/gradio_api/info", "/theme.css"])
def test_another_method_is_refused(client: httpx.Client, path: str) -> None:
    response = client.delete(path)
    assert response.status_code == 405


NO_JSON = ("", "{", "[]", "null", '"text"', "\ufeff{}")
NO_FINITE = ('{"data": [1e999]}', '{"data": [NaN]}', '{"data": [-Infinity]}')
NO_NUMBER = ('{"data": [%s]}' % ("9" * 5000), '{"data": [9007199254740993]}')
NESTED = (
    '{"data": ' + "[" * 10_000 + "]" * 10_000 + "}",
    '{"data": ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}",
)
NO_TEXT = ('{"data": ["\\ud800"]}',)
DOORS = (
    f"{API_PATH}/queue/join",
    f"{API_PATH}/cancel",
    *(f"{API_PATH}/call/{name}" for name in DESCRIPTIONS),
)


@pytest.mark.parametrize("path", DOORS)
def test_what_is_no_json_object_of_a_call_is_refused(client: httpx.Client, path: str) -> None:
    for body in (*NO_JSON, *NO_FINITE, *NO_NUMBER, *NESTED, *NO_TEXT):
        response = client.post(path, content=body.encode(), headers=JSON)
        # What notes take is less than the deepest of these.
        assert response.status_code in ((400, 413) if path.endswith("cancel") else (400,)), body[:40]
        sentence(response)
    assert client.post(path, content=b"\xff\xfe", headers=JSON).status_code == 400


WRONG_DATA: tuple[Any, ...] = (None, {}, "text", 7, [[]] * 9)
"""In place of the list of a call's values."""


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_malformed_calls_of_an_endpoint_are_refused(client: httpx.Client, name: str) -> None:
    bodies: list[Any] = [{}, *({"data": data} for data in WRONG_DATA)]
    valid: list[Any] = [None] if name != "generate" else [None, 1, 0, None]
    hashes: tuple[Any, ...] = (7, [], {}, "", "a" * 65, "a/b", True)
    bodies += [{"data": valid, "session_hash": each} for each in hashes]
    for body in bodies:
        response = client.post(f"{API_PATH}/call/{name}", json=body)
        assert response.status_code == 422, body
        sentence(response)


FILES: tuple[Any, ...] = (
    7,
    "text",
    {},
    {"path": None, "meta": MARK},
    {"path": 7, "meta": MARK},
    {"path": "/etc/passwd"},
    {"path": "/etc/passwd", "meta": MARK},
    {"path": "/etc/passwd", "meta": {"_type": "other"}},
    {"path": "a\0b", "meta": MARK},
    {"path": "http://192.0.2.1/7.png", "meta": MARK},
    {"path": "", "meta": MARK},
    {"path": str(PICTURE), "meta": MARK, "size": "many"},
    [[{"path": str(PICTURE), "meta": MARK}]],
)


@pytest.mark.parametrize("name", ["check", "check_many", "history"])
def test_what_is_no_file_of_this_app_is_refused(client: httpx.Client, name: str) -> None:
    for file in FILES:
        for value in (file, [file]):
            response = client.post(f"{API_PATH}/call/{name}", json={"data": [value]})
            assert response.status_code == 422, value
            sentence(response)


@pytest.mark.parametrize("place", range(4))
def test_values_of_another_type_are_refused(client: httpx.Client, place: int) -> None:
    wrong: tuple[Any, ...] = (
        "text" if place < 3 else 7,
        [],
        {},
        True,
        1.5,
        {"path": str(PICTURE), "meta": MARK},
    )
    for value in wrong:
        data: list[Any] = [None, 1, 0, None]
        data[place] = value
        response = client.post(f"{API_PATH}/call/generate", json={"data": data})
        assert response.status_code == 422, data
        sentence(response)


def test_values_out_of_range_are_refused(client: httpx.Client) -> None:
    wrong = {0: (-1, 10), 1: (0, 257), 2: (-1, 2**32), 3: ("", "discriminator", "unknown")}
    for place, values in wrong.items():
        for value in values:
            data: list[Any] = [None, 1, 0, None]
            data[place] = value
            response = client.post(f"{API_PATH}/call/generate", json={"data": data})
            assert response.status_code == 422, data
            assert re.search(r" from \d to \d+| or mlp_generator", sentence(response))


@pytest.mark.parametrize("name", ["host", "x-forwarded-host"])
def test_a_host_that_is_none_is_refused_and_no_call_is_taken(client: httpx.Client, name: str) -> None:
    call = f"{API_PATH}/call/generate"
    for method, path in (("GET", "/"), ("GET", "/config"), ("POST", call)):
        body = {"data": [None, 1, 0, None]} if method == "POST" else None
        response = client.request(method, path, json=body, headers={name: "[v1.x]"})
        assert response.status_code == 400
        sentence(response)


@pytest.mark.parametrize("name", ["unknown", "page_check", "_named_view", "a" * 64])
def test_what_is_no_endpoint_is_404(client: httpx.Client, name: str) -> None:
    response = client.post(f"{API_PATH}/call/{name}", json={"data": []})
    assert response.status_code == 404
    sentence(response)


WRONG_NUMBERS: tuple[Any, ...] = (None, -1, 9999, 2**40, "3", 3.5, True, [], {})


def test_an_event_that_is_not_there_is_404(client: httpx.Client) -> None:
    for number in WRONG_NUMBERS:
        body = {"data": [], "fn_index": number, "session_hash": "a", "event_id": "b"}
        for path in ("queue/join", "cancel"):
            response = client.post(f"{API_PATH}/{path}", json=body)
            assert response.status_code == 404, number
            sentence(response)


def test_every_event_refuses_values_that_it_does_not_take(app: gr.Blocks, client: httpx.Client) -> None:
    events = events_of(app)
    assert len(events) > 20
    for number, event in events.items():
        body: dict[str, Any] = {"fn_index": number, "session_hash": "a", "data": [None] * len(event.inputs)}
        others: dict[str, list[Any]] = {
            "session_hash": [None, 7, "", "a b", []],
            "data": [None, {}, "text", [None] * (len(event.inputs) + 1)],
            "trigger_id": ["1", [], 1.5],
            "event_data": [7, "text", True, [], {"path": "/etc/passwd"}, {"deep": [{"path": "a\0b"}]}],
        }
        wrong = [body | {name: value} for name, values in others.items() for value in values]
        wrong += [body | {"event_data": {"deep": [{"path": "/etc/passwd", "meta": MARK}]}}]
        if event.inputs:
            wrong += [body | {"data": []}]
        for place, each in enumerate(event.inputs):
            outside = [{"path": "/etc/passwd", "meta": MARK}]
            for value in outside if each.state else [*outside, {}, [[]], True]:
                data = [None] * len(event.inputs)
                wrong.append(body | {"data": [*data[:place], value, *data[place + 1 :]]})
        for each_wrong in wrong:
            response = client.post(f"{API_PATH}/queue/join", json=each_wrong)
            assert response.status_code == 422, each_wrong
            sentence(response)


def answered(client: httpx.Client, body: dict[str, Any]) -> str | None:
    """What an event answers to a browser: its stream of news; None where the door refuses."""
    session = uuid4().hex
    joined = client.post(f"{API_PATH}/queue/join", json=body | {"session_hash": session})
    if joined.status_code == 422:
        return None
    assert joined.status_code == 200, joined.text
    return client.get(f"{API_PATH}/queue/data", params={"session_hash": session}).text


def test_news_may_be_asked_for_again_after_the_last_answer(client: httpx.Client) -> None:
    # A page does where one stream brought the answer to a call that it had only just begun.
    session = uuid4().hex
    body = {"fn_index": 0, "data": [], "session_hash": session}
    events = client.get("/config").json()["dependencies"]
    body["fn_index"] = next(each["id"] for each in events if not each["inputs"])
    assert client.post(f"{API_PATH}/queue/join", json=body).status_code == 200
    assert "close_stream" in client.get(f"{API_PATH}/queue/data", params={"session_hash": session}).text
    with client.stream("GET", f"{API_PATH}/queue/data", params={"session_hash": session}) as news:
        assert news.status_code == 200


VALUES_OF_EVENTS: tuple[tuple[Any, Any], ...] = (
    (None, None),
    (None, {}),
    ("x", {"index": 99, "deep": []}),
    (-1, {"index": -1, "run": "x"}),
    (10**15, {"index": 10**15, "refused": [7]}),
)


def test_every_failure_of_an_event_has_a_reason(app: gr.Blocks, client: httpx.Client) -> None:
    failed = 0
    for number, event in events_of(app).items():
        for fill, told in VALUES_OF_EVENTS:
            data = [None if each.file else fill for each in event.inputs]
            news = answered(client, {"fn_index": number, "data": data, "event_data": told})
            assert not PLACES.search(news or "")
            if news is not None and '"success":false' in news:
                failed += 1
                assert re.search(r'"error":"[A-Z][^"]+', news), (event.name, news)
                assert UNFORESEEN not in news, (event.name, fill, told)
    assert failed > 3


def parts(
    content: bytes, name: str = "files", options: str = '; filename="7.png"'
) -> tuple[bytes, dict[str, str]]:
    """A form of one part, and its header."""
    body = f'--b\r\nContent-Disposition: form-data; name="{name}"{options}\r\n\r\n'.encode()
    return body + content + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_broken_upload_is_refused(client: httpx.Client) -> None:
    whole, form = parts(b"7")
    broken: list[tuple[bytes, dict[str, str]]] = [
        (b"7", {}),
        (b"7", {"Content-Type": "image/png"}),
        (whole, {"Content-Type": "multipart/form-data"}),
        (whole, {"Content-Type": "multipart/form-data; boundary=other"}),
        (b"--b\r\nnothing", form),
        (b"--b\r\n: \r\n\r\n7\r\n--b--\r\n", form),
        parts(b"7", options=""),
        parts(b"7", options='; filename=".."'),
        parts(b"7", options=f'; filename="{"a" * 9000}"'),
        (whole, {"Content-Type": "multipart/form-data; boundary=b; charset=none"}),
        (whole, {"Content-Type": f"multipart/form-data; boundary={'b' * 300}"}),
    ]
    for body, headers in broken:
        for path in ("upload", "upload?upload_id=1"):
            response = client.post(f"{API_PATH}/{path}", content=body, headers=headers)
            if response.status_code == 200:
                assert not PLACES.search(response.text)
                continue
            assert response.status_code in (400, 413), (body[:80], headers)
            assert response.text


def test_what_was_uploaded_is_read_and_not_handed_out(client: httpx.Client) -> None:
    body, headers = parts(PICTURE.read_bytes())
    (path,) = client.post(f"{API_PATH}/upload", content=body, headers=headers).json()
    file = {"path": path, "meta": MARK}
    event = client.post(f"{API_PATH}/call/check", json={"data": [file]}).json()["event_id"]
    answer = client.get(f"{API_PATH}/call/check/{event}")
    assert '"verdict"' in answer.text
    # It was fetched.
    assert client.get(f"{API_PATH}/call/check/{event}").status_code == 404
    assert client.get(f"{API_PATH}/file={path}").status_code == 404
    # A neighbour of it is none that was uploaded, or is no longer, nor is the same by another name.
    others = (f"{path}x", str(Path(path).parent), f"{Path(path).parent}/./{Path(path).name}")
    for other, status in zip(others, (410, 422, 422), strict=True):
        refused = client.post(f"{API_PATH}/call/check", json={"data": [file | {"path": other}]})
        assert refused.status_code == status


FORM_HEAD = parts(b"")[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
FIELD_HEAD = parts(b"", options="")[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
FORM = parts(b"")[1]
DATA_URL = b'{"fn_index": 0, "data": ["data:image/png;base64,'
MCP = JSON | {"Accept": "application/json, text/event-stream"}
MCP_CALL = (
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", '
    b'"params": {"name": "check", "arguments": {"picture": "'
)

LARGEST: tuple[tuple[str, Mapping[str, str], int, bytes], ...] = (
    (f"{API_PATH}/queue/join", JSON, LARGEST_CALL_BYTES, DATA_URL),
    (f"{API_PATH}/call/check", JSON, LARGEST_CALL_BYTES, DATA_URL),
    (f"{API_PATH}/cancel", JSON, LARGEST_NOTE_BYTES, DATA_URL),
    (f"{API_PATH}/upload", FORM, LARGEST_UPLOAD_BYTES, FORM_HEAD),
    (f"{API_PATH}/upload", FORM, LARGEST_UPLOAD_BYTES, FIELD_HEAD),
    (CHECK_PATH, {"Content-Type": "image/png"}, LARGEST_FILE_BYTES, b""),
    (CHECK_PATH, FORM, LARGEST_FORM_BYTES, FORM_HEAD),
    (CHECK_PATH, FORM, LARGEST_FORM_BYTES, FIELD_HEAD),
    (MCP_PATH, MCP, LARGEST_REQUEST_BYTES, MCP_CALL),
)
"""Path, headers, most bytes, and what stands before those that are too many."""


def resident(process: int, which: str) -> int:
    """Bytes of memory of a process: VmRSS now, VmHWM at its peak."""
    status = Path(f"/proc/{process}/status").read_text()
    (found,) = re.findall(rf"^{which}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found) << 10


def sent(address: str, path: str, headers: Mapping[str, str], chunks: Iterable[bytes]) -> bytes:
    """The answer to a request whose body comes in chunks."""
    with begun(address, path, headers, chunks) as connection:
        answer = connection.recv(1 << 12)
        while answer.endswith(b"\r\n\r\n") and (more := connection.recv(1 << 12)):
            answer += more
        return answer


def begun(address: str, path: str, headers: Mapping[str, str], chunks: Iterable[bytes]) -> socket.socket:
    """A connection on which a request was sent, but for the end of its body, which comes in chunks."""
    parsed = urlsplit(address)
    lines = [f"POST {path} HTTP/1.1", f"Host: {parsed.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection = socket.create_connection((parsed.hostname, parsed.port), timeout=30)
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    # An empty one would be the end.
    for chunk in filter(None, chunks):
        connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    return connection


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[str, int]]:
    """The address of an app with its MCP server, and its process, warm."""
    with served_process("--mcp") as (lines, started):
        address = lines[0].split()[-1]
        # What loads when it is first asked is none of what is sent.
        for path, headers, _, _ in LARGEST:
            httpx.post(f"{address}{path[1:]}", content=b"{}", headers=headers, trust_env=False, timeout=30)
        yield address, started.pid


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory as Linux tells it")


@ON_LINUX
@pytest.mark.parametrize(("path", "headers", "most", "head"), LARGEST)
def test_too_much_is_413_and_is_not_kept(
    watched: tuple[str, int], path: str, headers: Mapping[str, str], most: int, head: bytes
) -> None:
    address, process = watched
    Path(f"/proc/{process}/clear_refs").write_text("5")
    before = resident(process, "VmRSS")
    for _ in range(3):
        declared = {**headers, "Content-Length": str(4 * most)}
        assert_refused(sent(address, path, declared, ()))
        chunks = [head, *[b"7" * (1 << 16)] * ((most >> 16) + 2)]
        assert_refused(sent(address, path, {**headers, "Transfer-Encoding": "chunked"}, chunks))
    assert resident(process, "VmHWM") - before < MOST_GROWTH


def assert_refused(answer: bytes) -> None:
    """It is a 413 with a sentence, gradio's own one of a file included."""
    assert b" 413 " in answer
    assert re.search(rb'\r\n\r\n(\{"(detail|error)": ?")?[A-Z][^"\r\n]+\.("\})?$', answer), answer


SENT_SLOWLY: tuple[tuple[str, Mapping[str, str], bytes, int], ...] = (
    (f"{API_PATH}/queue/join", JSON, DATA_URL, 4),
    (f"{API_PATH}/upload", FORM, FIELD_HEAD, 32),
    (CHECK_PATH, FORM, FORM_HEAD, 32),
    (MCP_PATH, MCP, MCP_CALL, 43),
)
"""Path, headers, what a body begins with, and how many MiB of it are sent."""


@ON_LINUX
@pytest.mark.parametrize(("path", "headers", "head", "size"), SENT_SLOWLY)
def test_many_who_send_slowly_do_not_fill_the_memory(
    watched: tuple[str, int], path: str, headers: Mapping[str, str], head: bytes, size: int
) -> None:
    address, process = watched
    Path(f"/proc/{process}/clear_refs").write_text("5")
    before = resident(process, "VmRSS")
    most = Bounds.held
    # One MiB of each body is not sent.
    chunks = [head, *[b"7" * (1 << 16)] * (16 * size - 16)]
    with ExitStack() as stack:
        slow = [
            stack.enter_context(begun(address, path, {**headers, "Transfer-Encoding": "chunked"}, chunks))
            for _ in range(2 * most // (size << 20))
        ]
        told = [each.recv(1 << 12) for each in select.select(slow, (), (), 5)[0]]
        if path.endswith("upload"):
            assert all(b" 413 " in each for each in told)
        else:
            assert all(b" 503 " in each and b"\r\nretry-after: 2\r\n" in each for each in told)
        assert told
        assert httpx.get(f"{address}healthz", trust_env=False).status_code == 200
    assert resident(process, "VmHWM") - before < 1.25 * most
