"""Uploads: only they are read, however a file is named, and they are removed soon."""

import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from demo.api.uploads import GONE, NOT_UPLOADED, uploads_folder
from demo.errors import UsageError
from demo.inference.engine import MODELS_FOLDER
from tests.support.offline import KEPT_IDLE
from tests.support.serving import call, served_process

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
META = {"_type": "gradio.FileData"}
LISTS = ("check_many", "page_many")
ENDPOINTS = ("check", "history", "check_many")

# Nobody answers there: the range is reserved for documentation.
ADDRESS = "http://192.0.2.1/7.png"


def sent_by_the_page(server: str, event: str, data: list[Any], event_data: object = None) -> str:
    """Send an event of the page; return the stream of its answer, or the refusal, as text."""
    with httpx.Client(base_url=server, trust_env=False, timeout=30) as client:
        events = client.get("config").json()["dependencies"]
        (number,) = (each["id"] for each in events if each["api_name"] == event)
        session = uuid4().hex
        body = {"data": data, "event_data": event_data, "fn_index": number, "session_hash": session}
        joined = client.post("gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            return joined.text
        return client.get(f"gradio_api/queue/data?session_hash={session}").text


def answered(server: str, name: str, file: dict[str, Any]) -> str:
    """Return the answer of an endpoint, or of an event of the page, to a file."""
    data: list[Any] = [[file] if name in LISTS else file]
    if name in ENDPOINTS:
        return call(server, name, data)
    if name == "page_check":
        data = [file, json.dumps({"kind": "sent"})]
    if name == "page_many":
        # The page sends null for a state, which the server keeps.
        data = [[file], None]
    return sent_by_the_page(server, name, data, {"run": 1, "refused": []})


def uploaded(server: str, name: str = "7.png") -> str:
    """The path of an upload."""
    files = {"files": (name, PICTURE.read_bytes())}
    (path,) = httpx.post(f"{server}gradio_api/upload", files=files, trust_env=False).json()
    return str(path)


@pytest.mark.parametrize("name", [*ENDPOINTS, "page_check", "page_many"])
@pytest.mark.parametrize("path", [ADDRESS, str(PICTURE)])
def test_only_what_was_uploaded_is_read(tool_server: str, name: str, path: str) -> None:
    for file in ({"path": path, "meta": META}, {"path": path}, {"path": path, "url": ADDRESS}):
        answer = answered(tool_server, name, file)
        assert NOT_UPLOADED in answer
        assert not re.search("verdict|steps|P\\(fake", answer)


def test_an_upload_is_read_and_not_handed_out(tool_server: str) -> None:
    path = uploaded(tool_server)
    assert '"verdict"' in answered(tool_server, "check", {"path": path, "meta": META})
    # Whatever else stands beside its path does not count.
    other = {"path": path, "url": ADDRESS, "meta": {}, "is_stream": True}
    assert '"verdict"' in answered(tool_server, "check", other)
    response = httpx.get(f"{tool_server}gradio_api/file={path}", trust_env=False)
    assert response.status_code == 404
    for name in (f"{path}x", str(Path(path).parent), f"{Path(path).parent}/./{Path(path).name}"):
        assert '"verdict"' not in answered(tool_server, "check", {"path": name, "meta": META})


@pytest.mark.parametrize(("language", "text"), [("en", GONE), ("zh-CN,en;q=0.5", "请重新选择并发送")])
def test_a_removed_upload_is_410(tool_server: str, language: str, text: str) -> None:
    path = Path(uploaded(tool_server))
    # As it would be named: by the hash of another content.
    gone = str(path.parent.with_name("0" * 64) / path.name)
    answer = httpx.post(
        f"{tool_server}gradio_api/call/check",
        json={"data": [{"path": gone, "meta": META}]},
        headers={"accept-language": language},
        trust_env=False,
    )
    assert answer.status_code == 410
    assert text in answer.json()["detail"]


def part(content: bytes, options: str = '; filename="7.png"', kind: str = "boundary=b") -> tuple[bytes, str]:
    """A form of one part, and its type."""
    head = f'--b\r\nContent-Disposition: form-data; name="files"{options}\r\n\r\n'.encode()
    return head + content + b"\r\n--b--\r\n", f"multipart/form-data; {kind}"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *((b"7", ""), (b"7", "image/png"), (b"--b\r\nnothing", part(b"")[1])),
        *(part(b"7", kind=kind) for kind in ("charset=none", "boundary=other", f"boundary={'b' * 300}")),
        *(part(b"7", options) for options in ("", f'; filename="{"a" * 9000}"')),
        (b"--b\r\n: \r\n\r\n7\r\n--b--\r\n", part(b"")[1]),
    ],
)
def test_a_broken_upload_is_refused(tool_server: str, body: bytes, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = httpx.post(
        f"{tool_server}gradio_api/upload?upload_id=1", content=body, headers=headers, trust_env=False
    )
    # Of a form without a known boundary gradio reads no file.
    assert response.status_code in (400, 413) or response.json() == []
    assert response.text


def give_up(address: str, path: str, sent: int) -> None:
    """Begin an upload of ten megabytes, and leave after so many bytes."""
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=60) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n"
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        connection.sendall(part(bytes(sent))[0][: -len("\r\n--b--\r\n")])


def test_some_time_after_the_last_request_nothing_is_left() -> None:
    with served_process(**{KEPT_IDLE: "2"}) as server:
        address = server.address
        given = Path(f"/proc/{server.pid}/environ").read_bytes().decode().split("\0")
        (folder,) = (Path(each.removeprefix("TMPDIR=")) for each in given if each.startswith("TMPDIR="))
        before = set(folder.rglob("*"))
        # A page that stays open asks for nothing.
        heartbeat = httpx.stream("GET", f"{address}gradio_api/heartbeat/resting", trust_env=False)
        with heartbeat as page:
            assert page.status_code == 200
            assert '"verdict"' in answered(address, "check", {"path": uploaded(address), "meta": META})
            for path in ("/gradio_api/upload", "/v1/check"):
                give_up(address, path, 3 << 20)
            assert set(folder.rglob("*")) - before
            until = time.monotonic() + 60
            while set(folder.rglob("*")) - before and time.monotonic() < until:
                time.sleep(0.1)
        assert not set(folder.rglob("*")) - before


def test_uploads_lie_in_a_folder_of_their_own_within_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tmp_path / "another-app.png"
    others.write_bytes(b"not ours")
    for given in (tmp_path, tmp_path / "new"):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(given))
        with uploads_folder() as folder:
            assert folder.parent == given
            assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
        assert not folder.exists()
    assert others.exists()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(others))
    with pytest.raises(UsageError, match=r"GRADIO_TEMP_DIR .* cannot be written"), uploads_folder():
        pass
