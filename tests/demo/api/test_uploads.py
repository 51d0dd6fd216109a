"""Uploads: only they are read, whichever way a file is named, and they are removed soon."""

import json
import os
import re
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from demo.api.limits import CLEANUP_SECONDS, KEPT_WHILE_IDLE
from demo.api.uploads import GONE, NOT_UPLOADED, remove_older, uploads_folder
from demo.errors import UsageError
from demo.inference.engine import MODELS_FOLDER
from tests.support.offline import KEPT_IDLE
from tests.support.serving import call, served_process

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
META = {"_type": "gradio.FileData"}
LISTS = ("check_many", "page_many")
ENDPOINTS = ("check", "history", "check_many")

# Of the range that is for documentation: nobody answers there.
ADDRESSES = ("http://192.0.2.1/7.png", "https://example.org/7.png")


def sent_by_the_page(server: str, event: str, data: list[Any], event_data: object = None) -> str:
    """What an event of the page answers to a browser that sends what it likes: the event stream, as text;
    or why it is refused.
    """
    with urllib.request.urlopen(f"{server}config", timeout=30) as response:
        described = json.load(response)["dependencies"]
    (number,) = (each["id"] for each in described if each["api_name"] == event)
    session = uuid4().hex
    body = {"data": data, "event_data": event_data, "fn_index": number, "session_hash": session}
    request = urllib.request.Request(
        f"{server}gradio_api/queue/join", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30):
            pass
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode()
    queue = f"{server}gradio_api/queue/data?session_hash={session}"
    with urllib.request.urlopen(queue, timeout=30) as response:
        return str(response.read().decode())


def answered(server: str, name: str, file: dict[str, Any]) -> str:
    """What an endpoint, or an event of the page, answers to a file that is named so."""
    data: list[Any] = [[file] if name in LISTS else file]
    if name in ENDPOINTS:
        return call(server, name, data)
    if name == "page_check":
        data = [file, json.dumps({"kind": "sent"})]
    return sent_by_the_page(server, name, data, {"run": 1, "refused": []})


def uploaded(server: str, name: str = "7.png") -> str:
    """The path of an upload."""
    files = {"files": (name, PICTURE.read_bytes())}
    (path,) = httpx.post(f"{server}gradio_api/upload", files=files, trust_env=False).json()
    return str(path)


@pytest.mark.parametrize("name", [*ENDPOINTS, "page_check", "page_many"])
@pytest.mark.parametrize("path", [*ADDRESSES, str(PICTURE), "README.md"])
def test_only_what_was_uploaded_is_read(tool_server: str, name: str, path: str) -> None:
    for file in ({"path": path, "meta": META}, {"path": path}, {"path": path, "url": ADDRESSES[0]}):
        answer = answered(tool_server, name, file)
        assert NOT_UPLOADED in answer
        assert not re.search("verdict|steps|P\\(fake", answer)


def test_an_upload_is_read_and_not_handed_out(tool_server: str) -> None:
    path = uploaded(tool_server)
    assert '"verdict"' in answered(tool_server, "check", {"path": path, "meta": META})
    # Whatever else stands beside its path does not count.
    other = {"path": path, "url": ADDRESSES[0], "meta": {}, "is_stream": True}
    assert '"verdict"' in answered(tool_server, "check", other)
    response = httpx.get(f"{tool_server}gradio_api/file={path}", trust_env=False)
    assert response.status_code == 404
    for name in (f"{path}x", str(Path(path).parent), f"{Path(path).parent}/./{Path(path).name}"):
        assert '"verdict"' not in answered(tool_server, "check", {"path": name, "meta": META})


@pytest.mark.parametrize(("language", "text"), [("en", GONE), ("zh-CN,en;q=0.5", "请重新选择并发送")])
def test_what_was_removed_since_is_to_be_sent_again(tool_server: str, language: str, text: str) -> None:
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


def test_some_time_after_the_last_request_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEPT_IDLE, "2")
    with served_process() as (lines, process):
        address = next(word for word in lines[0].split() if word.startswith("http"))
        given = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
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


def test_uploads_are_gone_five_minutes_after_the_last_request() -> None:
    assert KEPT_WHILE_IDLE + CLEANUP_SECONDS < 300


def test_old_files_and_folders_are_removed_and_new_ones_and_others_stay(tmp_path: Path) -> None:
    folder, outside = tmp_path / "uploads", tmp_path / "outside"
    outside.mkdir()
    (outside / "7.png").write_bytes(b"7")
    (folder / "hash").mkdir(parents=True)
    (folder / "hash" / "7.png").write_bytes(b"7")
    (folder / "link").symlink_to(outside)
    remove_older(folder, 60)
    assert len(list(folder.rglob("*"))) == 3
    time.sleep(0.05)
    remove_older(folder, 0.02)
    assert list(folder.rglob("*")) == []
    assert (outside / "7.png").exists()


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
