"""Uploads: only they are read, however a file is named, and they are removed soon."""

import asyncio
import errno
import os
import re
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request

from demo.api.uploads import GONE, NOT_UPLOADED, remove_older, uploads_folder
from demo.errors import UsageError
from demo.inference.engine import MODELS_FOLDER
from demo.serve import unexpected
from tests.support.offline import KEPT_IDLE
from tests.support.serving import call, served_process

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
META = {"_type": "gradio.FileData"}
ENDPOINTS = ("check", "history", "check_many")

# Nobody answers there: the range is reserved for documentation.
ADDRESS = "http://192.0.2.1/7.png"


def answered(server: str, name: str, file: dict[str, Any]) -> str:
    """Return the answer of an endpoint to a file."""
    return call(server, name, [[file] if name == "check_many" else file])


def uploaded(server: str, name: str = "7.png") -> str:
    """The path of an upload."""
    files = {"files": (name, PICTURE.read_bytes())}
    (path,) = httpx.post(f"{server}gradio_api/upload", files=files, trust_env=False).json()
    return str(path)


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("path", [ADDRESS, str(PICTURE)])
def test_only_what_was_uploaded_is_read(server: str, name: str, path: str) -> None:
    for file in ({"path": path, "meta": META}, {"path": path}, {"path": path, "url": ADDRESS}):
        answer = answered(server, name, file)
        assert NOT_UPLOADED in answer
        assert not re.search("verdict|steps|P\\(fake", answer)


def test_an_upload_is_read_and_not_handed_out(server: str) -> None:
    path = uploaded(server)
    assert '"verdict"' in answered(server, "check", {"path": path, "meta": META})
    # Whatever else stands beside its path does not count.
    other = {"path": path, "url": ADDRESS, "meta": {}, "is_stream": True}
    assert '"verdict"' in answered(server, "check", other)
    response = httpx.get(f"{server}gradio_api/file={path}", trust_env=False)
    assert response.status_code == 404
    for name in (f"{path}x", str(Path(path).parent), f"{Path(path).parent}/./{Path(path).name}"):
        assert '"verdict"' not in answered(server, "check", {"path": name, "meta": META})


@pytest.mark.parametrize(("language", "text"), [("en", GONE), ("zh-CN,en;q=0.5", "请重新选择并发送")])
def test_a_removed_upload_is_410(server: str, language: str, text: str) -> None:
    path = Path(uploaded(server))
    # As it would be named: by the hash of another content.
    gone = str(path.parent.with_name("0" * 64) / path.name)
    answer = httpx.post(
        f"{server}gradio_api/call/check",
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
def test_a_broken_upload_is_refused(server: str, body: bytes, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = httpx.post(
        f"{server}gradio_api/upload?upload_id=1", content=body, headers=headers, trust_env=False
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


def test_clean_up_does_not_follow_links(tmp_path: Path) -> None:
    folder, others = tmp_path / "uploads", tmp_path / "others"
    for each in (folder / "hash", others):
        each.mkdir(parents=True)
        (each / "7.png").write_bytes(b"7")
    (folder / "folder").symlink_to(others)
    (folder / "file").symlink_to(others / "7.png")
    remove_older(folder, 60)
    assert len(list(folder.iterdir())) == 3
    remove_older(folder, -1)
    assert list(folder.iterdir()) == []
    assert (others / "7.png").read_bytes() == b"7"


def test_uploads_lie_in_a_folder_of_their_own_within_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tmp_path / "another-app.png"
    others.write_bytes(b"not ours")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with uploads_folder() as folder:
        assert folder.parent == tmp_path
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
    assert list(tmp_path.iterdir()) == [others]
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(others))
    with pytest.raises(UsageError, match=r"GRADIO_TEMP_DIR .* cannot be written"), uploads_folder():
        pass


def test_an_upload_that_fills_the_disk_may_be_sent_again_later() -> None:
    upload = Request({"type": "http", "path": "/gradio_api/upload", "headers": [], "server": ("app", 80)})
    answer = asyncio.run(unexpected(upload, OSError(errno.ENOSPC, "No space left on device", "secret.png")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert b"try again" in bytes(answer.body)
    assert b"secret" not in bytes(answer.body)
